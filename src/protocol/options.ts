import { defaultSubmitOptions, type RoutePolicy, type SubmitOptions } from '../core/commands.js';
import { namePattern } from '../core/ids.js';
import { type JobState, jobStates } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import { errorReply, type Reply } from '../core/reply.js';
import { cronFault, zoneFault } from './cron.js';
import { badValue, readDuration, readJobs, readKey, readWhole } from './option-values.js';
import { timestampOf } from './timestamps.js';

/** What the options of one request say, as they are read one by one. */
export interface OptionDraft {
  readonly submit: { -readonly [Name in keyof SubmitOptions]: SubmitOptions[Name] };
  /** Names of the options read so far. */
  readonly given: string[];
  state: JobState | null;
  task: string | null;
  limit: number;
  /** Length of the body that follows the line, or null when none does. */
  bodyBytes: number | null;
  binary: boolean;
  stream: boolean;
  replay: number;
}

/** One option of the command table: how it is written, what it does, and how its value is read. */
export interface OptionSpec {
  readonly name: string;
  /** What stands after the `=`, as HELP shows it. */
  readonly form: string;
  readonly summary: string;
  readonly repeatable?: boolean;
  /** Puts the value into the draft; returns the error to answer when it can't. */
  read(draft: OptionDraft, value: string): Reply | null;
}

export type OptionName = (typeof optionTable)[number]['name'];

const routes: readonly RoutePolicy[] = ['round-robin', 'least-loaded', 'affinity'];

const optionTable = [
  {
    name: 'priority',
    form: 'N',
    summary: 'higher first; from -1000000 to 1000000, default 0',
    read: (draft, value) =>
      readWhole('priority', value, -limits.priorityMax, limits.priorityMax, (priority) => {
        draft.submit.priority = priority;
      }),
  },
  {
    name: 'delay',
    form: 'D',
    summary: 'how long the job waits before it may start',
    read: (draft, value) =>
      readDuration('delay', value, 0, (ms) => {
        draft.submit.delayMs = ms;
      }),
  },
  {
    name: 'at',
    form: 'ISO-8601',
    summary: 'when the job may start, with its time zone: 2030-01-31T08:00:00Z',
    read: (draft, value) => {
      const atMs = timestampOf(value, Date.now());
      if (typeof atMs === 'string') return badValue('at', value, atMs);
      draft.submit.atMs = atMs;
      return null;
    },
  },
  {
    name: 'timeout',
    form: 'D',
    summary: 'SUBMIT and RUN: limit of one attempt; WAIT: how long to wait',
    read: (draft, value) =>
      readDuration('timeout', value, 1, (ms) => {
        draft.submit.timeoutMs = ms;
      }),
  },
  {
    name: 'retries',
    form: 'N',
    summary: 'further attempts after a failed one; from 0 to 1000',
    read: (draft, value) =>
      readWhole('retries', value, 0, limits.retriesMax, (retries) => {
        draft.submit.retries = retries;
      }),
  },
  {
    name: 'backoff',
    form: 'D',
    summary: 'pause before the first retry; doubles each time, less a random part of up to half',
    read: (draft, value) =>
      readDuration('backoff', value, 0, (ms) => {
        draft.submit.backoffMs = ms;
      }),
  },
  {
    name: 'key',
    form: 'K',
    summary: 'idempotency: the same key gives the same job; up to 256 printable characters',
    read: (draft, value) =>
      readKey('key', value, (key) => {
        draft.submit.key = key;
      }),
  },
  {
    name: 'route',
    form: 'round-robin|least-loaded|affinity|broadcast',
    summary: 'how the executor is chosen; broadcast is not offered yet',
    read: (draft, value) => {
      if (value === 'broadcast') {
        return errorReply('UNSUPPORTED', 'route=broadcast is not offered by this version of the node');
      }
      const route = routes.find((known) => known === value);
      if (route === undefined) return badValue('route', value, `a route is one of ${routes.join(', ')}`);
      draft.submit.route = route;
      return null;
    },
  },
  {
    name: 'affinity',
    form: 'K',
    summary: 'jobs with the same K go to the same node; implies route=affinity',
    read: (draft, value) =>
      readKey('affinity', value, (key) => {
        draft.submit.affinity = key;
      }),
  },
  {
    name: 'on',
    form: 'K=V',
    summary: 'only nodes that carry this tag; may be given for several tags',
    repeatable: true,
    read: readOn,
  },
  {
    name: 'node',
    form: 'NAME',
    summary: 'only the node of this name',
    read: (draft, value) => {
      if (!namePattern.test(value)) return badValue('node', value, nameRule);
      draft.submit.node = value;
      return null;
    },
  },
  {
    name: 'copies',
    form: 'N',
    summary: `how many nodes hold the job before it is acknowledged; from 1 to ${limits.copiesMax}, default 2 where two are alive`,
    read: (draft, value) =>
      readWhole('copies', value, 1, limits.copiesMax, (copies) => {
        draft.submit.copies = copies;
      }),
  },
  {
    name: 'durable',
    form: 'yes|no',
    summary: 'whether each of them has it on disk by then; default yes where enough have a journal',
    read: (draft, value) => {
      if (value !== 'yes' && value !== 'no') return badValue('durable', value, 'it is yes or no');
      draft.submit.durable = value === 'yes';
      return null;
    },
  },
  {
    name: 'ttl',
    form: 'D',
    summary: 'how long the outcome is kept; default 1h, 0s: not at all',
    read: (draft, value) =>
      readDuration('ttl', value, 0, (ms) => {
        draft.submit.ttlMs = ms;
      }),
  },
  {
    name: 'after',
    form: 'ID,ID',
    summary: `starts once all these jobs are done, and fails when one of them fails; up to ${limits.afterMax}`,
    read: (draft, value) =>
      readJobs('after', value, (jobs) => {
        draft.submit.after = jobs;
      }),
  },
  {
    name: 'cron',
    form: 'M_H_D_M_W',
    summary:
      'when: minute, hour, day of month, month and day of week, with seconds before them or not, joined by _; or a nickname like @hourly',
    read: (draft, value) => {
      draft.submit.cron = value.replaceAll('_', ' ');
      return null;
    },
  },
  {
    name: 'zone',
    form: 'Area/City',
    summary: 'the time zone that cron= is meant in, an IANA name; default UTC',
    read: (draft, value) => {
      const fault = zoneFault(value);
      if (fault !== null) return badValue('zone', value, fault);
      draft.submit.timeZone = value;
      return null;
    },
  },
  {
    name: 'bytes',
    form: 'N',
    summary: 'the arguments are the N bytes after this line',
    read: (draft, value) =>
      readWhole('bytes', value, 0, Number.MAX_SAFE_INTEGER, (bytes) => {
        draft.bodyBytes = bytes;
      }),
  },
  {
    name: 'type',
    form: 'json|binary',
    summary: 'what the body is; default json',
    read: (draft, value) => {
      if (value !== 'json' && value !== 'binary') return badValue('type', value, 'it is json or binary');
      draft.binary = value === 'binary';
      return null;
    },
  },
  {
    name: 'stream',
    form: 'yes|no',
    summary: 'whether its states, progress and chunks come before its outcome, as WATCH shows them',
    read: (draft, value) => {
      if (value !== 'yes' && value !== 'no') return badValue('stream', value, 'it is yes or no');
      draft.stream = value === 'yes';
      return null;
    },
  },
  {
    name: 'replay',
    form: 'N',
    summary: `first the last N messages of each topic, as far as they are kept; from 0 to ${limits.replayMax}`,
    read: (draft, value) =>
      readWhole('replay', value, 0, limits.replayMax, (replay) => {
        draft.replay = replay;
      }),
  },
  {
    name: 'state',
    form: jobStates.join('|'),
    summary: 'only jobs in this state',
    read: (draft, value) => {
      const state = jobStates.find((known) => known === value);
      if (state === undefined) return badValue('state', value, `a state is one of ${jobStates.join(', ')}`);
      draft.state = state;
      return null;
    },
  },
  {
    name: 'task',
    form: 'T',
    summary: 'only jobs of this task',
    read: (draft, value) => {
      if (!namePattern.test(value)) return badValue('task', value, nameRule);
      draft.task = value;
      return null;
    },
  },
  {
    name: 'limit',
    form: 'N',
    summary: `at most so many; from 1 to ${limits.jobsListedMax}, default ${limits.jobsListedDefault}`,
    read: (draft, value) =>
      readWhole('limit', value, 1, limits.jobsListedMax, (limit) => {
        draft.limit = limit;
      }),
  },
] as const satisfies readonly OptionSpec[];

