import { defaultSubmitOptions, type NodeCommand } from '../../src/core/commands.js';
import type { Hello } from '../../src/core/hello.js';
import { limits } from '../../src/core/limits.js';
import { incarnationMax, type MemberRecord } from '../../src/core/member.js';
import type { PeerMessage, Rumour } from '../../src/core/messages.js';
import { topicMessages } from './topic-samples.js';

export const nodeA = '0123456789ab';
export const nodeB = 'ba9876543210';
export const key = { job: `${nodeA}-cdefg-1z`, epoch: 2, attempt: 3 };

/** An attempt with these arguments. */
export function runOf(args: string): Extract<PeerMessage, { type: 'run' }> {
  return { type: 'run', key, task: 'echo', args, priority: 0, timeoutMs: 1, isolate: false, session: 1 };
}

export function helloOf(changes: Partial<Hello> = {}): Hello {
  return {
    versionMin: 1,
    versionMax: 1,
    cluster: 'main',
    node: nodeA,
    instance: 'abcde',
    incarnation: 2 ** 20,
    name: 'a',
    address: '127.0.0.1:7410',
    ...changes,
  };
}

export function memberOf(changes: Partial<MemberRecord> = {}): MemberRecord {
  return {
    id: nodeB,
    name: 'b',
    instance: 'vvvvv',
    incarnation: incarnationMax,
    state: 'suspect',
    address: '[::1]:7410',
    client: 'b.example:7411',
    tags: [
      ['__proto__', 'constructor'],
      ['zone', 'toString'],
    ],
    tasks: [
      { name: 'echo' },
      { name: '__proto__', retries: 0, timeoutMs: 1_500.5 },
      { name: 'x', concurrency: 4 },
    ],
    draining: true,
    ...changes,
  };
}

export const rumours: readonly Rumour[] = [
  { type: 'alive', member: memberOf() },
  { type: 'suspect', node: nodeA, incarnation: 0, accuser: nodeB },
  { type: 'dead', node: nodeA, incarnation: 7, accuser: nodeB },
  { type: 'left', node: nodeA, incarnation: 2 ** 33 },
];

export const commands: readonly NodeCommand[] = [
  { type: 'submit', wait: true, task: 'echo', args: '{"a":1}', options: defaultSubmitOptions },
  {
    type: 'submit',
    wait: false,
    task: 'constructor',
    args: new Uint8Array([0, 255]),
    options: {
      priority: -limits.priorityMax,
      delayMs: limits.durationMsMax,
      atMs: 1_700_000_000_000,
      timeoutMs: 0,
      retries: limits.retriesMax,
      backoffMs: 250,
      key: 'order 17, größer',
      route: 'affinity',
      affinity: 'user 4',
      on: [['gpu', 'yes']],
      node: 'b',
      copies: 3,
      durable: false,
      ttlMs: 60_000,
      after: [key.job, `key-${'0'.repeat(26)}`],
      cron: null,
      timeZone: null,
    },
  },
  {
    type: 'submit',
    wait: false,
    task: 'echo',
    args: '1',
    options: { ...defaultSubmitOptions, cron: '@hourly', timeZone: 'Europe/Berlin' },
  },
  {
    type: 'submit',
    wait: true,
    task: 'echo',
    args: '1',
    options: { ...defaultSubmitOptions, priority: limits.raisedPriorityMax },
  },
  { type: 'wait', job: key.job, timeoutMs: null },
  { type: 'wait', job: `key-${'v'.repeat(26)}`, timeoutMs: 1_000 },
  { type: 'wait', job: key.job, timeoutMs: null, brief: true },
  { type: 'status', job: key.job },
  { type: 'cancel', job: key.job },
  { type: 'retry', job: key.job },
  { type: 'jobs', state: null, task: null, limit: 100 },
  { type: 'jobs', state: 'cancelled', task: 'echo', limit: limits.jobsListedMax },
  { type: 'jobs', state: 'delayed', task: null, limit: 1, schedules: true },
  { type: 'nodes' },
  { type: 'tasks' },
  { type: 'info' },
  { type: 'drain', node: null },
  { type: 'resume', node: 'b' },
  { type: 'leave' },
];

