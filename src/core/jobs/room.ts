/** What an executor knows of itself when it says how much each owner may send. */
export interface RoomFacts {
  /** Attempts that run at once on this node. */
  readonly concurrency: number;
  /** Attempts that ended in the last `aheadMs`, for all owners together. */
  readonly endedLately: number;
  /** Owners that have attempts here, or had some in that time. */
  readonly ownersActive: number;
  readonly windowMax: number;
}

/**
 * The window of an active owner: its share of `concurrency + endedLately`, at least 1. So an executor has as much work
 * waiting as it does in `aheadMs`: hundreds of attempts of a microsecond each, but next to none of an hour, which
 * are better off waiting at their owner, where another executor can take them.
 */
export function activeWindow({ concurrency, endedLately, ownersActive, windowMax }: RoomFacts): number {
  if (concurrency === 0) return 0;
  const share = Math.ceil((concurrency + endedLately) / Math.max(1, ownersActive));
  return Math.max(1, Math.min(windowMax, share));
}

/** The window of an owner that has sent nothing lately: enough to start at once, before the first grant answers. */
export function idleWindow(concurrency: number): number {
  return concurrency;
}

/** Whether a change is worth a message: to or from nothing, or by a quarter. */
export function isWorthTelling(told: number, window: number): boolean {
  if (told === window) return false;
  if (told === 0 || window === 0) return true;
  return Math.abs(window - told) * 4 >= told;
}
