/** Lets a line that comes again and again through once per window, and counts the others. */
export interface RepeatLimiter<T> {
  /** Whether the line may be shown now; if not, it is counted. */
  admit(key: string, line: T, nowMs: number): boolean;
  /** The lines that were held back in windows that are over, or in all, with how often; each is told once. */
  sweep(nowMs: number, options?: { readonly all: boolean }): readonly HeldBack<T>[];
  /** Whether a later sweep will have something to tell. */
  isHolding(): boolean;
}

export interface HeldBack<T> {
  readonly line: T;
  readonly count: number;
  /** When the last of them came. */
  readonly lastAtMs: number;
}

export interface RepeatLimits {
  readonly windowMs: number;
  /** How many different lines are remembered; past it, the oldest is forgotten and may be shown again early. */
  readonly linesMax: number;
}

interface Window<T> {
  readonly sinceMs: number;
  line: T;
  heldBack: number;
  lastAtMs: number;
}

export function createRepeatLimiter<T>({ windowMs, linesMax }: RepeatLimits): RepeatLimiter<T> {
  // In order of `sinceMs`, as a new window is always put at the end.
  const windows = new Map<string, Window<T>>();
  const forgotten: HeldBack<T>[] = [];

  const end = (key: string, window: Window<T>): void => {
    windows.delete(key);
    // What is forgotten for want of room is still told, one line for each; that list is bounded too.
    if (window.heldBack > 0 && forgotten.length < linesMax) {
      forgotten.push({ line: window.line, count: window.heldBack, lastAtMs: window.lastAtMs });
    }
  };

  return {
    admit: (key, line, nowMs) => {
      const window = windows.get(key);
      if (window !== undefined && nowMs - window.sinceMs < windowMs) {
        window.line = line;
        window.heldBack += 1;
        window.lastAtMs = nowMs;
        return false;
      }
      if (window !== undefined) end(key, window);
      for (const [oldest, oldestWindow] of windows) {
        if (windows.size < linesMax) break;
        end(oldest, oldestWindow);
      }
      windows.set(key, { sinceMs: nowMs, line, heldBack: 0, lastAtMs: nowMs });
      return true;
    },
    sweep: (nowMs, { all } = { all: false }) => {
      for (const [key, window] of windows) {
        if (!all && nowMs - window.sinceMs < windowMs) break;
        end(key, window);
      }
      return forgotten.splice(0);
    },
    isHolding: () => forgotten.length > 0 || [...windows.values()].some(({ heldBack }) => heldBack > 0),
  };
}
