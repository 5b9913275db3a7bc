import type { Pace } from '../contender-process.js';
import { type BenchTarget, hashAnswers, hashesInFlight, seedOf } from '../target.js';
import { answerTo, measureRow } from './peer-measures.js';

export const hashThreads = 2;

/** Workload l; `targetOf` makes a target whose answer to job `n` is what `check` says of the hash of `seedOf(n)`. */
export async function measureHashes(
  targetOf: (check: (n: number, hash: unknown) => unknown) => BenchTarget,
  pace: Pace,
): Promise<void> {
  const hashes = hashAnswers();
  const check = (n: number, hash: unknown): unknown => (hash === hashes[seedOf(n)] ? answerTo(n) : hash);
  const row = { workload: 'l', row: `${hashThreads} threads`, inFlight: hashesInFlight } as const;
  await measureRow(targetOf(check), pace, row);
}
