import t, { type Test } from 'tap';
import { limits } from '../../src/core/limits.js';
import { FrameDecoder } from '../../src/protocol/frame-decoder.js';
import {
  decodeFrame,
  encodeHello,
  encodeMessage,
  encodeTaken,
  type PeerFrame,
} from '../../src/protocol/peer-codec.js';
import { helloOf, key } from '../protocol/peer-samples.js';
import { connect, rawSocket, startPeer, type TestPeer } from './peer-pair.js';

/** Chunk frames, headers and all, are what is counted. */
const chunkFrameBytes = 4 + limits.chunkBytesMax;

const largeRun = (bytes: number) =>
  ({
    type: 'run',
    key,
    task: 'echo',
    args: 'x'.repeat(bytes),
    priority: 0,
    timeoutMs: 1,
    isolate: false,
    session: 1,
  }) as const;

interface Reader {
  /** Bytes of chunk frames that have come. */
  chunkBytes(): number;
  /** The next frame of this type that comes. */
  next(type: PeerFrame['type']): Promise<PeerFrame>;
  send(bytes: Buffer): void;
}

/** Shakes hands with `peer` and reads all that it sends, but says of it only what the test makes it say. */
async function readFrom(t: Test, peer: TestPeer): Promise<Reader> {
  const { socket } = await rawSocket(peer.address);
  t.teardown(() => socket.destroy());
  const decoder = new FrameDecoder();
  const waiting = new Map<PeerFrame['type'], (frame: PeerFrame) => void>();
  let chunkBytes = 0;
  socket.on('data', (data: Buffer) =>
    decoder.feed(data, (bytes, start, end) => {
      const frame = decodeFrame(bytes, start, end);
      if (frame.type === 'chunk') chunkBytes += 4 + end - start;
      const resolve = waiting.get(frame.type);
      waiting.delete(frame.type);
      resolve?.(frame);
      return true;
    }),
  );
  const reader: Reader = {
    chunkBytes: () => chunkBytes,
    next: (type) => new Promise((resolve) => waiting.set(type, resolve)),
    send: (bytes) => void socket.write(bytes),
  };
  const taken = reader.next('taken');
  reader.send(encodeHello(helloOf({ node: 'vvvvvvvvvvvv', name: 'reader' })));
  t.same(await taken, { type: 'taken', bytes: 0 }, 'at the beginning a node says that it will tell');
  return reader;
}

/** Resolves once all that the peer will send is there: with each round a ping overtakes what could still be sent. */
async function untilHeld(peer: TestPeer, link: number, reader: Reader): Promise<number> {
  for (let before = -1; ; ) {
    const message = reader.next('message');
    peer.network.send(link, { type: 'ping', seq: 1, rumours: [] });
    await message;
    if (reader.chunkBytes() === before && before > 0) return before;
    before = reader.chunkBytes();
  }
}

t.test(
  'a peer that tells what it takes is sent no more than the window, and heartbeats all the same',
  async (t) => {
    const peer = await startPeer();
    t.teardown(() => peer.network.shutdown());
    const reader = await readFrom(t, peer);
    const { link } = await peer.first('opened');
    reader.send(encodeTaken(0));
    await untilRead(peer, reader, 2);
    peer.network.send(link, largeRun(8_000_000));
    const first = await untilHeld(peer, link, reader);
    t.ok(first >= limits.bulkUntakenBytesMax, `${first}`);
    t.ok(first < limits.bulkUntakenBytesMax + chunkFrameBytes, `${first}`);
    reader.send(encodeTaken(300_000));
    await untilRead(peer, reader, 3);
    const second = await untilHeld(peer, link, reader);
    t.ok(second > first && second < limits.bulkUntakenBytesMax + 300_000 + chunkFrameBytes, `${second}`);
  },
);

/** A ping that was sent after it has come. */
async function untilRead(peer: TestPeer, reader: Reader, seq: number): Promise<void> {
  reader.send(encodeMessage({ type: 'ping', seq, rumours: [] }));
  await peer.when((told) =>
    told.find((one) => one.type === 'message' && one.message.type === 'ping' && one.message.seq === seq),
  );
}

t.test('a peer that never tells what it takes is sent everything', async (t) => {
  const peer = await startPeer();
  t.teardown(() => peer.network.shutdown());
  const reader = await readFrom(t, peer);
  const { link } = await peer.first('opened');
  peer.network.send(link, largeRun(3_000_000));
  while (reader.chunkBytes() < 3_000_000) await reader.next('chunk');
  t.pass('an older node');
});

t.test('large messages many times the window arrive, in order, and small ones with them', async (t) => {
  const [a, b] = await Promise.all([startPeer(), startPeer()]);
  t.teardown(() => Promise.all([a.network.shutdown(), b.network.shutdown()]));
  const [link, back] = await connect(a, b);
  for (const peer of [a, b]) {
    for (let seq = 1; seq <= 20; seq++) {
      peer.network.send(peer === a ? link : back, largeRun(500_000 + seq));
      peer.network.send(peer === a ? link : back, { type: 'ran_ack', seq });
    }
  }
  for (const peer of [a, b]) {
    await peer.when((told) =>
      told.some((one) => one.type === 'message' && one.message.type === 'ran_ack' && one.message.seq === 20)
        ? true
        : undefined,
    );
    const got = peer.told.flatMap((one): (string | number)[] => {
      if (one.type !== 'message') return [];
      return one.message.type === 'run' ? [one.message.args.length] : [one.message.type];
    });
    t.same(got, Array.from({ length: 20 }, (_, index) => [500_001 + index, 'ran_ack']).flat());
  }
});

t.test('a link that is given up since its peer does not read is told of in the log', async (t) => {
  const peer = await startPeer({ config: { queueBytesMax: 1_000_000 } });
  t.teardown(() => peer.network.shutdown());
  const reader = await readFrom(t, peer);
  const { link } = await peer.first('opened');
  for (let count = 0; count < 5; count++) peer.network.send(link, largeRun(400_000));
  t.match(await peer.first('closed'), { reason: 'stalled' });
  t.match(peer.warnings, [/Dropped the link with reader: it reads too slowly/]);
  t.ok(reader.chunkBytes() < 1_000_000);
});
