import fc from 'fast-check';
import { pack, unpack } from 'msgpackr';
import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { incarnationMax } from '../../src/core/member.js';
import type { PeerMessage } from '../../src/core/messages.js';
import { frameKinds } from '../../src/protocol/frame-kinds.js';
import { decodeFrame, encodeMessage, type PeerFrame } from '../../src/protocol/peer-codec.js';
import { copyMessages, withPlainSpecs } from './copy-samples.js';
import { key, memberOf, nodeA, nodeB, messages as otherMessages, runOf } from './peer-samples.js';

const messages = [...otherMessages, ...copyMessages];

const invalid = { code: 'FIELD_INVALID' };

function decodeValues(values: unknown): PeerFrame {
  const bytes = pack(values);
  return decodeFrame(bytes, 0, bytes.length);
}

function valuesOf(message: PeerMessage): unknown[] {
  return unpack(encodeMessage(message).subarray(4)) as unknown[];
}

function decodeOne(message: PeerMessage): PeerMessage | null {
  const frame = encodeMessage(message);
  const decoded = decodeFrame(frame, 4, frame.length);
  return decoded.type === 'message' ? decoded.message : null;
}

/** The message with one value replaced, at a path into its array. */
function withValue(message: PeerMessage, path: readonly number[], value: unknown): unknown[] {
  const values = valuesOf(message);
  let inner = values;
  for (const index of path.slice(0, -1)) inner = inner[index] as unknown[];
  inner[path.at(-1) ?? 0] = value;
  return values;
}

t.test('every message in every shape comes back as it was', (t) => {
  for (const message of messages) {
    t.strictSame(withPlainSpecs(decodeOne(message)), message, message.type);
    const frame = encodeMessage(message);
    t.equal(frame.readUInt32BE(), frame.length - 4, 'with its length before it');
  }
  t.same(
    new Set(messages.map((message) => message.type)).size,
    Object.keys(frameKinds).length - 4,
    'all kinds are tried',
  );
  t.end();
});

t.test('a message is an array of its kind and its fields, as the protocol text says', (t) => {
  t.same(valuesOf({ type: 'grant', window: 7 }), [38, 7]);
  t.same(
    valuesOf({
      type: 'run',
      key,
      task: 'echo',
      args: '1',
      priority: 2,
      timeoutMs: 3,
      isolate: false,
      session: 1,
    }),
    [32, key.job, 2, 3, 'echo', '1', 2, 3, false, 1],
  );
  t.end();
});

/** With the last ones, which are left out where they say nothing. */
function allValuesOf(message: PeerMessage): unknown[] {
  const values = valuesOf(message);
  return message.type === 'run' ? [...values, ...[false, null, null].slice(values.length - 10)] : values;
}

t.test('fields that a newer node adds at the end are ignored', (t) => {
  for (const message of messages) {
    const frame = decodeValues([...allValuesOf(message), 'new', [1, ['deeper']], null]);
    t.strictSame(withPlainSpecs(frame), { type: 'message', message }, message.type);
  }
  t.end();
});

t.test('kinds of messages, commands and rumours that only a newer node knows are ignored', (t) => {
  t.same(decodeValues([99, 'whatever']), { type: 'unknown', kind: 99 });
  t.same(decodeValues([frameKinds.ask, 1, [77, 'x']]), { type: 'unknown', kind: frameKinds.ask });
  t.same(
    decodeValues([
      frameKinds.gossip,
      [
        [9, 'x'],
        [3, nodeA, 5],
      ],
    ]),
    {
      type: 'message',
      message: { type: 'gossip', rumours: [{ type: 'left', node: nodeA, incarnation: 5 }] },
    },
  );
  t.same(decodeValues([frameKinds.answer, 1, false, 'QUOTA', 'too much']), {
    type: 'message',
    message: { type: 'answer', seq: 1, reply: { ok: false, code: 'INTERNAL', message: 'QUOTA: too much' } },
  });
  t.end();
});

/** What an older node sends ends before the fields that came later. */
function leastLength(message: PeerMessage, length: number): number {
  if (message.type === 'run') return 10;
  if (message.type !== 'answer') return length;
  return message.reply.ok ? 4 : 5;
}

