import { type Command, InvalidArgumentError, Option } from 'commander';
import { jobIdPattern, namePattern } from '../core/ids.js';
import { limits } from '../core/limits.js';
import { durationOf } from '../protocol/durations.js';
import { timestampOf } from '../protocol/timestamps.js';
import { withEitherOf } from './exclusive-flags.js';

/** The flags that say how a job is to run; each is an option of SUBMIT and RUN. */
export interface SubmitFlags {
  readonly priority?: string;
  readonly delay?: string;
  readonly at?: string;
  readonly timeout?: string;
  readonly retries?: string;
  readonly backoff?: string;
  readonly key?: string;
  readonly route?: string;
  readonly affinity?: string;
  readonly on?: readonly string[];
  readonly to?: string;
  readonly copies?: string;
  readonly durable?: boolean;
  readonly ttl?: string;
  readonly after?: string;
  readonly cron?: string;
  readonly zone?: string;
}

const { priorityMax, retriesMax } = limits;

export function withSubmitOptions(command: Command): Command {
  return withRunOptions(
    command
      .option('--delay <duration>', 'start no sooner than this, for example 30s', duration)
      .option('--at <time>', 'start no sooner than this time, with its zone: 2030-01-31T08:00:00Z', time),
  );
}

/** Those of a job that has its time from a schedule. */
export function withRunOptions(command: Command): Command {
  return withEitherOf(command, 'durable')
    .option('--priority <n>', 'higher runs first (default: 0)', wholeNumber(-priorityMax, priorityMax))
    .option('--timeout <duration>', 'limit of one attempt', duration)
    .option('--retries <n>', 'attempts after the first, when it fails', wholeNumber(0, retriesMax))
    .option('--backoff <duration>', 'wait before a retry, doubled each time', duration)
    .addOption(
      new Option('--route <policy>', 'how the node to run on is chosen').choices([
        'round-robin',
        'least-loaded',
        'affinity',
      ]),
    )
    .option('--affinity <word>', 'jobs with the same word go to the same node', word)
    .option('--on <tag=value>', 'only nodes with this tag; may be repeated', tag)
    .option('--to <node>', 'only the node of this name', name)
    .option(
      '--copies <n>',
      'nodes that hold the job before it is acknowledged (default: 2 where two are alive)',
      wholeNumber(1, limits.copiesMax),
    )
    .option(
      '--durable',
      'on disk at each of them before it is acknowledged (default: where enough nodes have a journal)',
    )
    .option('--no-durable', 'in memory only: faster, and lost when all that hold it are lost at once')
    .option('--ttl <duration>', 'how long the outcome is kept', duration);
}

/** `--key`; apart from the others, for it makes no sense where one command submits many jobs. */
export function withKeyOption(command: Command): Command {
  return command.option(
    '--key <word>',
    'the same key gives the same job, however often it is submitted (default: a new one where --node lists several nodes, else none)',
    word,
  );
}

/** `--after`; apart from the others, as `--key` is. */
export function withAfterOption(command: Command): Command {
  return command.option(
    '--after <id,...>',
    'start once these jobs are done, and fail when one of them fails',
    jobIds,
  );
}

/** The options as they are spelled on the line. */
export function submitOptionsOf(flags: SubmitFlags): (readonly [key: string, value: string])[] {
  const options: (readonly [string, string])[] = [];
  const add = (key: string, value: string | undefined): void => {
    if (value !== undefined) options.push([key, value]);
  };
  add('priority', flags.priority);
  add('delay', flags.delay);
  add('at', flags.at);
  add('timeout', flags.timeout);
  add('retries', flags.retries);
  add('backoff', flags.backoff);
  add('key', flags.key);
  add('route', flags.route);
  add('affinity', flags.affinity);
  for (const pair of flags.on ?? []) add('on', pair);
  add('node', flags.to);
  add('copies', flags.copies);
  if (flags.durable !== undefined) add('durable', flags.durable ? 'yes' : 'no');
  add('ttl', flags.ttl);
  add('after', flags.after);
  add('cron', flags.cron);
  add('zone', flags.zone);
  return options;
}

export function duration(text: string): string {
  const ms = durationOf(text);
  if (typeof ms === 'number') return text;
  throw new InvalidArgumentError(`${ms}.`);
}

export function wholeNumber(min: number, max: number): (text: string) => string {
  return (text) => {
    const number = Number(text);
    if (/^-?\d{1,15}$/.test(text) && number >= min && number <= max) return String(number);
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}

function time(text: string): string {
  const atMs = timestampOf(text, Date.now());
  if (typeof atMs === 'number') return text;
  throw new InvalidArgumentError(`${atMs}.`);
}

export function name(text: string): string {
  if (namePattern.test(text)) return text;
  throw new InvalidArgumentError('A name is 1 to 64 of A-Z a-z 0-9 _ . : / -');
}

/** People write a blank after a comma; on the line there is none. */
function jobIds(text: string): string {
  const ids = text.split(',').map((id) => id.trim());
  const wrong = ids.find((id) => !jobIdPattern.test(id));
  if (wrong === undefined) return ids.join(',');
  throw new InvalidArgumentError(
    `${JSON.stringify(wrong)} is no job id: give ids that \`rondo submit\` printed, with commas between them.`,
  );
}

function word(text: string): string {
  if (text.length <= limits.keyLengthMax && /^[!-~]+$/.test(text)) return text;
  throw new InvalidArgumentError(
    `It is 1 to ${limits.keyLengthMax} printable ASCII characters without spaces.`,
  );
}

/** What can't stand on the line; whether there is such a zone, the node says. */
export function zone(text: string): string {
  if (/^\S+$/.test(text)) return text;
  throw new InvalidArgumentError('No such time zone: give an IANA name like Europe/Berlin.');
}

function tag(text: string, earlier: readonly string[] = []): string[] {
  const [key, value, ...rest] = text.split('=');
  if (value === undefined)
    throw new InvalidArgumentError(
      `${JSON.stringify(text)} has no "=": write it as KEY=VALUE, for example zone=eu.`,
    );
  if (rest.length === 0 && namePattern.test(key ?? '') && namePattern.test(value ?? '')) {
    return [...earlier, text];
  }
  throw new InvalidArgumentError('Write it as KEY=VALUE, for example zone=eu.');
}