/** Every message in every shape, so that each branch of the codec is taken. */
export const messages: readonly PeerMessage[] = [
  { type: 'ping', seq: 0, rumours: [] },
  { type: 'ack', seq: Number.MAX_SAFE_INTEGER, rumours },
  { type: 'nack', seq: 1, rumours: [] },
  { type: 'probe_request', seq: 2 ** 32, target: nodeB, rumours },
  { type: 'gossip', rumours },
  { type: 'digest', checksum: 0xffff_ffff },
  {
    type: 'sync',
    members: [memberOf(), memberOf({ id: nodeA, state: 'left', tags: [], tasks: [] })],
    answerWanted: true,
  },
  { type: 'buckets', checksums: [0] },
  { type: 'buckets', checksums: Array.from({ length: 256 }, (_, bucket) => bucket * 2 ** 24) },
  { type: 'versions', bucketCount: 1, buckets: [0], versions: [] },
  {
    type: 'versions',
    bucketCount: 256,
    buckets: [7, 255],
    versions: [
      { id: nodeA, incarnation: 0, state: 'alive' },
      { id: nodeB, incarnation: incarnationMax, state: 'left' },
    ],
  },
  { type: 'wanted', nodes: [nodeA, nodeB] },
  { type: 'records', members: [memberOf()] },
  {
    type: 'run',
    key,
    task: 'echo',
    args: '"ünï"',
    priority: -3,
    timeoutMs: 60_000,
    isolate: true,
    session: 1,
  },
  {
    type: 'run',
    key,
    task: 'a/b:c.d-e_f',
    args: new Uint8Array([1, 2, 3]),
    priority: 0,
    timeoutMs: 0.5,
    isolate: false,
    session: 1,
  },
  { type: 'ran', seq: 9, key, outcome: { type: 'done', result: 'null' } },
  { type: 'ran', seq: 9, key, outcome: { type: 'done', result: new Uint8Array(0) } },
  {
    type: 'ran',
    seq: 9,
    key,
    outcome: { type: 'failed', error: { name: 'E', message: 'm\n' }, final: true },
  },
  { type: 'ran', seq: 9, key, outcome: { type: 'crashed', error: { name: 'E', message: '' }, alone: false } },
  { type: 'ran', seq: 9, key, outcome: { type: 'timed_out' } },
  { type: 'ran', seq: 9, key, outcome: { type: 'stopped' } },
  { type: 'ran', seq: 9, key, outcome: { type: 'displaced' } },
  {
    type: 'run',
    key,
    task: 'echo',
    args: '1',
    priority: 0,
    timeoutMs: 1,
    isolate: false,
    session: 1,
    streams: true,
    room: 65_536,
  },
  {
    type: 'run',
    key,
    task: 'echo',
    args: '1',
    priority: limits.raisedPriorityMax,
    timeoutMs: 1,
    isolate: false,
    session: 1,
  },
  { type: 'ran_ack', seq: 10 },
  { type: 'refuse', key, reason: 'no_room' },
  { type: 'stop', key, reason: 'shutdown' },
  { type: 'holding', seq: 1, attempts: [], window: 0 },
  { type: 'holding', seq: 2, attempts: [key, { ...key, attempt: 4 }], window: 8 },
  { type: 'resync', seq: 3 },
  { type: 'resync_wanted' },
  { type: 'grant', window: limits.attemptsPerGrantMax },
  { type: 'started', key },
  { type: 'progress', key, value: '{"done":0.5}' },
  ...commands.map((command): PeerMessage => ({ type: 'ask', seq: 5, command })),
  { type: 'answer', seq: 5, reply: { ok: true, text: '' } },
  { type: 'answer', seq: 5, reply: { ok: false, code: 'NOT_FOUND', message: 'no such job' } },
  { type: 'answer', seq: 5, reply: { ok: true, text: '' }, items: 7 },
  { type: 'answer', seq: 5, reply: { ok: true, text: '', bytes: new Uint8Array([1, 2]) } },
  { type: 'answer', seq: 5, reply: { ok: false, code: 'JOB_FAILED', message: '{}' }, items: 2 },
  { type: 'stream_chunk', key, number: 1, chunk: '{"page":1}' },
  { type: 'stream_chunk', key, number: 2, chunk: new Uint8Array([0, 255]) },
  { type: 'stream_chunk', key, number: 3, chunk: null },
  { type: 'stream_room', key, number: 2, upTo: 2 ** 40 },
  {
    type: 'item',
    seq: 5,
    number: 1,
    item: { type: 'state', text: '{"state":"running"}', epoch: 2, attempt: 1 },
  },
  { type: 'item', seq: 5, number: 2, item: { type: 'progress', text: '0.5' } },
  { type: 'item', seq: 5, number: 3, item: { type: 'missed', text: '{"chunks":4}', chunk: 4 } },
  { type: 'item', seq: 5, number: 4, item: { type: 'data', payload: '[1]', chunk: 5 } },
  { type: 'item', seq: 5, number: 5, item: { type: 'data', payload: new Uint8Array([7]), chunk: 6 } },
  { type: 'items_taken', seq: 5, number: 5, upTo: 2 ** 33 },
  { type: 'ask_abandoned', seq: 5 },
  { type: 'asks_taken', seqs: [1, 2 ** 40] },
  { type: 'answers_taken', seqs: [] },
  { type: 'asking', instance: 'aaaaa', round: 3, next: 9, seqs: [1, 8] },
  { type: 'asks_unknown', round: 3, seqs: [8] },
  ...topicMessages,
];
