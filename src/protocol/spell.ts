import { RondoError } from '../core/errors.js';
import { jobIdPattern, namePattern } from '../core/ids.js';
import { limits } from '../core/limits.js';
import { errorReply, type Reply } from '../core/reply.js';
import { isTopic, isTopicOrPattern } from '../core/topics/topic.js';
import { parseDuration } from '../core/units.js';
import {
  checkTogether,
  emptyDraft,
  nameRule,
  type OptionDraft,
  type OptionName,
  optionSpecs,
} from './options.js';
import { quoted, suggestion } from './wording.js';

/** Options as they stand on the line. */
export type SpelledOptions = readonly (readonly [key: string, value: string])[];

/** Options of the calls that are none of the protocol. */
const ownOptions: Readonly<Record<string, readonly string[]>> = {
  map: ['window', 'ordered', 'settle', 'keys'],
  stream: ['cancel', 'onRestart', 'onMissed'],
  subscribe: ['onGap'],
};

const runningOptions = [
  'priority',
  'timeout',
  'retries',
  'backoff',
  'route',
  'affinity',
  'on',
  'node',
  'copies',
  'durable',
  'ttl',
] as const;

/** What each call takes. */
export const optionNames = {
  submit: [...runningOptions, 'delay', 'at', 'key', 'after'],
  stream: [...runningOptions, 'delay', 'at', 'key', 'after'],
  subscribe: ['replay'],
  map: [...runningOptions, 'delay', 'at', 'after'],
  schedule: [...runningOptions, 'cron', 'zone', 'key'],
  wait: ['timeout'],
  jobs: ['state', 'task', 'limit'],
  schedules: ['task', 'limit'],
  none: [],
} as const satisfies Readonly<Record<string, readonly OptionName[]>>;

/**
 * Options as the line protocol spells them, checked by the rules of a node, so that what can't be right never goes out. Throws a
 * `RondoError` that names the option and says what may stand there.
 */
export function spellOptions(options: object, call: keyof typeof optionNames): SpelledOptions {
  const { signal } = (options ?? {}) as { signal?: unknown };
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw bad('signal is an AbortSignal');
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw bad(`options are an object, not ${described(options)}`);
  const allowed: readonly string[] = optionNames[call];
  const draft = emptyDraft();
  const spelled: [string, string][] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || name === 'signal' || ownOptions[call]?.includes(name)) continue;
    if (!allowed.includes(name))
      throw bad(`there is no option ${quoted(name)} here.${suggestion(name, allowed)}`);
    for (const text of spell(name as OptionName, value)) {
      const fault = optionSpecs.get(name)?.read(draft, text) ?? null;
      if (fault !== null && !fault.ok) throw new RondoError(fault.code, fault.message);
      spelled.push([name, text]);
    }
    draft.given.push(name);
  }
  const fault = checkTogether(draft);
  if (fault !== null && !fault.ok) throw new RondoError(fault.code, fault.message);
  return spelled;
}

/** What spelled options say. They may come from a thread that runs anybody's code: what won't do is the error to answer. */
export function readSpelled(spelled: SpelledOptions, call: keyof typeof optionNames): OptionDraft | Reply {
  const allowed: readonly string[] = optionNames[call];
  const draft = emptyDraft();
  for (const [name, text] of spelled) {
    const spec = allowed.includes(name) ? optionSpecs.get(name) : undefined;
    if (spec === undefined) return errorReply('BAD_OPTION', `there is no option ${quoted(name)} here`);
    const fault = spec.read(draft, text);
    if (fault !== null) return fault;
    draft.given.push(name);
  }
  return checkTogether(draft) ?? draft;
}

