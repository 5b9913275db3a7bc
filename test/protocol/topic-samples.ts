import type { PeerMessage } from '../../src/core/messages.js';

const node = '0123456789ab';
const version = { node, instance: 'abcde', start: 2 ** 20, version: 3 };

export const topicMessages: readonly PeerMessage[] = [
  { type: 'interest', record: { ...version, patterns: [], filter: new Uint8Array(0) } },
  {
    type: 'interest',
    record: { ...version, patterns: ['*', 'news.*', 'a.*.__proto__'], filter: new Uint8Array(64).fill(129) },
  },
  { type: 'interest', record: { ...version, patterns: null, filter: new Uint8Array(4_096) } },
  { type: 'interest_digest', checksum: 2 ** 32 - 1 },
  { type: 'interest_versions', versions: [], answerWanted: false },
  {
    type: 'interest_versions',
    versions: [version, { ...version, node: 'ba9876543210', start: 0, version: 2 ** 40 }],
    answerWanted: true,
  },
  { type: 'publish', seq: 1, topic: 'room.1', payload: '{"text":"hellö"}' },
  { type: 'publish', seq: 2 ** 40, topic: '__proto__', payload: new Uint8Array([0, 10, 255]) },
  { type: 'published', upTo: 9, counts: [] },
  { type: 'published', upTo: 9, counts: [7, 0, 9, 100_000] },
  { type: 'replay_wanted', seq: 4, count: 100, topics: ['room.1', 'room.*'] },
  { type: 'replayed', seq: 4, last: 9, messages: [] },
  {
    type: 'replayed',
    seq: 4,
    last: 9,
    messages: [
      { topic: 'room.1', number: 8, wallMs: 1_893_456_000_000, payload: 'null' },
      { topic: 'room.2', number: 9, wallMs: 0, payload: new Uint8Array([1]) },
    ],
  },
  { type: 'count_subscribers', seq: 5, topics: ['room.1'] },
  { type: 'subscriber_counts', seq: 5, counts: [3] },
];
