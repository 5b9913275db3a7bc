import { Cron } from 'croner';
import { limits } from '../core/limits.js';
import { onOneLine } from './wording.js';

/** Expressions that are used again and again are taken apart once. */
const parsedMax = 1_000;
const parsed = new Map<string, Cron | string>();

/**
 * The first time after `afterWallMs` that the expression names in that time zone, in ms since 1970; null where it names none,
 * or won't do. Always the same for the same arguments.
 */
export function nextTimeMs(cron: string, timeZone: string | null, afterWallMs: number): number | null {
  const found = parse(cron, timeZone);
  if (typeof found === 'string') return null;
  try {
    return found.nextRun(new Date(afterWallMs))?.getTime() ?? null;
  } catch {
    // A moment that no Date can hold.
    return null;
  }
}

/** What is wrong with an expression or its time zone; null where it will fire after that time. */
export function cronFault(cron: string, timeZone: string | null, afterWallMs: number): string | null {
  const found = parse(cron, timeZone);
  if (typeof found === 'string') return found;
  return nextTimeMs(cron, timeZone, afterWallMs) === null ? 'no such day ever comes' : null;
}

function parse(cron: string, timeZone: string | null): Cron | string {
  const key = `${timeZone} ${cron}`;
  let found = parsed.get(key);
  if (found !== undefined) return found;
  if (parsed.size >= parsedMax) parsed.clear();
  found = parseAnew(cron, timeZone);
  parsed.set(key, found);
  return found;
}

function parseAnew(cron: string, timeZone: string | null): Cron | string {
  if (cron.length > limits.cronLengthMax) return `it has more than ${limits.cronLengthMax} characters`;
  if (timeZone !== null && !isTimeZone(timeZone)) {
    return `${JSON.stringify(timeZone)} is no time zone: give an IANA name like Europe/Berlin`;
  }
  const fieldCount = cron.split(' ').length;
  // Croner takes a date for a pattern that fits once, and `?` for the moment at which it is read.
  if (!cron.startsWith('@') && fieldCount !== 5 && fieldCount !== 6) {
    return 'it is minute, hour, day of month, month and day of week, with seconds before them or not, or a nickname like @hourly';
  }
  if (cron.includes('?')) return '? has no fixed meaning: write *';
  try {
    return new Cron(cron, { timezone: timeZone ?? 'UTC', mode: '5-or-6-parts' });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return onOneLine(text.replace(/^Cron(?:Pattern|Date): /, '')).slice(0, 200);
  }
}

function isTimeZone(name: string): boolean {
  if (name.length > limits.timeZoneLengthMax) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
