import { once } from 'node:events';
import net from 'node:net';
import { pack } from 'msgpackr';
import t, { type Test } from 'tap';
import { limits } from '../../src/core/limits.js';
import { encodeChunk } from '../../src/protocol/frame-chunks.js';
import { FrameDecoder } from '../../src/protocol/frame-decoder.js';
import { decodeFrame, encodeHello, encodeMessage, type PeerFrame } from '../../src/protocol/peer-codec.js';
import { helloOf, nodeA } from '../protocol/peer-samples.js';
import { connect, rawSocket, startPeer, type TestPeer, type TestPeerOptions } from './peer-pair.js';

async function startPeers(t: Test, ...all: TestPeerOptions[]): Promise<TestPeer[]> {
  const peers = await Promise.all(all.map(startPeer));
  t.teardown(() => Promise.all(peers.map((peer) => peer.network.shutdown())));
  return peers;
}

function framesIn(bytes: Buffer): PeerFrame[] {
  const frames: PeerFrame[] = [];
  new FrameDecoder().feed(bytes, (content, start, end) => {
    frames.push(decodeFrame(content, start, end));
    return true;
  });
  return frames;
}

function frameOf(values: unknown): Buffer {
  const content = pack(values);
  const frame = Buffer.alloc(4 + content.length);
  frame.writeUInt32BE(content.length);
  content.copy(frame, 4);
  return frame;
}

const hello = encodeHello(helloOf({ instance: 'vvvvv' }));
const ping = encodeMessage({ type: 'ping', seq: 1, rumours: [] });
/** The first four bytes of a frame that says it is this long. */
function announced(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

t.test(
  'whatever comes instead of a hello, its sender is told and dropped, and the node goes on',
  async (t) => {
    const [a, b] = (await startPeers(t, {}, {})) as [TestPeer, TestPeer];
    const bad: readonly (readonly [name: string, bytes: Buffer | string, warning: RegExp])[] = [
      ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', /HTTP was spoken/],
      ['a TLS hello', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), /TLS was spoken/],
      ['the line protocol', 'SUBMIT echo {"a":1}\n', /line protocol was spoken/],
      ['a length of 0', announced(0), /0 bytes/],
      ['a length of 2^32-1', announced(2 ** 32 - 1), /4294967295 bytes/],
      ['a hello over 4 KiB', announced(limits.helloBytesMax + 1), /4097 bytes/],
      ['a message before the hello', ping, /before the hello/],
      ['a frame of an unknown kind', frameOf([99]), /before the hello/],
      ['a chunk', encodeChunk(Buffer.alloc(10), 0), /before the hello/],
      ['a hello with a wrong field', frameOf([0, 'rondo', 'x']), /hello: field 2/],
      ['a frame that is no array', frameOf({ a: 1 }), /no array/],
      ['another cluster', encodeHello(helloOf({ cluster: 'other' })), /"other"/],
    ];
    for (const [name, bytes, warning] of bad) {
      // A source is logged once for each kind of fault, so each is given a node of its own.
      const [node] = (await startPeers(t, {})) as [TestPeer];
      const { socket, read, closed } = await rawSocket(node.address);
      socket.write(bytes);
      await closed;
      const frames = framesIn(read());
      t.match(frames[0], { type: 'hello' }, `${name}: gets the node's hello`);
      t.match(frames[1], {
        type: 'goodbye',
        reason: name === 'another cluster' ? 'wrong_cluster' : 'protocol_error',
      });
      t.match(node.warnings, [warning], `${name}: is logged once`);
      t.same(node.told, [], `${name}: the core hears nothing`);
      t.equal(node.network.stats().protocolErrors, name === 'another cluster' ? 0 : 1);
    }
    await connect(a, b);
  },
);

t.test('the same source is logged once for the same fault, and counted each time', async (t) => {
  const [a] = (await startPeers(t, {})) as [TestPeer];
  for (let count = 0; count < 20; count++) {
    const { socket, closed } = await rawSocket(a.address);
    socket.write('GET / HTTP/1.0\r\n\r\n');
    await closed;
  }
  t.equal(a.warnings.length, 1);
  t.equal(a.network.stats().protocolErrors, 20);
});