t.test('every message that is cut short is refused', (t) => {
  for (const message of messages) {
    const values = valuesOf(message);
    for (let length = 1; length < leastLength(message, values.length); length++) {
      t.throws(() => decodeValues(values.slice(0, length)), invalid, `${message.type} with ${length} values`);
    }
  }
  t.end();
});

const run: PeerMessage = {
  type: 'run',
  key,
  task: 'echo',
  args: '1',
  priority: 0,
  timeoutMs: 1,
  isolate: false,
  session: 1,
};
const sync: PeerMessage = { type: 'sync', members: [memberOf()], answerWanted: false };
const left: PeerMessage = { type: 'gossip', rumours: [{ type: 'left', node: nodeB, incarnation: 1 }] };

t.test('a priority above what may be given is one at the limit to who does not know better', (t) => {
  const raised: PeerMessage = { ...runOf('1'), priority: limits.priorityMax + 1 };
  t.equal(valuesOf(raised)[6], limits.priorityMax);
  t.match(decodeOne(raised), { priority: limits.priorityMax + 1 });
  t.match(decodeValues(valuesOf(raised).slice(0, 10)), { message: { priority: limits.priorityMax } });
  t.end();
});

t.test('wrong types and values out of range are refused in every field', (t) => {
  const wrong: readonly (readonly [name: string, values: unknown])[] = [
    ['a job id with an owner that is none', withValue(run, [1], 'x-cdefg-1')],
    ['a job id with a line break', withValue(run, [1], `${key.job}\n`)],
    ['an epoch of NaN', withValue(run, [2], Number.NaN)],
    ['an attempt of -1', withValue(run, [3], -1)],
    ['an attempt of 1.5', withValue(run, [3], 1.5)],
    ['an attempt of 2^53+1', withValue(run, [3], 2 ** 53 + 2)],
    ['a task with a NUL', withValue(run, [4], 'echo\0')],
    ['a task with a line break', withValue(run, [4], 'echo\n')],
    ['an empty task', withValue(run, [4], '')],
    ['a task of 65 characters', withValue(run, [4], 'x'.repeat(65))],
    ['a task with an unpaired surrogate', withValue(run, [4], '\ud800')],
    ['arguments that are a number', withValue(run, [5], 1)],
    ['arguments that are nil', withValue(run, [5], null)],
    ['arguments that are an array', withValue(run, [5], ['x'])],
    ['a priority over the limit', withValue(run, [6], limits.priorityMax + 1)],
    ['a priority above any', [...valuesOf(run), false, null, limits.raisedPriorityMax]],
    ['a priority below the one it has', [...valuesOf(run), false, null, -1]],
    ['a negative room', [...valuesOf(run), true, -1]],
    ['a time-out of NaN', withValue(run, [7], Number.NaN)],
    ['a time-out without end', withValue(run, [7], Number.POSITIVE_INFINITY)],
    ['a time-out of 10^9 days', withValue(run, [7], 1e9 * 86_400_000)],
    ['isolate of 1', withValue(run, [8], 1)],
    ['an incarnation over the largest', withValue(left, [1, 0, 2], incarnationMax + 1)],
    ['an incarnation of -1', withValue(left, [1, 0, 2], -1)],
    ["a node's id that is a number", withValue(left, [1, 0, 1], 12)],
    ['a rumour that is no array', withValue(left, [1, 0], 'left')],
    ['rumours that are no array', withValue(left, [1], 'left')],
    ['a member that is no array', withValue(sync, [1, 0], 5)],
    ['a state of 4', withValue(sync, [1, 0, 4], 4)],
    ['an address without a port', withValue(sync, [1, 0, 5], 'localhost')],
    ['an address with port 0', withValue(sync, [1, 0, 5], 'localhost:0')],
    ['an address with port 65,536', withValue(sync, [1, 0, 6], 'localhost:65536')],
    ['a tag twice', withValue(sync, [1, 0, 7], ['a', '1', 'a', '2'])],
    ['a tag without a value', withValue(sync, [1, 0, 7], ['a'])],
    ['a tag with a space', withValue(sync, [1, 0, 7], ['a b', '1'])],
    ['a task that is a number', withValue(sync, [1, 0, 8, 0], 7)],
    ['a checksum of 2^32', [frameKinds.digest, 2 ** 32]],
    ['no buckets', [frameKinds.buckets, []]],
    ['three buckets', [frameKinds.buckets, [1, 2, 3]]],
    ["a bucket's checksum of 2^32", [frameKinds.buckets, [1, 2 ** 32]]],
    ['buckets that are a number', [frameKinds.buckets, 4]],
    ['versions of 512 buckets', [frameKinds.versions, 9, [0], []]],
    ['versions of a bucket that there is not', [frameKinds.versions, 2, [4], []]],
    ['versions of more buckets than there are', [frameKinds.versions, 1, [0, 1, 0], []]],
    ['a version without a state', [frameKinds.versions, 0, [0], [nodeA, 1, 0, nodeB, 1]]],
    ["a version's state of 4", [frameKinds.versions, 0, [0], [nodeA, 1, 4]]],
    ['a version with an incarnation of -1', [frameKinds.versions, 0, [0], [nodeA, -1, 0]]],
    ["a wanted node's id that is a number", [frameKinds.wanted, [5]]],
    ['records that are no array', [frameKinds.records, 'all']],
    ['a window over the limit', [frameKinds.grant, limits.attemptsPerGrantMax + 1]],
    ['an outcome of 6', [frameKinds.ran, 1, key.job, 1, 1, 6]],
    ['a reason of 3', [frameKinds.refuse, key.job, 1, 1, 3]],
    ['a command that is no array', [frameKinds.ask, 1, 'nodes']],
    ['a message to a pattern', [frameKinds.publish, 1, 'a.*', '1']],
    ['a message to a topic with a line break', [frameKinds.publish, 1, 'a\n', '1']],
    ['a message with a line break', [frameKinds.publish, 1, 'a', '1\n2']],
    ['a message that is kept with a line break', [frameKinds.replayed, 1, 1, ['a', 1, 0, '1\r']]],
    ['a message that is kept without its payload', [frameKinds.replayed, 1, 1, ['a', 1, 0]]],
    ['a filter of 65 bytes', [frameKinds.interest, nodeA, 'abcde', 1, 1, [], new Uint8Array(65)]],
    ['a filter of 8 KiB', [frameKinds.interest, nodeA, 'abcde', 1, 1, [], new Uint8Array(8_192)]],
    ['a filter of text', [frameKinds.interest, nodeA, 'abcde', 1, 1, [], '']],
    ['a pattern with a bare dot', [frameKinds.interest, nodeA, 'abcde', 1, 1, ['a..b'], new Uint8Array(0)]],
    ['a version of interest that is cut', [frameKinds.interest_versions, [nodeA, 'abcde', 1], true]],
    ['no messages wanted', [frameKinds.replay_wanted, 1, 0, ['a']]],
    ['a count of subscribers of -1', [frameKinds.subscriber_counts, 1, [-1]]],
    ['an answer with a code that is no name', [frameKinds.answer, 1, false, 'two words', '']],
  ];
  for (const [name, values] of wrong) t.throws(() => decodeValues(values), invalid, name);
  t.end();
});

