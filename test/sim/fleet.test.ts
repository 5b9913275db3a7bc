import t from 'tap';
import type { PeerMessage } from '../../src/core/messages.js';
import { createNodeStore, NodeNumbers } from '../../src/core/node-map.js';
import { createRandom } from '../../src/core/random.js';
import { encodeMessage } from '../../src/protocol/peer-codec.js';
import { EventQueue } from '../../src/sim/fleet/event-queue.js';
import { MessageSizes } from '../../src/sim/fleet/message-sizes.js';
import { memberOf, nodeA, rumours } from '../protocol/peer-samples.js';

t.test('events come in the order of their times, each with what it is about', (t) => {
  const random = createRandom('queue');
  const queue = new EventQueue();
  const times: number[] = [];
  const taken: number[] = [];
  const take = (): void => {
    if (!queue.take()) return;
    taken.push(queue.atMs);
    t.equal((queue.subject as { atMs: number }).atMs, queue.atMs);
    t.equal(queue.payload, queue.kind + 1);
  };
  for (let count = 0; count < 5_000; count++) {
    const atMs = (taken.at(-1) ?? 0) + random.next() * 100;
    times.push(atMs);
    queue.add(atMs, count % 5, { atMs }, (count % 5) + 1);
    if (random.next() < 0.3) take();
  }
  while (queue.size > 0) take();
  t.strictSame(
    taken,
    [...times].sort((a, b) => a - b),
  );
  t.equal(queue.take(), false);
  t.equal(queue.nextMs, Number.POSITIVE_INFINITY);
  t.end();
});

t.test('messages are as long as they are on the wire', (t) => {
  const sizes = new MessageSizes();
  const many = (count: number) => Array.from({ length: count }, () => rumours).flat();
  const messages: PeerMessage[] = [
    ...[1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32].flatMap((seq): PeerMessage[] => [
      { type: 'ping', seq, rumours: [] },
      { type: 'ack', seq, rumours: many(3) },
      { type: 'nack', seq, rumours: many(4) },
    ]),
    { type: 'probe_request', seq: 7, target: nodeA, rumours: many(1) },
    { type: 'gossip', rumours: [] },
    { type: 'gossip', rumours: many(16) },
    { type: 'grant', window: 300 },
    { type: 'resync', seq: 3 },
  ];
  for (const message of [...messages, ...messages])
    t.equal(sizes.of(message), encodeMessage(message).length, message.type);
  const members = Array.from({ length: 20 }, (_, index) => memberOf({ incarnation: index }));
  for (const count of [0, 1, 15, 16, 20]) {
    const sync = { type: 'sync', members: members.slice(0, count), answerWanted: true } as PeerMessage;
    t.equal(sizes.of(sync), encodeMessage(sync).length, `sync of ${count}`);
  }
  t.end();
});

t.test('a node store that shares its numbers holds what a Map does', (t) => {
  const random = createRandom('store');
  const numbers = new NodeNumbers();
  const other = createNodeStore<{ at: number }>(numbers);
  const [store, map] = [createNodeStore<{ at: number }>(numbers), createNodeStore<{ at: number }>(null)];
  for (let at = 0; at < 2_000; at++) {
    const node = `node-${random.below(200)}`;
    if (random.next() < 0.1) other.set(`other-${at}`, { at });
    if (random.next() < 0.4) {
      t.equal(store.delete(node), map.delete(node));
      continue;
    }
    const value = { at };
    store.set(node, value);
    map.set(node, value);
  }
  const sorted = <Value>(entries: Iterable<[string, Value]>) =>
    [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  t.equal(store.size, map.size);
  t.strictSame(sorted(store), sorted(map));
  t.strictSame([...store.keys()].sort(), [...map.keys()].sort());
  t.strictSame(new Set(store.values()), new Set(map.values()));
  t.equal(store.has('other-1'), false, 'what others keep is not here');
  t.equal(store.get('nobody'), undefined);
  const seen: string[] = [];
  store.forEach((_, node) => void seen.push(node));
  t.equal(seen.length, map.size);
  t.end();
});