t.test('bad input on an open link costs that link and no other', async (t) => {
  const [a, b] = (await startPeers(t, {}, {})) as [TestPeer, TestPeer];
  await connect(b, a);
  const bad: readonly (readonly [name: string, bytes: Buffer])[] = [
    ['a length of 0', announced(0)],
    ['a frame over the limit', announced(limits.frameBytesMax + 1)],
    ['a second hello', hello],
    ['a wrong field', frameOf([16, -1, []])],
    ['a map', frameOf([16, { a: 1 }])],
    ['10^5 invented members', frameOf([22, Array.from({ length: 100_000 }, () => 0), true])],
    [
      'a chunk that continues nothing',
      Buffer.concat([encodeChunk(Buffer.alloc(100_000), 0), encodeChunk(Buffer.alloc(9), 0)]),
    ],
    ['a hello in chunks', encodeChunk(hello.subarray(4), 0)],
    ['nested arrays', Buffer.concat([announced(100_000), Buffer.alloc(100_000, 0x91)])],
    [
      'a huge count in a tiny frame',
      Buffer.concat([announced(7), Buffer.from([0x92, 16, 0xdd, 255, 255, 255, 255])]),
    ],
  ];
  for (const [index, [name, bytes]] of bad.entries()) {
    const { socket, read, closed } = await rawSocket(a.address);
    socket.write(Buffer.concat([hello, ping, bytes, ping]));
    await closed;
    t.match(framesIn(read()).at(-1), { type: 'goodbye', reason: 'protocol_error' }, name);
    const closings = a.told.filter((one) => one.type === 'closed');
    t.match(closings, { length: index + 1 });
    t.match(closings.at(-1), { reason: 'protocol_error' }, `${name}: told as such`);
  }
  const pings = a.told.filter((one) => one.type === 'message');
  t.equal(pings.length, bad.length, 'what came before it was read, what came after it was not');
  t.equal(a.network.stats().links, 1);
});

t.test('messages of kinds that a newer node knows are left out, and the link goes on', async (t) => {
  const [a] = (await startPeers(t, {})) as [TestPeer];
  const { socket } = await rawSocket(a.address);
  socket.write(Buffer.concat([hello, frameOf([90, 'new']), frameOf([40, 1, [99]]), ping]));
  t.match(await a.first('message'), { message: { type: 'ping' } });
  socket.destroy();
  t.match(await a.first('closed'), { reason: 'reset', goodbye: null });
});

t.test('a hello and messages are understood one byte at a time', async (t) => {
  const [a] = (await startPeers(t, {})) as [TestPeer];
  const { socket } = await rawSocket(a.address);
  socket.setNoDelay(true);
  for (const byte of Buffer.concat([hello, ping])) {
    await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
  }
  t.match(await a.first('message'), { message: { type: 'ping', seq: 1 } });
  socket.destroy();
});

t.test('a handshake that drips or never comes is ended in time, on either side', async (t) => {
  const [a] = (await startPeers(t, { config: { helloTimeoutMs: 60 } })) as [TestPeer];
  const { socket, read, closed } = await rawSocket(a.address);
  socket.write(announced(limits.helloBytesMax));
  const drip = setInterval(() => socket.write('x'), 1);
  await closed;
  clearInterval(drip);
  t.match(framesIn(read()).at(-1), { type: 'goodbye', reason: 'protocol_error' });
  t.match(a.warnings, [/no hello came within 60 ms/]);

  const silent = net.createServer((accepted) => accepted.resume().on('error', () => {}));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as net.AddressInfo;
  a.network.dial(`127.0.0.1:${port}`);
  t.match(await a.first('failed'), { reason: 'timeout', detail: /no hello/ });
  silent.close();
});

t.test('only so many handshakes are open at once, and there is room again when they end', async (t) => {
  const [a, b] = (await startPeers(t, { config: { handshakesMax: 2 } }, {})) as [TestPeer, TestPeer];
  const waiting = [await rawSocket(a.address), await rawSocket(a.address)];
  b.network.dial(a.address);
  t.match(await b.first('failed'), { reason: 'rejected', goodbye: 'too_many_links' });
  for (const { socket } of waiting) socket.end();
  await Promise.all(waiting.map(({ closed }) => closed));
  await connect(b, a);
});

t.test('a hello that is sent back is taken for a link to oneself', async (t) => {
  const [a] = (await startPeers(t, {})) as [TestPeer];
  const mirror = net.createServer((socket) => socket.pipe(socket).on('error', () => {}));
  await once(mirror.listen(0, '127.0.0.1'), 'listening');
  const { port } = mirror.address() as net.AddressInfo;
  a.network.dial(`127.0.0.1:${port}`);
  t.match(await a.first('failed'), { reason: 'rejected', goodbye: 'self_link' });
  mirror.close();
});

t.test("another's id is handed to the core, which alone knows the members", async (t) => {
  const [a] = (await startPeers(t, { hello: { node: nodeA, instance: 'aaaaa' } })) as [TestPeer];
  const { socket } = await rawSocket(a.address);
  socket.write(hello);
  t.match(await a.first('opened'), { hello: { node: nodeA, instance: 'vvvvv' } });
  socket.destroy();
});
