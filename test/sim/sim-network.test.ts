import t from 'tap';
import type { NodeEvent } from '../../src/core/effects.js';
import type { PeerMessage } from '../../src/core/messages.js';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import type { SimNetworkOptions } from '../../src/sim/sim-network.js';
import type { SimNode } from '../../src/sim/sim-node.js';

type Of<Type extends NodeEvent['type']> = Extract<NodeEvent, { type: Type }>;

/** Two nodes with a link, and all that happens to them from then on. */
function createPair(network: Partial<SimNetworkOptions> = {}, seed = 'pair') {
  const events: { readonly node: string; readonly atMs: number; readonly event: NodeEvent }[] = [];
  const cluster: SimCluster = new SimCluster({
    seed,
    network: { delayMs: [1, 1], format: 'bytes', ...network },
    watch: {
      arrived: ({ name }: SimNode, event) => events.push({ node: name, atMs: cluster.time.nowMs, event }),
      performed: () => {},
    },
  });
  cluster.startAll(2);
  cluster.runFor(2_000);
  const seen = <Type extends NodeEvent['type']>(node: string, type: Type): Of<Type>[] =>
    events.flatMap(({ node: at, event }) => (at === node && event.type === type ? [event as Of<Type>] : []));
  const linkOf = (node: string): number => seen(node, 'link_opened').at(-1)?.link ?? 0;
  const send = (message: PeerMessage): void => {
    cluster.network.send(cluster.node('a'), linkOf('a'), message);
    cluster.network.flush();
  };
  const received = (): PeerMessage[] => seen('b', 'message').map(({ message }) => message);
  return { cluster, events, seen, send, received };
}

function bulkOf(seq: number, length: number): PeerMessage {
  return {
    type: 'progress',
    key: { job: 'a00000000000-a1000-1', epoch: 1, attempt: seq },
    value: '1'.repeat(length),
  };
}

function attemptsOf(messages: readonly PeerMessage[]): number[] {
  return messages.flatMap((message) => (message.type === 'progress' ? [message.key.attempt] : []));
}

const numbers = Array.from({ length: 50 }, (_, index) => index + 1);

for (const pieceBytes of [
  [1, 1],
  [1, 100],
  [60_000, 65_536],
] as const) {
  t.test(`what is read ${pieceBytes.join(' to ')} bytes at a time comes whole, and in order`, async (t) => {
    const { cluster, send, received } = createPair({ pieceBytes });
    for (const seq of numbers) send(bulkOf(seq, seq * 40));
    cluster.runFor(1_000);
    t.same(attemptsOf(received()), numbers);
    t.same(
      received().find((message) => message.type === 'progress'),
      bulkOf(1, 40),
    );
  });
}

t.test('a message in many chunks comes whole', async (t) => {
  const { cluster, send, received } = createPair();
  const outcome = { type: 'done', result: '1'.repeat(300_000) } as const;
  send({ type: 'ran', seq: 1, key: { job: 'a00000000000-a1000-1', epoch: 1, attempt: 1 }, outcome });
  cluster.runFor(1_000);
  t.ok(
    received().some(
      (message) =>
        message.type === 'ran' &&
        message.outcome.type === 'done' &&
        message.outcome.result === outcome.result,
    ),
  );
});

t.test('both formats count the same bytes and messages', async (t) => {
  const [bytes, messages] = (['bytes', 'messages'] as const).map((format) => {
    const { cluster, send } = createPair({ format });
    for (const seq of numbers) send(bulkOf(seq, seq * 40));
    cluster.runFor(10_000);
    return ['a', 'b'].map((name) => ({ ...cluster.network.trafficOf(name) }));
  });
  t.same(bytes, messages);
  const [a, b] = bytes ?? [];
  t.equal(a?.bytesOut, b?.bytesIn);
  t.equal(a?.messagesOut, b?.messagesIn);
  t.ok((a?.bytesOut ?? 0) > 40 * 50 * 25);
});

for (const format of ['bytes', 'messages'] as const) {
  const short = {
    format,
    windowBytes: 4_096,
    queueBytesHigh: 20_000,
    queueBytesLow: 5_000,
    queueBytesMax: 100_000,
  };

  t.test(`${format}: a reader that stalls holds its sender back, and lets it go on`, async (t) => {
    const { cluster, seen, send, received } = createPair(short);
    cluster.network.stallReads('b', true);
    for (const seq of numbers) send(bulkOf(seq, 1_000));
    cluster.runFor(200);
    t.same(attemptsOf(received()), []);
    t.same(
      seen('a', 'link_pressure').map(({ congested }) => congested),
      [true],
    );
    const ping: PeerMessage = { type: 'ping', seq: 4_711, rumours: [] };
    send(ping);
    cluster.network.stallReads('b', false);
    cluster.runFor(300);
    t.same(attemptsOf(received()), numbers);
    t.same(
      seen('a', 'link_pressure').map(({ congested }) => congested),
      [true, false],
    );
    const order = received().filter(
      (message) => message.type === 'progress' || (message.type === 'ping' && message.seq === 4_711),
    );
    t.ok(
      order.findIndex(({ type }) => type === 'ping') < 15,
      'a ping that came last goes ahead of what waits',
    );
  });

  t.test(`${format}: over the maximum the link is dropped`, async (t) => {
    const { cluster, seen, send } = createPair(short);
    cluster.network.stallReads('b', true);
    for (const seq of numbers) send(bulkOf(seq, 3_000));
    cluster.runFor(200);
    t.match(seen('a', 'link_closed'), [{ reason: 'stalled' }]);
  });
}

