import type { Random } from './random.js';

/** The first and the longest wait of a backoff. */
export interface BackoffRange {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * The wait after so many failures in a row, from 1: `min × 2^(failures − 1)`, at most `max`, and of that a random part between
 * half and all ("equal jitter"), so that nodes that lost the same peer at once don't come back to it at once, nor jobs that
 * failed together to whatever failed them.
 */
export function backoffMs(failures: number, { minMs, maxMs }: BackoffRange, random: Random): number {
  // 2^30 is over any range; without a bound the power overflows to Infinity.
  const fullMs = Math.min(maxMs, minMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return fullMs * (0.5 + 0.5 * random.next());
}
