import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { Reassembler } from '../../src/protocol/frame-chunks.js';
import { FrameOutbox } from '../../src/protocol/frame-outbox.js';
import { decodeFrame } from '../../src/protocol/peer-codec.js';

function frameOf(length: number, fill = 1): Buffer {
  const frame = Buffer.alloc(4 + length, fill);
  frame.writeUInt32BE(length);
  return frame;
}

t.test('control frames go first, and each lane keeps its order', (t) => {
  const outbox = new FrameOutbox();
  const [bulk1, bulk2, control1, control2] = [1, 2, 3, 4].map((fill) => frameOf(10, fill)) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  outbox.add(bulk1, 'bulk');
  outbox.add(control1, 'control');
  outbox.add(bulk2, 'bulk');
  outbox.add(control2, 'control');
  t.equal(outbox.bytes, 4 * 14);
  t.same(outbox.take(Number.POSITIVE_INFINITY), [control1, control2, bulk1, bulk2]);
  t.equal(outbox.bytes, 0);
  t.same(outbox.take(100), []);
  t.end();
});

t.test('a control frame overtakes the rest of a large message that is on its way', (t) => {
  const outbox = new FrameOutbox();
  const message = frameOf(limits.bodyBytesMax, 9);
  const after = frameOf(20, 8);
  outbox.add(message, 'bulk');
  outbox.add(after, 'bulk');
  const reassembler = new Reassembler();
  let pings = 0;
  let whole: Buffer | null = null;
  while (whole === null) {
    for (const frame of outbox.take(1)) {
      if (frame.length === 14) {
        pings++;
        continue;
      }
      t.ok(frame.length <= 4 + limits.chunkBytesMax);
      const chunk = decodeFrame(frame, 4, frame.length);
      if (chunk.type !== 'chunk') throw new Error('bulk frames must not overtake each other');
      whole = reassembler.add(chunk.piece, chunk.remaining);
    }
    const ping = frameOf(10, 3);
    outbox.add(ping, 'control');
    t.equal(outbox.take(1)[0], ping, 'it is the very next');
    pings++;
  }
  t.ok(pings > 100, `${pings} in between`);
  t.ok(whole.equals(message.subarray(4)));
  t.same(outbox.take(1), [after]);
  t.equal(outbox.bytes, 0);
  t.end();
});

t.test('a large control message goes in chunks too, and so on the bulk lane', (t) => {
  const outbox = new FrameOutbox();
  outbox.add(frameOf(limits.chunkBytesMax + 1), 'control');
  const ping = frameOf(1);
  outbox.add(ping, 'control');
  t.equal(outbox.take(1)[0], ping);
  t.equal(outbox.take(limits.frameBytesMax).length, 2);
  t.equal(outbox.bytes, 0);
  t.end();
});

t.test('a queue of many thousand frames is taken in order and in parts', (t) => {
  const outbox = new FrameOutbox();
  const frames = Array.from({ length: 20_000 }, (_, index) => frameOf(4, index % 256));
  for (const frame of frames) outbox.add(frame, 'bulk');
  const taken: Buffer[] = [];
  while (outbox.bytes > 0) taken.push(...outbox.take(1_000));
  t.ok(taken.length === frames.length && taken.every((frame, index) => frame === frames[index]));
  outbox.add(frameOf(4), 'bulk');
  outbox.clear();
  t.same([outbox.bytes, outbox.take(10)], [0, []]);
  t.end();
});
