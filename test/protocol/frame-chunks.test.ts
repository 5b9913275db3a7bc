import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { encodeChunk, needsChunks, pieceBytesMax, Reassembler } from '../../src/protocol/frame-chunks.js';
import {
  decodeChunked,
  decodeFrame,
  encodeGoodbye,
  encodeHello,
  encodeMessage,
} from '../../src/protocol/peer-codec.js';
import { helloOf, runOf } from './peer-samples.js';

function chunksOf(message: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < message.length; offset += pieceBytesMax)
    chunks.push(encodeChunk(message, offset));
  return chunks;
}

/** Decodes chunk frames and puts them together. */
function reassemble(chunks: readonly Buffer[], reassembler = new Reassembler()): Buffer | null {
  let whole: Buffer | null = null;
  for (const chunk of chunks) {
    const frame = decodeFrame(chunk, 4, chunk.length);
    if (frame.type !== 'chunk') throw new Error(frame.type);
    whole = reassembler.add(frame.piece, frame.remaining);
  }
  return whole;
}

t.test('a large message comes out of its chunks as it was', (t) => {
  const args = 'ü'.repeat(200_000);
  const run = runOf(args);
  const message = encodeMessage(run).subarray(4);
  t.ok(needsChunks(message.length));
  const chunks = chunksOf(message);
  t.equal(chunks.length, Math.ceil(message.length / pieceBytesMax));
  t.ok(
    chunks.every(
      (chunk) => chunk.length - 4 <= limits.chunkBytesMax && chunk.readUInt32BE() === chunk.length - 4,
    ),
  );
  const whole = reassemble(chunks);
  t.same(whole && decodeChunked(whole), run);
  t.end();
});

t.test('one large message after the other is put together on the same link', (t) => {
  const reassembler = new Reassembler();
  for (const letter of ['a', 'b']) {
    const message = Buffer.alloc(3 * pieceBytesMax, letter);
    t.ok(reassemble(chunksOf(message), reassembler)?.equals(message));
  }
  t.end();
});

t.test('a message of 64 KiB and what stands around it needs no chunks', (t) => {
  t.notOk(needsChunks(limits.wholeFrameBytesMax));
  t.ok(needsChunks(limits.wholeFrameBytesMax + 1));
  t.end();
});

t.test('a chunk that does not continue the one before is a fault', (t) => {
  const piece = Buffer.alloc(10);
  const wrong = [
    [9, 'too little to come'],
    [11, 'too much to come'],
    [20, 'the same again'],
  ] as const;
  for (const [remaining, name] of wrong) {
    const reassembler = new Reassembler();
    t.equal(reassembler.add(piece, 20), null);
    t.throws(() => reassembler.add(piece, remaining), { code: 'FRAME_UNEXPECTED' }, name);
  }
  t.end();
});

t.test('a message over the limit, or a chunk without bytes, is refused at its first chunk', (t) => {
  const piece = Buffer.alloc(10);
  t.equal(new Reassembler().add(piece, limits.messageBytesMax - 10), null, 'exactly the limit');
  t.throws(() => new Reassembler().add(piece, limits.messageBytesMax - 9), { code: 'FRAME_LENGTH' });
  t.throws(() => new Reassembler().add(Buffer.alloc(0), 5), { code: 'FRAME_LENGTH' });
  t.end();
});

t.test('an announced length costs no memory before its bytes come', (t) => {
  const before = process.memoryUsage().arrayBuffers;
  const reassemblers = Array.from({ length: 100 }, () => new Reassembler());
  for (const reassembler of reassemblers) reassembler.add(Buffer.alloc(10), limits.messageBytesMax - 10);
  t.ok(process.memoryUsage().arrayBuffers - before < limits.frameBytesMax);
  t.end();
});

t.test('only messages may come in chunks', (t) => {
  for (const frame of [encodeHello(helloOf()), encodeGoodbye('idle'), encodeChunk(Buffer.alloc(5), 0)]) {
    t.throws(() => decodeChunked(frame.subarray(4)), { code: 'FRAME_UNEXPECTED' });
  }
  t.end();
});
