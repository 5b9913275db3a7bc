import { type AddressInfo, createConnection, createServer } from 'node:net';
import t, { type Test } from 'tap';
import { limits } from '../../src/core/limits.js';
import type { PeerMessage } from '../../src/core/messages.js';
import type { PeerNetworkListener } from '../../src/net/peer-network.js';
import { createPeerNetwork } from '../../src/net/tcp-peer-network.js';
import { helloOf, messages, runOf } from '../protocol/peer-samples.js';
import { connect, newKey, rawSocket, startPeer, type TestPeer, type TestPeerOptions } from './peer-pair.js';

const ping = (seq: number): PeerMessage => ({ type: 'ping', seq, rumours: [] });
/** Starts peers that end with the test. */
async function startPeers(t: Test, ...all: TestPeerOptions[]): Promise<TestPeer[]> {
  const peers = await Promise.all(all.map(startPeer));
  t.teardown(() => Promise.all(peers.map((peer) => peer.network.shutdown())));
  return peers;
}

for (const secure of [false, true]) {
  const keys = secure ? [newKey()] : [];
  const kind = secure ? 'under TLS' : 'in the plain';

  t.test(`${kind}: both sides meet, and every message arrives as it was and in order`, async (t) => {
    const [a, b] = (await startPeers(t, { keys }, { keys })) as [TestPeer, TestPeer];
    const [link, back] = await connect(a, b);
    t.match(await a.first('opened'), {
      dialled: b.address,
      hello: { name: (await b.first('opened')) && /^p/ },
    });
    t.match(await b.first('opened'), { dialled: null });
    const bulk = messages.filter(
      ({ type }) => type === 'run' || type === 'ran' || type === 'ask' || type === 'answer',
    );
    for (const message of bulk) a.network.send(link, message);
    const arrived = await b.when((told) => {
      const all = told.flatMap((one) => (one.type === 'message' ? [one.message] : []));
      return all.length === bulk.length ? all : undefined;
    });
    t.strictSame(arrived, bulk);
    b.network.send(back, ping(7));
    t.same((await a.first('message')).message, ping(7));
    t.match(a.network.stats(), { links: 1, messagesOut: bulk.length, messagesIn: 1, queuedBytes: 0 });
    t.equal(a.network.stats().bytesOut, b.network.stats().bytesIn);
  });

  t.test(`${kind}: pings go to and fro while a 16 MiB body is on its way`, async (t) => {
    const [a, b] = (await startPeers(t, { keys }, { keys })) as [TestPeer, TestPeer];
    const [link] = await connect(a, b);
    b.onMessage = (from, message) => {
      if (message.type === 'ping') b.network.send(from, { type: 'ack', seq: message.seq, rumours: [] });
    };
    a.onMessage = (from, message) => {
      if (message.type === 'ack') a.network.send(from, ping(message.seq + 1));
    };
    const body = 'x'.repeat(limits.bodyBytesMax);
    a.network.send(link, runOf(body));
    a.network.send(link, { type: 'ran_ack', seq: 1 });
    a.network.send(link, ping(0));
    const seen = await b.when((told) => {
      const types = told.flatMap((one) => (one.type === 'message' ? [one.message] : []));
      return types.some(({ type }) => type === 'ran_ack') ? types : undefined;
    });
    const bodyAt = seen.findIndex(({ type }) => type === 'run');
    t.ok(bodyAt > 2, `${bodyAt} pings came before the body`);
    t.ok(seen.slice(0, bodyAt).every(({ type }) => type === 'ping'));
    t.ok(seen.findIndex(({ type }) => type === 'ran_ack') > bodyAt, 'bulk keeps its order');
    const arrived = seen[bodyAt];
    t.ok(arrived?.type === 'run' && arrived.args === body);
  });

  t.test(`${kind}: a deliberate close says goodbye, after what was sent before it`, async (t) => {
    const [a, b] = (await startPeers(t, { keys }, { keys })) as [TestPeer, TestPeer];
    const [link] = await connect(a, b);
    a.network.send(link, runOf('x'.repeat(300_000)));
    a.network.close(link, 'duplicate_link');
    t.equal(a.told.length, 1, 'nothing is told from inside close');
    a.network.send(link, ping(1));
    t.match(await a.first('closed'), { link, reason: 'local', goodbye: null });
    t.match(await b.first('closed'), { reason: 'goodbye', goodbye: 'duplicate_link' });
    t.same(
      b.told.map(({ type }) => type),
      ['opened', 'message', 'closed'],
    );
  });
}

