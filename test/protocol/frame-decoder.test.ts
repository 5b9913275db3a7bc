import fc from 'fast-check';
import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { FrameDecoder } from '../../src/protocol/frame-decoder.js';
import { PeerFault } from '../../src/protocol/peer-fault.js';

function frameOf(content: Uint8Array): Buffer {
  const frame = Buffer.alloc(4 + content.length);
  frame.writeUInt32BE(content.length);
  frame.set(content, 4);
  return frame;
}

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

/** Feeds chunks, and answers the frames as hex. */
function decodeAll(chunks: readonly Buffer[], decoder = new FrameDecoder()): string[] {
  const frames: string[] = [];
  for (const chunk of chunks) {
    decoder.feed(chunk, (bytes, start, end) => {
      frames.push(bytes.toString('hex', start, end));
      return true;
    });
  }
  return frames;
}

t.test('frames come out the same however the bytes are cut', (t) => {
  const contents = ['a', 'bc', 'd'.repeat(300), 'e'].map((text) => Buffer.from(text));
  const bytes = Buffer.concat(contents.map(frameOf));
  const expected = contents.map((content) => content.toString('hex'));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const frames = decodeAll([bytes.subarray(0, cut), bytes.subarray(cut)]);
    if (String(frames) !== String(expected)) t.fail(`cut at ${cut}`);
  }
  const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
  t.same(decodeAll(single), expected, 'one byte at a time');
  t.end();
});

t.test('any frames in any chunks come out in order', (t) => {
  const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 20 });
  const cuts = fc.array(fc.nat(4_000), { maxLength: 30 });
  fc.assert(
    fc.property(frames, cuts, (contents, positions) => {
      const bytes = Buffer.concat(contents.map(frameOf));
      const sorted = [0, ...positions.filter((at) => at <= bytes.length).sort((a, b) => a - b), bytes.length];
      const chunks = sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
      return (
        String(decodeAll(chunks)) === String(contents.map((content) => Buffer.from(content).toString('hex')))
      );
    }),
  );
  t.end();
});

t.test('thousands of frames in one chunk are handed on where they lie', (t) => {
  const chunk = Buffer.concat(Array.from({ length: 5_000 }, () => frameOf(Buffer.from('x'))));
  let count = 0;
  new FrameDecoder().feed(chunk, (bytes, start, end) => {
    if (bytes.buffer !== chunk.buffer || end - start !== 1) t.fail('copied');
    count++;
    return true;
  });
  t.equal(count, 5_000);
  t.end();
});

t.test('a length of 0, over the limit, or 2^32-1 is refused as soon as its bytes are there', (t) => {
  for (const length of [0, limits.frameBytesMax + 1, 2 ** 32 - 1]) {
    t.throws(() => decodeAll([header(length)]), { code: 'FRAME_LENGTH' }, `${length} whole`);
    const decoder = new FrameDecoder();
    decodeAll([header(length).subarray(0, 3)], decoder);
    t.throws(
      () => decodeAll([header(length).subarray(3)], decoder),
      { code: 'FRAME_LENGTH' },
      `${length} in two parts`,
    );
    t.same(decodeAll([frameOf(Buffer.from('x'))], decoder), [], 'and nothing is read after it');
  }
  t.end();
});

t.test('a frame of exactly the limit passes, whole and in parts', (t) => {
  const frame = frameOf(Buffer.alloc(limits.frameBytesMax, 7));
  t.equal(decodeAll([frame])[0]?.length, 2 * limits.frameBytesMax);
  t.equal(
    decodeAll([frame.subarray(0, 70_000), frame.subarray(70_000)])[0]?.length,
    2 * limits.frameBytesMax,
  );
  t.end();
});

t.test('a handler that says stop gets no more, not even of later chunks', (t) => {
  const decoder = new FrameDecoder();
  const chunk = Buffer.concat([frameOf(Buffer.from('a')), frameOf(Buffer.from('b'))]);
  let count = 0;
  const stop = (): boolean => {
    count++;
    return false;
  };
  decoder.feed(chunk, stop);
  decoder.feed(chunk, stop);
  t.equal(count, 1);
  t.end();
});

t.test('the limit can be raised between two frames of one chunk', (t) => {
  const decoder = new FrameDecoder(4);
  const chunk = Buffer.concat([frameOf(Buffer.from('abcd')), frameOf(Buffer.alloc(5))]);
  let count = 0;
  decoder.feed(chunk, () => {
    decoder.frameBytesMax = 5;
    count++;
    return true;
  });
  t.equal(count, 2);
  t.throws(() => new FrameDecoder(4).feed(frameOf(Buffer.alloc(5)), () => true), { code: 'FRAME_LENGTH' });
  t.end();
});

t.test('garbage is either frames or a fault, never anything else', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 10 }), (chunks) => {
      try {
        decodeAll(chunks.map((chunk) => Buffer.from(chunk)));
      } catch (error) {
        if (!(error instanceof PeerFault)) throw error;
      }
    }),
  );
  t.end();
});
