import { createHash } from 'node:crypto';

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

/** What the job's handler answers: it does nothing, and says which job that was. */
export interface BenchAnswer {
  readonly ok: true;
  readonly n: number;
}

/** Throws when the answer is not that of job `n`. */
export function checkAnswer(n: number, answer: unknown): void {
  const { ok, n: told } = (answer ?? {}) as Partial<BenchAnswer>;
  if (told !== n || ok !== true) throw new Error(`wrong answer to job ${n}: ${JSON.stringify(answer)}`);
}

/** Bytes that a CPU-bound job hashes: the decimal digits of its seed, repeated. */
export const hashedBytes = 1_000_000;

/** So many are hashed in turns: the right answers are known before, as to work them out would take the processor from those that are measured. */
const seeds = 16;
/** Of CPU-bound jobs: a thread never waits for the next one, and none waits for long. */
export const hashesInFlight = 16;

/** The seed of job `n`, and what `hashOf` gives for each of them. */
export function seedOf(n: number): number {
  return n % seeds;
}

export function hashAnswers(): string[] {
  return Array.from({ length: seeds }, (_, seed) => hashOf(seed));
}

/** The SHA-256 of those, in hex: what the job `{"seed":7}` answers. */
export function hashOf(seed: number): string {
  return createHash('sha256')
    .update(Buffer.alloc(hashedBytes, String(seed)))
    .digest('hex');
}