/** Every option there is, by name. A map, so that no name can reach an object's prototype. */
export const optionSpecs: ReadonlyMap<string, OptionSpec> = new Map(
  optionTable.map((spec) => [spec.name, spec]),
);

export const nameRule = 'a name is 1 to 64 of A-Z a-z 0-9 _ . : / -';

export function emptyDraft(): OptionDraft {
  return {
    submit: { ...defaultSubmitOptions },
    given: [],
    state: null,
    task: null,
    limit: limits.jobsListedDefault,
    bodyBytes: null,
    binary: false,
    stream: false,
    replay: 0,
  };
}

/** What no single option can say: which of them contradict or need each other. Called once all are read. */
export function checkTogether(draft: OptionDraft): Reply | null {
  const { submit } = draft;
  if (submit.atMs !== null && draft.given.includes('delay')) {
    return errorReply('BAD_OPTION', 'delay= and at= exclude each other: give one of them');
  }
  if (submit.cron !== null) {
    const fault = cronFault(submit.cron, submit.timeZone, Date.now());
    if (fault !== null) return badValue('cron', submit.cron, fault);
  }
  if (submit.affinity !== null) {
    if (!draft.given.includes('route')) submit.route = 'affinity';
    if (submit.route !== 'affinity') {
      return errorReply('BAD_OPTION', `affinity= and route=${submit.route} exclude each other`);
    }
  } else if (submit.route === 'affinity') {
    return errorReply(
      'BAD_OPTION',
      'route=affinity needs affinity=K: jobs with the same K go to the same node',
    );
  }
  if (draft.given.includes('type') && draft.bodyBytes === null) {
    return errorReply('BAD_OPTION', 'type= is about a body: it needs bytes=N');
  }
  return null;
}

function readOn(draft: OptionDraft, value: string): Reply | null {
  const equals = value.indexOf('=');
  const key = value.slice(0, Math.max(equals, 0));
  const wanted = value.slice(equals + 1);
  if (!namePattern.test(key) || !namePattern.test(wanted)) {
    return badValue('on', value, `it is on=KEY=VALUE, where ${nameRule}`);
  }
  if (draft.submit.on.some(([taken]) => taken === key)) {
    return errorReply('BAD_OPTION', `on=${key}=... is given twice: a node has one value of a tag`);
  }
  if (draft.submit.on.length >= limits.tagsPerNodeMax) {
    return errorReply('BAD_OPTION', `on= is given more than ${limits.tagsPerNodeMax} times`);
  }
  draft.submit.on = [...draft.submit.on, [key, wanted]];
  return null;
}
