/** Something that takes jobs from this process and answers them from another: a cluster, or the bare ceiling. */
export interface BenchTarget {
  readonly name: string;
  /** The processes whose time is counted besides this one. */
  readonly processes: readonly BenchProcess[];
  /** Sends job number `n`. Writes of one turn of the event loop are gathered. */
  send(n: number): void;
  /** Called with the number of each job whose answer has come and is right; `onFault` with what is wrong. */
  onAnswer: (n: number) => void;
  onFault: (error: Error) => void;
  stop(): Promise<void>;
}

export interface BenchProcess {
  readonly name: string;
  readonly pid: number;
}

/** A job's arguments: a JSON object of about 100 bytes. */
export interface BenchJob {
  readonly n: number;
  readonly kind: string;
  readonly path: string;
  readonly sizes: readonly number[];
}

export function benchJob(n: number): BenchJob {
  return { n, kind: 'no-op', path: '/srv/media/incoming/2041/clip-000042.mp4', sizes: [640, 1280, 1920] };
}

/** Throws when the answer to job `n` is not what was sent. */
export function checkAnswer(n: number, answer: unknown): void {
  const { path, sizes } = benchJob(n);
  const { n: gotNumber, path: gotPath, sizes: gotSizes } = (answer ?? {}) as Partial<BenchJob>;
  if (gotNumber !== n || gotPath !== path || gotSizes?.length !== sizes.length) {
    throw new Error(`wrong answer to job ${n}: ${JSON.stringify(answer)}`);
  }
}
