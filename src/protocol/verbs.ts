import type { ClientCommand, StreamStart } from '../core/commands.js';
import { jobIdPattern, namePattern } from '../core/ids.js';
import { limits } from '../core/limits.js';
import type { Payload } from '../core/payload.js';
import { errorReply, type Reply } from '../core/reply.js';
import { isTopic, isTopicOrPattern } from '../core/topics/topic.js';
import { nameRule, type OptionDraft, type OptionName } from './options.js';
import { quoted } from './wording.js';

/** What a client asks of its connection alone; the session answers it without the node. */
export type ConnectionRequest =
  | { readonly type: 'hello' }
  | { readonly type: 'auth'; readonly token: string }
  | { readonly type: 'ping' }
  | { readonly type: 'help'; readonly verb: string | null }
  /** Null: all subscriptions of the connection. */
  | { readonly type: 'unsubscribe'; readonly tag: string | null }
  | { readonly type: 'quit' };

export type Request = ClientCommand | ConnectionRequest;

/** One verb of the command table, whatever spelling it arrives in. */
export interface VerbSpec {
  readonly name: string;
  readonly operand: OperandSpec | null;
  readonly options: readonly OptionName[];
  /** An option that must be given. */
  readonly needs?: OptionName;
  /** Whether a JSON value or a body may follow. */
  readonly payload: boolean;
  /** It may be kept for long, and then nothing of its line should be kept with it. */
  readonly keepsPayload?: boolean;
  /** Allowed before AUTH on a node that has a token. */
  readonly open: boolean;
  readonly summary: string;
  readonly example: string;
  readonly answer: string;
  /** Makes the request of what was read. */
  readonly build: (operand: string | null, draft: OptionDraft, payload: Payload) => Request;
}

export interface OperandSpec {
  /** As HELP shows it. */
  readonly name: string;
  readonly required: boolean;
  /** Taken as it stands, even when it looks like an option: tokens may hold `=`. */
  readonly verbatim?: boolean;
  /** At most so many may be given, one or more; `build` gets them with spaces between. */
  readonly countMax?: number;
  check(value: string): Reply | null;
}

const task: OperandSpec = { name: 'task', required: true, check: (value) => checkName('a task', value) };
const node: OperandSpec = { name: 'node', required: false, check: (value) => checkName('a node', value) };
const topic: OperandSpec = { name: 'topic', required: true, check: checkTopic };
const topics: OperandSpec = {
  name: 'topic...',
  required: true,
  countMax: limits.topicsPerRequestMax,
  check: checkTopicOrPattern,
};
const tag: OperandSpec = { name: 'tag', required: false, check: checkTag };
const id: OperandSpec = {
  name: 'id',
  required: true,
  check: (value) =>
    jobIdPattern.test(value)
      ? null
      : errorReply(
          'BAD_REQUEST',
          `${quoted(value)} is no job id: take it from the answer to SUBMIT; that of a job with a key begins with key-, and submitting with the same key again answers it`,
        ),
};
const token: OperandSpec = { name: 'token', required: true, verbatim: true, check: () => null };
const verb: OperandSpec = { name: 'verb', required: false, check: () => null };

const topicCountRule = `at most ${limits.topicsPerRequestMax} topics at once`;

/** The session says what room there is. */
const notBegun: StreamStart = { room: 0, after: null };

const submitOptionNames: readonly OptionName[] = [
  'priority',
  'delay',
  'at',
  'timeout',
  'retries',
  'backoff',
  'key',
  'route',
  'affinity',
  'on',
  'node',
  'copies',
  'durable',
  'ttl',
  'after',
  'bytes',
  'type',
];

/** A schedule has times of its own. */
const scheduleOptionNames: readonly OptionName[] = [
  'cron',
  'zone',
  ...submitOptionNames.filter((name) => name !== 'delay' && name !== 'at' && name !== 'after'),
];

