import { limits } from '../core/limits.js';

/** A unit of a duration, and what it is in milliseconds. */
const unitsMs = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
const durationPattern = /^([0-9]+)(ms|s|m|h)$/;

/** Reads `250ms`, `30s`, `5m` or `2h` as milliseconds; a string instead says why it can't be read. */
export function parseDuration(text: string): number | string {
  const match = durationPattern.exec(text);
  if (match === null) return 'a duration is a whole number with its unit: 250ms, 30s, 5m or 2h';
  const ms = Number(match[1]) * (unitsMs.get(match[2] as string) as number);
  if (ms > limits.durationMsMax) return `a duration is at most ${formatDuration(limits.durationMsMax)}`;
  return ms;
}

/** Writes milliseconds in the largest unit that keeps them whole: 90000 is `90s`. */
export function formatDuration(ms: number): string {
  if (ms > 0) {
    for (const [unit, unitMs] of [...unitsMs].reverse()) {
      if (ms % unitMs === 0) return `${ms / unitMs}${unit}`;
    }
  }
  return `${Math.round(ms)}ms`;
}