t.test('every list and text is taken at its limit and refused one over it', (t) => {
  const rumour = [3, nodeA, 1];
  const member = (valuesOf(sync)[1] as unknown[][])[0] ?? [];
  const memberWith = (index: number, value: unknown): unknown[] => member.with(index, value);
  const tagsOf = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => [`k${index}`, 'v']).flat();
  const bounded: readonly (readonly [name: string, max: number, valuesOf: (count: number) => unknown])[] = [
    ['rumours', limits.rumoursPerMessageMax, (count) => [frameKinds.gossip, Array(count).fill(rumour)]],
    ['tags', limits.tagsPerNodeMax, (count) => [frameKinds.sync, [memberWith(7, tagsOf(count))], true]],
    [
      'tasks',
      limits.tasksPerNodeMax,
      (count) => [frameKinds.sync, [memberWith(8, Array(count).fill('t'))], true],
    ],
    ['members', limits.membersMax, (count) => [frameKinds.sync, Array(count).fill(memberWith(8, [])), true]],
    ['wanted nodes', limits.membersMax, (count) => [frameKinds.wanted, Array(count).fill(nodeA)]],
    [
      'records',
      limits.recordsPerMessageMax,
      (count) => [frameKinds.records, Array(count).fill(memberWith(8, []))],
    ],
    [
      'versions',
      limits.membersMax,
      (count) => [frameKinds.versions, 0, [0], Array(count).fill([nodeA, 1, 0]).flat()],
    ],
    [
      'patterns',
      limits.interestPatternsMax,
      (count) => [frameKinds.interest, nodeA, 'abcde', 1, 1, Array(count).fill('*'), new Uint8Array(0)],
    ],
    ['a topic', limits.topicLengthMax, (count) => [frameKinds.publish, 1, 'x'.repeat(count), '1']],
    ['a message', limits.topicMessageBytesMax, (count) => [frameKinds.publish, 1, 'x', 'x'.repeat(count)]],
    [
      'topics',
      limits.topicsPerRequestMax,
      (count) => [frameKinds.replay_wanted, 1, 1, Array(count).fill('x')],
    ],
    ['messages wanted', limits.replayMax, (count) => [frameKinds.replay_wanted, 1, count, ['x']]],
    [
      'counts of subscribers',
      limits.topicsPerRequestMax,
      (count) => [frameKinds.subscriber_counts, 1, Array(count).fill(1)],
    ],
    [
      'attempts held',
      limits.attemptsHeldMax,
      (count) => [frameKinds.holding, 1, Array(count).fill([key.job, 1, 1]), 0],
    ],
    [
      'progress',
      limits.progressLengthMax,
      (count) => [frameKinds.progress, key.job, 1, 1, JSON.stringify('x'.repeat(count - 2))],
    ],
    [
      'progress within progress',
      limits.progressDepthMax,
      (depth) => [frameKinds.progress, key.job, 1, 1, `${'['.repeat(depth)}${']'.repeat(depth)}`],
    ],
    ['arguments', limits.bodyBytesMax, (count) => withValue(run, [5], 'x'.repeat(count))],
    [
      "an error's name",
      limits.errorNameLengthMax,
      (count) => [frameKinds.ran, 1, key.job, 1, 1, 1, 'x'.repeat(count), '', true],
    ],
    [
      "an error's message",
      limits.errorMessageLengthMax,
      (count) => [frameKinds.ran, 1, key.job, 1, 1, 1, '', 'x'.repeat(count), true],
    ],
  ];
  for (const [name, max, values] of bounded) {
    t.equal(decodeValues(values(max)).type, 'message', `${name}: ${max}`);
    t.throws(() => decodeValues(values(max + 1)), invalid, `${name}: one more`);
  }
  t.end();
});