t.test('what one turn sends much of goes out before it is over, and in order', async (t) => {
  const [a, b] = (await startPeers(t, {}, {})) as [TestPeer, TestPeer];
  const [link] = await connect(a, b);
  const { bytesOut } = a.network.stats();
  const acks = (upTo: number): PeerMessage[] =>
    Array.from({ length: upTo }, (_, seq) => ({ type: 'ran_ack', seq }));
  for (const ack of acks(10)) a.network.send(link, ack);
  t.equal(a.network.stats().bytesOut, bytesOut, 'a little waits for more');
  for (const ack of acks(5_000).slice(10)) a.network.send(link, ack);
  t.ok(a.network.stats().bytesOut > bytesOut);
  const arrived = await b.when((told) => {
    const all = told.flatMap((one) => (one.type === 'message' ? [one.message] : []));
    return all.length === 5_000 ? all : undefined;
  });
  t.strictSame(arrived, acks(5_000));
});

t.test('a simultaneous dial leaves two links on each side, for the core to settle', async (t) => {
  const [a, b] = (await startPeers(t, {}, {})) as [TestPeer, TestPeer];
  a.network.dial(b.address);
  b.network.dial(a.address);
  for (const peer of [a, b]) {
    const opened = await peer.when((told) => (told.length === 2 ? told : undefined));
    t.same(opened.map((one) => one.type === 'opened' && one.dialled !== null).sort(), [false, true]);
  }
});

t.test('a hello that does not fit ends the dial with the reason on both sides', async (t) => {
  const [a, stranger, newer] = (await startPeers(
    t,
    {},
    { hello: { cluster: 'test' } },
    { hello: { versionMin: 2, versionMax: 2 } },
  )) as [TestPeer, TestPeer, TestPeer];
  stranger.network.dial(a.address);
  t.match(await stranger.first('failed'), {
    address: a.address,
    reason: 'rejected',
    goodbye: 'wrong_cluster',
    detail: /"main"/,
  });
  newer.network.dial(a.address);
  t.match(await newer.first('failed'), {
    reason: 'rejected',
    goodbye: 'version_mismatch',
    detail: /upgrade/,
  });
  t.same(a.told, [], 'the side that was dialled has no link and no dial');
  a.network.dial(a.address);
  t.match(await a.first('failed'), { address: a.address, reason: 'rejected', goodbye: 'self_link' });
  t.equal(a.network.stats().links, 0);
});

t.test('a dial that cannot connect says why', async (t) => {
  const [a, gone] = (await startPeers(t, {}, {})) as [TestPeer, TestPeer];
  await gone.network.shutdown();
  const failure = (address: string): ReturnType<TestPeer['first']> => {
    a.network.dial(address);
    t.equal(
      a.told.filter((one) => one.type === 'failed' && one.address === address).length,
      0,
      'not from inside dial',
    );
    return a.when((told) => told.find((one) => one.type === 'failed' && one.address === address));
  };
  t.match(await failure(gone.address), { reason: 'refused' });
  t.match(await failure('nonsense'), { reason: 'unresolved', detail: /host:port/ });
  t.match(await failure('10.0.0.1:7410'), { reason: 'wrong_key', detail: /NO_KEY.*rondo keygen/ });
  t.match(await failure('example.com:7410'), { reason: 'wrong_key', detail: /NO_KEY/ });
});