/** The command table: every verb there is. Spellings (lines now) read it and add nothing to it. */
const verbTable: readonly VerbSpec[] = [
  connectionVerb('HELLO', {
    summary: 'who answers, which protocol it speaks, and its limits',
    answer: 'OK {"server":"rondo","protocol":1,...}',
    build: () => ({ type: 'hello' }),
  }),
  connectionVerb('AUTH', {
    operand: token,
    summary: 'shows the token that this node asks of its clients',
    example: 'AUTH s3cret',
    answer: 'OK',
    build: (value) => ({ type: 'auth', token: value ?? '' }),
  }),
  connectionVerb('PING', {
    summary: 'whether the node answers',
    answer: 'OK pong',
    build: () => ({ type: 'ping' }),
  }),
  connectionVerb('HELP', {
    operand: verb,
    summary: 'all verbs, or one with its options',
    example: 'HELP SUBMIT',
    answer: 'OK [...] or OK {...}',
    build: (value) => ({ type: 'help', verb: value }),
  }),
  nodeVerb('INFO', {
    summary: 'facts and counters of the node that answers',
    answer: 'OK {...}',
    build: () => ({ type: 'info' }),
  }),
  nodeVerb('NODES', {
    summary: 'the members of the cluster, as the answering node sees them',
    answer: 'OK [...]',
    build: () => ({ type: 'nodes' }),
  }),
  nodeVerb('TASKS', {
    summary: 'the tasks on offer, and where',
    answer: 'OK [...]',
    build: () => ({ type: 'tasks' }),
  }),
  nodeVerb('SUBMIT', {
    operand: task,
    options: submitOptionNames,
    payload: true,
    summary: 'hands in a job; the answer says its id and what is promised',
    example: 'SUBMIT echo retries=3 timeout=30s {"greeting":"hello"}',
    answer: 'OK <id> copies=2 durable=yes',
    keepsPayload: true,
    build: (name, { submit }, args) => ({
      type: 'submit',
      wait: false,
      task: name ?? '',
      args,
      options: submit,
    }),
  }),
  nodeVerb('RUN', {
    operand: task,
    options: [...submitOptionNames, 'stream'],
    payload: true,
    summary: 'hands in a job and waits for its outcome',
    example: 'RUN echo {"greeting":"hello"}',
    answer: 'OK <result>',
    build: (name, { submit, stream }, args) => ({
      type: 'submit',
      wait: true,
      ...(stream && { stream: notBegun }),
      task: name ?? '',
      args,
      options: submit,
    }),
  }),
  nodeVerb('WAIT', {
    operand: id,
    options: ['timeout'],
    summary: 'waits for the outcome of a job, whichever node it was handed to',
    example: 'WAIT 0c4k2jq9t1vb-7h2pa-1 timeout=30s',
    answer: 'OK <result>',
    build: (job, { submit }) => ({ type: 'wait', job: job ?? '', timeoutMs: submit.timeoutMs }),
  }),
  nodeVerb('STATUS', {
    operand: id,
    summary: 'what is known of a job',
    example: 'STATUS 0c4k2jq9t1vb-7h2pa-1',
    answer: 'OK {...}',
    build: (job) => ({ type: 'status', job: job ?? '' }),
  }),
  nodeVerb('CANCEL', {
    operand: id,
    summary: 'stops a job; answered once it has really stopped',
    example: 'CANCEL 0c4k2jq9t1vb-7h2pa-1',
    answer: 'OK',
    build: (job) => ({ type: 'cancel', job: job ?? '' }),
  }),
  nodeVerb('RETRY', {
    operand: id,
    summary: 'puts a failed or cancelled job back to the queue',
    example: 'RETRY 0c4k2jq9t1vb-7h2pa-1',
    answer: 'OK',
    build: (job) => ({ type: 'retry', job: job ?? '' }),
  }),
  nodeVerb('JOBS', {
    options: ['state', 'task', 'limit'],
    summary: 'jobs, the latest first',
    example: 'JOBS state=failed task=fetch limit=20',
    answer: 'OK [...]',
    build: (_, draft) => ({ type: 'jobs', state: draft.state, task: draft.task, limit: draft.limit }),
  }),
  nodeVerb('SCHEDULE', {
    operand: task,
    options: scheduleOptionNames,
    needs: 'cron',
    payload: true,
    summary: 'has a job of this task run at the times of a cron expression, until it is cancelled',
    example: 'SCHEDULE echo cron=30_8_*_*_MON-FRI zone=Europe/Berlin {"greeting":"good morning"}',
    answer: 'OK <id> copies=2 durable=yes',
    build: (name, { submit }, args) => ({
      type: 'submit',
      wait: false,
      task: name ?? '',
      args,
      options: submit,
    }),
  }),
  nodeVerb('SCHEDULES', {
    options: ['task', 'limit'],
    summary: 'schedules, the latest first',
    example: 'SCHEDULES',
    answer: 'OK [...]',
    build: (_, { task, limit }) => ({ type: 'jobs', state: 'delayed', task, limit, schedules: true }),
  }),
  nodeVerb('WATCH', {
    operand: id,
    summary: 'follows a job: its states, its progress and what it yields, until its outcome',
    example: 'WATCH 0c4k2jq9t1vb-7h2pa-1',
    answer: '* state {...}, * progress <value>, * data <chunk>, ..., then OK <result>',
    build: (job) => ({ type: 'watch', job: job ?? '', stream: notBegun }),
  }),
  nodeVerb('PUBLISH', {
    operand: topic,
    options: ['bytes', 'type'],
    payload: true,
    summary: 'sends a value to the subscribers of a topic, wherever they are',
    example: 'PUBLISH room.1 {"text":"hello"}',
    answer: 'OK <number of subscribers it was sent to>',
    keepsPayload: true,
    build: (name, _, payload) => ({ type: 'publish', topic: name ?? '', payload }),
  }),
  nodeVerb('SUBSCRIBE', {
    operand: topics,
    options: ['replay'],
    summary: `receives what is published to these topics, or to patterns of them, until UNSUBSCRIBE; ${topicCountRule}`,
    example: 'SUBSCRIBE room.1 news.*',
    answer: '* subscribed {...}, * message {"topic","data"}, ..., then OK',
    build: (names, { replay }) => ({ type: 'subscribe', topics: listOf(names), replay }),
  }),
  connectionVerb('UNSUBSCRIBE', {
    operand: tag,
    summary: 'ends the subscriptions of this connection, or those with this tag',
    example: 'UNSUBSCRIBE chat',
    answer: 'OK',
    build: (value) => ({ type: 'unsubscribe', tag: value === null ? null : value.replace(/^@/, '') }),
  }),
  nodeVerb('SUBSCRIBERS', {
    operand: topics,
    summary: `how many subscribers topics have, over all nodes; ${topicCountRule}`,
    example: 'SUBSCRIBERS room.1 room.2',
    answer: 'OK {"room.1":3,"room.2":0}',
    build: (names) => ({ type: 'subscribers', topics: listOf(names) }),
  }),
  nodeVerb('DRAIN', {
    operand: node,
    summary: 'has a node, by default this one, finish what it has and take no new jobs',
    answer: 'OK',
    build: (name) => ({ type: 'drain', node: name }),
  }),
  nodeVerb('RESUME', {
    operand: node,
    summary: 'has a drained node take jobs again',
    answer: 'OK',
    build: (name) => ({ type: 'resume', node: name }),
  }),
  nodeVerb('LEAVE', {
    summary: 'has this node drain, say goodbye to the cluster and end',
    answer: 'OK {"unfinished","dropped","lost","drainTimeoutMs"}',
    build: () => ({ type: 'leave' }),
  }),
  connectionVerb('QUIT', {
    summary: 'ends the connection once all is answered',
    answer: 'OK',
    build: () => ({ type: 'quit' }),
  }),
];