t.test('an error that is too long is cut where it is sent, as it must not cost the link', (t) => {
  const error = { name: 'N'.repeat(1_000), message: 'm'.repeat(100_000) };
  const decoded = decodeOne({ type: 'ran', seq: 1, key, outcome: { type: 'failed', error, final: false } });
  t.match(decoded, {
    outcome: {
      error: {
        name: 'N'.repeat(limits.errorNameLengthMax),
        message: 'm'.repeat(limits.errorMessageLengthMax),
      },
    },
  });
  t.end();
});

t.test('-0 counts as 0, and 64-bit integers are numbers', (t) => {
  t.same(decodeValues([frameKinds.ran_ack, -0]), { type: 'message', message: { type: 'ran_ack', seq: 0 } });
  const uint64 = Buffer.from([0x92, frameKinds.ran_ack, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0]);
  t.strictSame(decodeFrame(uint64, 0, uint64.length), {
    type: 'message',
    message: { type: 'ran_ack', seq: 2 ** 32 },
  });
  t.end();
});

t.test('binary arguments are copied out of the bytes that were only lent', (t) => {
  const frame = encodeMessage({ ...run, args: new Uint8Array([1, 2, 3]) } as PeerMessage);
  const decoded = decodeFrame(frame, 4, frame.length);
  frame.fill(0);
  t.match(decoded, { message: { args: new Uint8Array([1, 2, 3]) } });
  t.end();
});

t.test('a small frame that follows a large one does not hold on to its room', (t) => {
  encodeMessage({ ...run, args: 'x'.repeat(1_000_000) } as PeerMessage);
  t.ok(encodeMessage(run).buffer.byteLength <= limits.chunkBytesMax);
  t.end();
});

t.test('any text comes back as arguments, whatever its characters and length', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (args) => {
      const decoded = decodeOne({ ...run, args } as PeerMessage);
      return decoded?.type === 'run' && decoded.args === args;
    }),
  );
  t.end();
});
