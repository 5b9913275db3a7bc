/** What is measured: a letter each, as the results page lists them. */
export const workloads = {
  a: 'no-op jobs of 100 bytes: submitted, run in another process, answered',
  b: 'the same, one at a time',
  c: 'acknowledged enqueue',
  d: 'durable: on disk before it is acknowledged',
  e: 'a job for each of 100,000 lines',
  f: 'publish to subscribers',
  g: 'one stream of bytes',
  h: 'jobs that wait, on more and more nodes',
  i: 'jobs beside a long queue',
  j: 'with and without TLS',
  k: 'ready, and idle',
  l: 'CPU-bound work: SHA-256 of 1 MB',
} as const;

export type WorkloadId = keyof typeof workloads;

/** A system in one setting, as it is started for a measurement. */
export interface Contender {
  /** The system, as `--only` takes it: `gearman`. */
  readonly system: string;
  /** Unique among all, as it stands in tables: `gearmand -t 4`. */
  readonly name: string;
  /** What a reader must know to run the same: servers' flags, client, depths. One sentence or two. */
  readonly settings: string;
  readonly workloads: readonly WorkloadId[];
  /** The process that measures one workload: a command that prints lines of `@` and a `Figure`, and ends. */
  command(
    workload: WorkloadId,
    isQuick: boolean,
  ): { readonly file: string; readonly args: readonly string[] };
}

/** One number that a process has measured. */
export interface Figure {
  readonly workload: WorkloadId;
  /** Which case of the workload: `1000 in flight`, `10^6 queued`, `8 nodes`. */
  readonly row: string;
  /** `rate`, `p50`, `p99`, `p99.9`, `efficiency`, `ready`, `resident`, `cpu`. */
  readonly metric: string;
  /** `jobs/s`, `µs`, `MB/s`, `ms`, `MiB`, `% of a core`, `%`. */
  readonly unit: string;
  readonly value: number;
  /** Microseconds of processor time per job (message, line), by process. */
  readonly cpuMicros?: Readonly<Record<string, number>>;
}

/** Tells the figure to the process that has started this one. */
export function tellFigure(figure: Figure): void {
  process.stdout.write(`@${JSON.stringify(figure)}\n`);
}

/** The figures in what such a process has printed. */
export function readFigures(output: string): Figure[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('@{'))
    .map((line) => JSON.parse(line.slice(1)) as Figure);
}
