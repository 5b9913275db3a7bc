import { limits } from '../core/limits.js';
import { formatDuration, parseDuration } from '../core/units.js';

/** Reads `250ms`, `30s`, `5m` or `2h` as milliseconds; a string instead says why it can't be read. */
export function durationOf(text: string): number | string {
  const ms = parseDuration(text);
  if (ms === null) return 'a duration is a whole number with its unit: 250ms, 30s, 5m or 2h';
  if (ms > limits.durationMsMax) return `a duration is at most ${formatDuration(limits.durationMsMax)}`;
  return ms;
}
