import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { ContentChunks, pieceBytesMax, Reassembler } from '../../src/protocol/frame-chunks.js';
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
  t.same(outbox.take(Number.POSITIVE_INFINITY).frames, [control1, control2, bulk1, bulk2]);
  t.equal(outbox.bytes, 0);
  t.same(outbox.take(100).frames, []);
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
    for (const frame of outbox.take(1).frames) {
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
    t.equal(outbox.take(1).frames[0], ping, 'it is the very next');
    pings++;
  }
  t.ok(pings > 100, `${pings} in between`);
  t.ok(whole.equals(message.subarray(4)));
  t.same(outbox.take(1).frames, [after]);
  t.equal(outbox.bytes, 0);
  t.end();
});

t.test('a large control message goes in chunks too, and so on the bulk lane', (t) => {
  const outbox = new FrameOutbox();
  outbox.add(frameOf(limits.wholeFrameBytesMax + 1), 'control');
  const ping = frameOf(1);
  outbox.add(ping, 'control');
  t.equal(outbox.take(1).frames[0], ping);
  t.equal(outbox.take(limits.frameBytesMax).frames.length, 2);
  t.equal(outbox.bytes, 0);
  t.end();
});

t.test('a queue of many thousand frames is taken in order and in parts', (t) => {
  const outbox = new FrameOutbox();
  const frames = Array.from({ length: 20_000 }, (_, index) => frameOf(4, index % 256));
  for (const frame of frames) outbox.add(frame, 'bulk');
  const taken: Buffer[] = [];
  while (outbox.bytes > 0) taken.push(...outbox.take(1_000).frames);
  t.ok(taken.length === frames.length && taken.every((frame, index) => frame === frames[index]));
  outbox.add(frameOf(4), 'bulk');
  outbox.clear();
  t.same([outbox.bytes, outbox.take(10).frames], [0, []]);
  t.end();
});

t.test('with no room for bulk frames control frames still go, and the room counts bulk frames alone', (t) => {
  const outbox = new FrameOutbox();
  const bulk = [frameOf(100, 1), frameOf(100, 2), frameOf(100, 3)] as const;
  for (const frame of bulk) outbox.add(frame, 'bulk');
  const ping = frameOf(10);
  outbox.add(ping, 'control');
  t.ok(outbox.hasWork(0));
  t.same(outbox.take(1_000, 0), { frames: [ping], bulkBytes: 0 });
  t.notOk(outbox.hasWork(0));
  t.same(outbox.take(1_000, 105), { frames: [bulk[0], bulk[1]], bulkBytes: 208 });
  t.ok(outbox.hasWork(1));
  t.same(outbox.take(1_000, 1), { frames: [bulk[2]], bulkBytes: 104 });
  t.notOk(outbox.hasWork(1));
  t.end();
});

t.test('of large messages that are added in one turn, none is begun before its turn to be sent', (t) => {
  const outbox = new FrameOutbox();
  const begun: number[] = [];
  for (const fill of [1, 2, 3]) {
    const begin = (): ContentChunks => {
      begun.push(fill);
      return new ContentChunks(Buffer.alloc(10 * pieceBytesMax, fill));
    };
    outbox.addLater(begin, 500_000);
  }
  t.equal(outbox.bytes, 1_500_000);
  t.same(begun, []);
  for (let chunk = 0; chunk < 10; chunk++) t.equal(outbox.take(1).frames.length, 1);
  t.same(begun, [1]);
  t.equal(outbox.bytes, 1_000_000);
  outbox.take(1);
  t.same(begun, [1, 2]);
  t.equal(outbox.bytes, 500_000 + 9 * pieceBytesMax);
  outbox.take(Number.POSITIVE_INFINITY);
  t.same(begun, [1, 2, 3]);
  t.equal(outbox.bytes, 0);
  t.end();
});

t.test('a message that turns out not to be sendable is left out, and those after it go', (t) => {
  const outbox = new FrameOutbox();
  const after = frameOf(10);
  outbox.addLater(() => null, 70_000);
  outbox.add(after, 'bulk');
  t.same(outbox.take(1_000).frames, [after]);
  t.equal(outbox.bytes, 0);
  t.end();
});