/** Every verb by its upper-case name, in the order HELP lists them. */
export const verbSpecs: ReadonlyMap<string, VerbSpec> = new Map(verbTable.map((spec) => [spec.name, spec]));

interface VerbRow extends Pick<VerbSpec, 'summary' | 'answer'> {
  readonly operand?: OperandSpec;
  readonly options?: readonly OptionName[];
  readonly needs?: OptionName;
  readonly payload?: boolean;
  readonly keepsPayload?: boolean;
  readonly example?: string;
  readonly build: VerbSpec['build'];
}

function nodeVerb(name: string, row: VerbRow): VerbSpec {
  return { name, open: false, operand: null, options: [], payload: false, example: name, ...row };
}

function connectionVerb(name: string, row: VerbRow): VerbSpec {
  return { ...nodeVerb(name, row), open: true };
}

function checkName(what: string, value: string): Reply | null {
  if (namePattern.test(value)) return null;
  return errorReply('BAD_REQUEST', `${quoted(value)} is not the name of ${what}: ${nameRule}`);
}

function checkTopic(value: string): Reply | null {
  if (isTopic(value)) return null;
  const why = isTopicOrPattern(value) ? 'patterns are for SUBSCRIBE: a message goes to one topic' : topicRule;
  return errorReply('BAD_REQUEST', `${quoted(value)} is not the name of a topic: ${why}`);
}

function checkTopicOrPattern(value: string): Reply | null {
  if (isTopicOrPattern(value)) return null;
  return errorReply(
    'BAD_REQUEST',
    `${quoted(value)} is no topic: ${topicRule}; for a pattern, a level may be *`,
  );
}

function checkTag(value: string): Reply | null {
  if (/^@?[A-Za-z0-9_-]{1,32}$/.test(value)) return null;
  return errorReply('BAD_REQUEST', `${quoted(value)} is no tag: it is 1 to 32 of A-Z a-z 0-9 _ -`);
}

function listOf(words: string | null): string[] {
  return [...new Set(words?.split(' '))];
}

const topicRule = `1 to ${limits.topicLengthMax} of A-Z a-z 0-9 _ : / -, and dots between levels, ${limits.topicLevelsMax} at most`;
