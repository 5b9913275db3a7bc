import type { Pace } from '../contender-process.js';
import { type BenchTarget, hashOf } from '../target.js';
import { answerTo, measureRow } from './peer-measures.js';

export const hashThreads = 2;
/** A thread never waits for the next job, and none waits for long. */
const inFlight = 8;
/** The right answers are known before: to work them out here would take the processor from those that are measured. */
const seeds = 16;

export function seedOf(n: number): number {
  return n % seeds;
}

/** Workload l; `targetOf` makes a target whose answer to job `n` is what `check` says of the hash of `seedOf(n)`. */
export async function measureHashes(
  targetOf: (check: (n: number, hash: unknown) => unknown) => BenchTarget,
  pace: Pace,
): Promise<void> {
  const hashes = Array.from({ length: seeds }, (_, seed) => hashOf(seed));
  const check = (n: number, hash: unknown): unknown => (hash === hashes[seedOf(n)] ? answerTo(n) : hash);
  await measureRow(targetOf(check), pace, { workload: 'l', row: `${hashThreads} threads`, inFlight });
}
