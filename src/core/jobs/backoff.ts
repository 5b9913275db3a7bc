import type { Random } from '../random.js';

/**
 * The pause before retry number `failures` (from 1): base × 2^(failures−1), at most `maxMs`, then a random half of it
 * taken off ("equal jitter"), so that jobs that failed together don't come back together.
 */
export function retryPauseMs(failures: number, baseMs: number, maxMs: number, random: Random): number {
  const doubled = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(doubled / 2 + random.next() * (doubled / 2));
}