function spell(name: OptionName, value: unknown): string[] {
  switch (name) {
    case 'priority':
    case 'retries':
    case 'copies':
    case 'limit':
    case 'replay':
      if (Number.isSafeInteger(value)) return [String(value)];
      throw wrong(name, value, 'a whole number');
    case 'delay':
    case 'timeout':
    case 'backoff':
    case 'ttl':
      return [spellDuration(name, value)];
    case 'at':
      return [spellTime(value)];
    case 'durable':
      if (typeof value === 'boolean') return [value ? 'yes' : 'no'];
      throw wrong(name, value, 'true or false');
    case 'on':
      return spellTags(value);
    case 'after':
      return spellJobs(value);
    default:
      if (typeof value === 'string') return [value];
      throw wrong(name, value, 'a text');
  }
}

function spellDuration(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return `${value}ms`;
  throw wrong(
    name,
    value,
    "a whole number of milliseconds from 0, or a text like '250ms', '30s', '5m', '2h'",
  );
}

function spellTime(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  throw wrong('at', value, 'a Date, or a text like 2030-01-31T08:00:00Z');
}

function spellTags(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong('on', value, "an object of tags, like { zone: 'eu' }");
  return Object.entries(value).map(([tag, wanted]) => {
    if (typeof wanted !== 'string') throw wrong(`on.${tag}`, wanted, 'a text');
    return `${tag}=${wanted}`;
  });
}

/** No jobs to come after is no option at all: a list that is made by a program may be empty. */
function spellJobs(value: unknown): string[] {
  const jobs: readonly unknown[] = Array.isArray(value) ? value : [value];
  return jobs.length === 0 ? [] : [jobs.map((job) => idOf(job)).join(',')];
}

/** The id of a job. Throws a `RondoError` for what can't be one. */
export function idOf(job: unknown): string {
  const id = typeof job === 'object' && job !== null ? (job as { id?: unknown }).id : job;
  if (typeof id === 'string' && jobIdPattern.test(id)) return id;
  throw new RondoError('BAD_REQUEST', `${described(id)} is no job id: take it from what submit() gave`);
}

/** The name of a task or a node. Throws a `RondoError` for what can't be one. */
export function nameOf(what: 'task' | 'node', name: unknown): string {
  if (typeof name === 'string' && namePattern.test(name)) return name;
  throw new RondoError('BAD_REQUEST', `${described(name)} is no name of a ${what}: ${nameRule}`);
}

/** The names of topics, as operands. Throws a `RondoError` for what can't be one. */
export function topicsOf(names: unknown, may: 'have patterns' | 'have none'): string[] {
  const all: readonly unknown[] = Array.isArray(names) ? names : [names];
  if (all.length === 0 || all.length > limits.topicsPerRequestMax)
    throw new RondoError('BAD_REQUEST', `give 1 to ${limits.topicsPerRequestMax} topics`);
  const isRight = may === 'have patterns' ? isTopicOrPattern : isTopic;
  const wrong = all.find((name) => typeof name !== 'string' || !isRight(name));
  if (wrong === undefined) return all as string[];
  const rule = `${limits.topicLengthMax} characters at most: levels of A-Z a-z 0-9 _ : / - with dots between them`;
  const pattern = may === 'have patterns' ? ", of which '*' stands for any" : ', no patterns';
  throw new RondoError('BAD_REQUEST', `${described(wrong)} is no topic: ${rule}${pattern}`);
}

/** A cron expression as one word. Throws a `RondoError` for what is no text. */
export function cronOf(expression: unknown): string {
  if (typeof expression === 'string' && expression.trim() !== '')
    return expression.trim().split(/\s+/).join('_');
  throw wrong('cron', expression, "a text like '30 8 * * MON-FRI' or '@hourly'");
}

/** Whether an option that is a duration is nothing at all. */
export function isZero(duration: unknown): boolean {
  return duration === 0 || (typeof duration === 'string' && parseDuration(duration) === 0);
}

function wrong(name: string, value: unknown, rule: string): RondoError {
  return bad(`${name}: ${described(value)} won't do: it is ${rule}`);
}

function bad(message: string): RondoError {
  return new RondoError('BAD_OPTION', message);
}

function described(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null || typeof value !== 'object')
    return typeof value === 'function' ? 'a function' : String(value);
  if (value instanceof Date) return 'an invalid Date';
  return Array.isArray(value) ? 'an array' : 'an object';
}