t.test('a slow path takes its time', async (t) => {
  const { cluster, send, events } = createPair();
  cluster.network.paths.between('a', 'b').own = { bytesPerSecond: 10_000 };
  const startMs = cluster.time.nowMs;
  send(bulkOf(1, 15_000));
  cluster.runFor(5_000);
  const arrival = events.find(({ event }) => event.type === 'message' && event.message.type === 'progress');
  const tookMs = (arrival?.atMs ?? 0) - startMs;
  t.ok(tookMs >= 1_500 && tookMs < 2_000, `${tookMs} ms`);
});

t.test('with 80 % loss all comes, late and in order', async (t) => {
  const { cluster, send, received, events } = createPair();
  cluster.network.loss = 0.8;
  const startMs = cluster.time.nowMs;
  for (const seq of numbers) send(bulkOf(seq, 10));
  cluster.runFor(500);
  t.ok(attemptsOf(received()).length < 50);
  cluster.runFor(20_000);
  const links = events.filter(({ atMs, event }) => atMs > startMs && event.type === 'link_closed');
  t.same(links, []);
  t.same(attemptsOf(received()), numbers);
});

t.test('a reset takes what is on its way, at both ends', async (t) => {
  const { cluster, seen, send, received } = createPair();
  send(bulkOf(1, 10));
  cluster.network.resetBetween('a', 'b');
  cluster.runFor(20);
  t.same(attemptsOf(received()), []);
  t.match(
    [seen('a', 'link_closed')[0], seen('b', 'link_closed')[0]],
    [{ reason: 'reset' }, { reason: 'reset' }],
  );
});

t.test('a reset that loses the tail of one end leaves that of the other', async (t) => {
  for (const [loser, expected] of [
    ['b', []],
    ['a', [1]],
  ] as const) {
    const { cluster, send, received } = createPair();
    send(bulkOf(1, 10));
    cluster.network.resetLosingTailTo(loser, loser === 'a' ? 'b' : 'a');
    cluster.runFor(20);
    t.same(attemptsOf(received()), expected);
  }
});

t.test('without power an end is gone without a word, and with it again answers with a reset', async (t) => {
  const { cluster, seen, events } = createPair();
  const old = seen('a', 'link_opened').at(-1)?.link;
  cluster.node('b').powerOff();
  cluster.runFor(3_000);
  t.same(seen('a', 'link_closed'), [], 'nobody has told a');
  t.match(cluster.stateOf('b', 'a'), /suspect|dead/, 'only probes have');
  cluster.start('b');
  cluster.runFor(3_000);
  const closed = events.find(({ event }) => event.type === 'link_closed' && event.link === old);
  t.match(closed?.event, { type: 'link_closed' });
  cluster.runUntil('all know all', () => cluster.agree(), 40_000);
});

t.test('a dial of nobody is refused, and one into a black hole times out', async (t) => {
  const { cluster, events } = createPair();
  cluster.network.dial(cluster.node('a'), 'z:1');
  cluster.network.paths.between('a', 'b').dials = 'silent';
  cluster.network.dial(cluster.node('a'), 'b:1');
  const startMs = cluster.time.nowMs;
  cluster.runFor(4_000);
  const failures = events.filter(({ event }) => event.type === 'dial_failed');
  t.match(
    failures.map(({ event }) => event),
    [
      { reason: 'refused', address: 'z:1' },
      { reason: 'timeout', address: 'b:1' },
    ],
  );
  t.equal(failures[1]?.atMs, startMs + 3_000);
});

t.test(
  'a killed process ends its links behind what it sent; one that stands still accepts and says nothing',
  async (t) => {
    const { cluster, seen, send, received, events } = createPair();
    send(bulkOf(1, 10));
    cluster.node('a').kill();
    cluster.runFor(20);
    t.same(attemptsOf(received()), [1]);
    t.match(seen('b', 'link_closed'), [{ reason: 'reset' }]);
    cluster.start('a');
    cluster.runFor(2_000);
    cluster.node('a').pause();
    const startMs = cluster.time.nowMs;
    cluster.network.dial(cluster.node('b'), 'a:1');
    cluster.runFor(5_100);
    const failure = events.find(({ atMs, event }) => atMs > startMs && event.type === 'dial_failed');
    t.match(failure, { event: { address: 'a:1', reason: 'timeout' } }, 'after the time for a hello');
  },
);

t.test('a one-way cut holds back one direction, and nothing is lost in it', async (t) => {
  const { cluster, send, received } = createPair();
  cluster.network.cut('a', 'b');
  for (const seq of numbers) send(bulkOf(seq, 10));
  cluster.runFor(1_000);
  t.same(attemptsOf(received()), []);
  cluster.network.uncut('a', 'b');
  cluster.runFor(50);
  t.same(attemptsOf(received()), numbers);
});
