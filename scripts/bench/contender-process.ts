import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import { dataPrefix } from './directories.js';
import { type Figure, tellFigure, type WorkloadId } from './figures.js';
import type { Latency, Throughput } from './load.js';

/** How long a measurement takes: a fixed time and no fixed count, as machines drift. */
export interface Pace {
  readonly isQuick: boolean;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

const fullPace: Pace = { isQuick: false, warmUpMs: 2_000, measureMs: 3_000 };
const quickPace: Pace = { isQuick: true, warmUpMs: 1_000, measureMs: 700 };

/** Where the same was measured before: its code is compiled, and only what was left of that has to end. */
export function warm(pace: Pace): Pace {
  return { ...pace, warmUpMs: pace.warmUpMs / 4 };
}

/** Workload b: so many jobs before those that count, the same for everybody. */
export function warmUpJobsOf({ isQuick }: Pace): number {
  return isQuick ? 500 : 3_000;
}

export type Measure = (setting: string, pace: Pace) => Promise<void>;

/**
 * The whole life of a process that measures: `NAME.js WORKLOAD SETTING [--quick]`. It ends by itself, with 1 after a fault, which stands on standard
 * error then; at SIGTERM it ends what it has started.
 */
export async function runContender(
  measurements: Readonly<Partial<Record<WorkloadId, Measure>>>,
): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
  process.once('disconnect', endOrphaned);
  // Gone before this process was there to notice.
  if (process.send !== undefined && !process.connected) endOrphaned();
  const [workload = '', setting = '', ...flags] = process.argv.slice(2);
  const measure = measurements[workload as WorkloadId];
  if (measure === undefined) {
    process.stderr.write(
      `there is no workload "${workload}" here, only ${Object.keys(measurements).join(', ')}\n`,
    );
    process.exit(2);
  }
  try {
    await measure(setting, flags.includes('--quick') ? quickPace : fullPace);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).stack ?? error}\n`);
    process.exit(1);
  }
}

/** Nobody is left to remove the data of the run, in which everybody's temporary files are. */
function endOrphaned(): void {
  const directory = tmpdir();
  // Last of all: what was started is ended by those who are told before.
  process.once('exit', () => {
    if (basename(directory).startsWith(dataPrefix))
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  process.exit(130);
}

type Where = Pick<Figure, 'workload' | 'row'>;

export function tellRate(where: Where, { jobsPerSecond, cpuMicrosPerJob }: Throughput): void {
  const cpuMicros = Object.fromEntries(cpuMicrosPerJob.map(({ name, micros }) => [name, rounded(micros)]));
  tellFigure({ ...where, metric: 'rate', unit: 'jobs/s', value: rounded(jobsPerSecond), cpuMicros });
}

/** Of fewer, p99.9 would rest on less than ten jobs, and is not told. */
const jobsOfLastQuantile = 10_000;

export function tellLatency(where: Where, { jobs, p50Ms, p99Ms, p999Ms }: Latency): void {
  const told = [
    ['p50', p50Ms],
    ['p99', p99Ms],
    ...(jobs < jobsOfLastQuantile ? [] : [['p99.9', p999Ms] as const]),
  ] as const;
  for (const [metric, ms] of told) tellFigure({ ...where, metric, unit: 'µs', value: rounded(ms * 1_000) });
}

/** What lies behind is noise, and would fill the file of results. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