t.test('a name that does not resolve is told as such', async (t) => {
  const [a] = (await startPeers(t, { keys: [newKey()] })) as [TestPeer];
  a.network.dial('no-such-host.invalid:7410');
  t.match(await a.first('failed'), { reason: 'unresolved' });
});

t.test('a port in use and an address of another machine are refused, each with its code', async (t) => {
  const [a] = (await startPeers(t, {})) as [TestPeer];
  const listener = { linkOpened() {}, linkClosed() {}, dialFailed() {}, message() {}, linkPressure() {} };
  const log = { debug() {}, info() {}, warn() {} };
  const listen = (host: string, port: number, keys = [newKey()]): Promise<string> =>
    createPeerNetwork({ host, port, keys, hello: () => helloOf(), listener, log }).listen();
  await t.rejects(listen('127.0.0.1', Number(a.address.split(':')[1])), { code: 'ADDRESS_IN_USE' });
  await t.rejects(listen('192.0.2.1', 0), { code: 'BAD_ADDRESS' });
  await t.rejects(listen('0.0.0.0', 0, []), { code: 'NO_KEY', message: /rondo keygen/ });
});

t.test(
  'a peer that does not read is congested first, gets no gossip, and is given up at the limit',
  async (t) => {
    const config = { queueBytesHigh: 1_000_000, queueBytesLow: 100_000, queueBytesMax: 40_000_000 };
    const [a, b] = (await startPeers(t, { config }, {})) as [TestPeer, TestPeer];
    const [link] = await connect(a, b);
    a.network.send(link, runOf('x'.repeat(5_000_000)));
    a.network.send(link, { type: 'gossip', rumours: [] });
    a.network.send(link, { type: 'digest', checksum: 1 });
    t.equal(a.network.stats().messagesDropped, 2);
    t.equal(a.told.length, 1, 'nothing is told from inside send');
    const pressures = await a.when((told) => {
      const all = told.flatMap((one) => (one.type === 'pressure' ? [one.congested] : []));
      return all.length === 2 ? all : undefined;
    });
    t.same(pressures, [true, false]);
    await b.first('message');
    t.same(
      b.told.map((one) => (one.type === 'message' ? one.message.type : one.type)),
      ['opened', 'run'],
    );

    for (let count = 0; count < 10; count++) a.network.send(link, runOf('x'.repeat(5_000_000)));
    t.ok(
      a.network.stats().queuedBytes < config.queueBytesMax + 5_100_000,
      'the queue is bounded even before it is noticed',
    );
    t.match(await a.first('closed'), { reason: 'stalled', goodbye: null });
    t.match(await b.first('closed'), { reason: 'reset' });
  },
);

t.test('a node that has as many links as it may refuses the next with a goodbye', async (t) => {
  const [a, b, c] = (await startPeers(t, { config: { linksMax: 1 } }, {}, {})) as [
    TestPeer,
    TestPeer,
    TestPeer,
  ];
  await connect(b, a);
  c.network.dial(a.address);
  t.match(await c.first('failed'), { reason: 'rejected', goodbye: 'too_many_links' });
  a.network.dial(c.address);
  t.match(await a.first('failed'), { reason: 'rejected', goodbye: 'too_many_links' });
  t.equal(a.network.stats().links, 1);
});

t.test('a shutdown says goodbye to all and leaves nothing open', async (t) => {
  const [a, b, c] = (await startPeers(t, {}, {}, {})) as [TestPeer, TestPeer, TestPeer];
  await connect(a, b);
  await connect(c, a);
  await a.network.shutdown();
  t.match(await b.first('closed'), { reason: 'goodbye', goodbye: 'leaving' });
  t.match(await c.first('closed'), { reason: 'goodbye', goodbye: 'leaving' });
  t.same(
    a.told.filter((one) => one.type === 'closed').map((one) => one.reason),
    ['local', 'local'],
  );
  t.match(a.network.stats(), { links: 0, queuedBytes: 0 });
  a.network.dial(b.address);
  t.match(await a.first('failed'), { detail: /shutting down/ });
  b.network.dial(a.address);
  t.match(await b.first('failed'), { reason: 'refused' });
});

