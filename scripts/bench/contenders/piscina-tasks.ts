import { type BenchAnswer, type BenchJob, hashOf } from '../target.js';
import { answerTo } from './peer-measures.js';

/** What piscina's threads run. */
export async function noOp({ n }: BenchJob): Promise<BenchAnswer> {
  return answerTo(n);
}

export function hash({ seed }: { readonly seed: number }): string {
  return hashOf(seed);
}
