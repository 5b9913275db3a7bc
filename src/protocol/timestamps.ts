import { limits } from '../core/limits.js';
import { formatDuration } from '../core/units.js';

const timestampPattern =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

/**
 * Reads an ISO 8601 time with its zone as milliseconds since 1970; a string instead says why it won't do. A time without a
 * zone is refused: it would mean another moment on every node. One that is over is none too late.
 */
export function timestampOf(text: string, wallMs: number): number | string {
  const ms = parseTimestamp(text);
  if (ms === null) return 'a time is ISO 8601 with its zone: 2030-01-31T08:00:00Z or ...T10:00:00+02:00';
  if (ms - wallMs > limits.durationMsMax) {
    return `a time is at most ${formatDuration(limits.durationMsMax)} from now`;
  }
  return ms;
}

function parseTimestamp(text: string): number | null {
  const match = timestampPattern.exec(text);
  if (match === null) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  // Date.parse takes 31 February for 3 March.
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms < 0 ? null : ms;
}
