import { Cron } from 'croner';
import { limits } from '../core/limits.js';
import { quoted } from './wording.js';

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
  return nextTimeMs(cron, timeZone, afterWallMs) === null
    ? 'no such day ever comes: give one that the month has'
    : null;
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
  const wrongZone = timeZone === null ? null : zoneFault(timeZone);
  if (wrongZone !== null) return wrongZone;
  const wrongShape = shapeFault(cron);
  if (wrongShape !== null) return wrongShape;
  try {
    return patternOf(cron, timeZone);
  } catch {
    return fieldFault(cron);
  }
}

/** Croner takes a date for a pattern that fits once, and `?` for the moment at which it is read. */
function shapeFault(cron: string): string | null {
  if (cron.startsWith('@')) {
    const isKnown = nicknames.includes(cron.toLowerCase());
    return isKnown ? null : `no such nickname: give one of ${nicknames.join(', ')}, or ${fieldsOfFive}`;
  }
  const count = cron.trim() === '' ? 0 : cron.split(' ').length;
  if (count === 5 || count === 6) return cron.includes('?') ? '? has no fixed meaning: write *' : null;
  const few = count === 1 ? '1 field is too few' : `${count} fields are too ${count < 5 ? 'few' : 'many'}`;
  return `${count === 0 ? 'it is empty' : few}: give ${fieldsOfFive}, or a nickname like @hourly`;
}

function patternOf(cron: string, timeZone: string | null): Cron {
  return new Cron(cron, { timezone: timeZone ?? 'UTC', mode: '5-or-6-parts' });
}

const nicknames = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const fieldsOfFive =
  'minute, hour, day of month, month and day of week, with seconds before them or not (30 8 * * MON-FRI)';

/** From the last one to the first, since the first may be left out. */
const fields = [
  { name: 'day of week', values: '0 to 7 or SUN to SAT' },
  { name: 'month', values: '1 to 12 or JAN to DEC' },
  { name: 'day of month', values: '1 to 31 or L' },
  { name: 'hour', values: '0 to 23' },
  { name: 'minute', values: '0 to 59' },
  { name: 'second', values: '0 to 59' },
];

/** Croner's own words name entries by number, months from 0, and its own options. So each field is tried beside ones that are right. */
function fieldFault(cron: string): string {
  const given = cron.trim().split(/\s+/);
  for (const [index, field] of given.entries()) {
    try {
      patternOf(given.map((_, other) => (other === index ? field : '*')).join(' '), null);
    } catch {
      const { name, values } = fields[given.length - 1 - index] ?? { name: 'field', values: 'a number' };
      return `${quoted(field)} is no ${name}: give ${values}, *, a list (1,3), a range from lower to higher (1-5) or steps (*/2)`;
    }
  }
  return `give ${fieldsOfFive}`;
}

/** What is wrong with the name of a time zone; null where it is one. */
export function zoneFault(name: string): string | null {
  return isTimeZone(name) ? null : 'no such time zone: give an IANA name like Europe/Berlin';
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