t.test(
  'a shutdown without goodbye cuts every link, also those that are still at their goodbye',
  async (t) => {
    const [a, b, c] = (await startPeers(t, {}, {}, {})) as [TestPeer, TestPeer, TestPeer];
    await connect(a, b);
    await a.network.shutdown({ goodbye: false });
    t.match(await b.first('closed'), { reason: 'reset', goodbye: null });
    const silent = await rawSocket(c.address);
    const ended = c.network.shutdown();
    await Promise.all([ended, c.network.shutdown({ goodbye: false }), silent.closed]);
    t.equal(c.network.stats().links, 0);
  },
);

t.test('a shutdown while the port is being opened closes it', async (t) => {
  const network = createPeerNetwork({
    host: '127.0.0.1',
    port: 0,
    keys: [],
    hello: () => {
      throw new Error('nobody connects');
    },
    log: { debug: () => {}, info: () => {}, warn: () => {} },
    listener: {} as PeerNetworkListener,
  });
  const opening = network.listen();
  await network.shutdown();
  const [other] = (await startPeers(t, {})) as [TestPeer];
  other.network.dial(await opening);
  t.match(await other.first('failed'), { reason: 'refused' });
});

t.test('a watched link is closed when nothing comes on it, and stays when something does', async (t) => {
  const config = { silenceMs: 200 };
  const [a, b] = (await startPeers(t, { config }, {})) as [TestPeer, TestPeer];
  const [link, other] = await connect(a, b);
  const answering = setInterval(() => b.network.send(other, { type: 'digest', checksum: 1 }), 20);
  a.network.watch(link);
  await new Promise((resolve) => setTimeout(resolve, 3 * config.silenceMs));
  clearInterval(answering);
  t.notOk(a.told.some(({ type }) => type === 'closed'));
  a.network.watch(link);
  t.match(await a.first('closed'), { link, reason: 'silent', goodbye: null });
  t.match(await b.first('closed'), { reason: 'reset' });
  t.ok(a.warnings.some((text) => text.includes('others reach it, and nothing comes from it here')));
});

t.test('a watched link stays while something large goes over it, however slowly', async (t) => {
  const config = { silenceMs: 400 };
  const [a, b] = (await startPeers(t, { config }, { config })) as [TestPeer, TestPeer];
  // A tenth of a frame in the time of the watch.
  const address = await slowPathTo(t, b.address, { bytesPerSecond: 16_000 });
  a.network.dial(address);
  const { link } = await a.first('opened');
  const body = 'x'.repeat(40_000);
  a.network.send(link, runOf(body));
  const watching = setInterval(() => a.network.watch(link), 50);
  const { message } = await b.first('message');
  clearInterval(watching);
  t.match(message, { type: 'run', args: body });
  t.notOk(a.told.some(({ type }) => type === 'closed'));
});

/** What goes there is slow; what comes back is not. */
async function slowPathTo(
  t: Test,
  address: string,
  { bytesPerSecond }: { bytesPerSecond: number },
): Promise<string> {
  const [host, port] = address.split(':') as [string, string];
  const stepMs = 20;
  const server = createServer((near) => {
    const far = createConnection(Number(port), host);
    const waiting: Buffer[] = [];
    near.on('data', (chunk: Buffer) => waiting.push(chunk));
    far.pipe(near);
    const sending = setInterval(() => {
      const all = Buffer.concat(waiting.splice(0));
      const bytes = (bytesPerSecond * stepMs) / 1_000;
      if (all.length > bytes) waiting.push(all.subarray(bytes));
      if (all.length > 0) far.write(all.subarray(0, bytes));
    }, stepMs);
    const end = (): void => {
      clearInterval(sending);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
