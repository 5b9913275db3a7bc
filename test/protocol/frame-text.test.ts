import fc from 'fast-check';
import t from 'tap';
import { limits } from '../../src/core/limits.js';
import type { PeerMessage } from '../../src/core/messages.js';
import { encodeChunk, pieceBytesMax } from '../../src/protocol/frame-chunks.js';
import { type Assembled, MessageAssembler } from '../../src/protocol/frame-text.js';
import { decodeChunked, decodeFrame, encodeLarge, encodeMessage } from '../../src/protocol/peer-codec.js';
import { key } from './peer-samples.js';

function ranWith(result: string): PeerMessage {
  return { type: 'ran', seq: 7, key, outcome: { type: 'done', result } };
}

function runWith(args: string | Uint8Array): PeerMessage {
  return { type: 'run', key, task: 'echo', args, priority: -3, timeoutMs: 1.5, isolate: true, session: 2 };
}

function askWith(args: string): PeerMessage {
  const text = 'x'.repeat(3);
  return {
    type: 'ask',
    seq: 1,
    command: {
      type: 'submit',
      wait: true,
      task: text,
      args,
      options: {
        priority: 1,
        delayMs: 0,
        atMs: null,
        timeoutMs: null,
        retries: null,
        backoffMs: null,
        key: 'k',
        route: 'affinity',
        affinity: 'a',
        on: [['a', 'b']],
        node: null,
        copies: null,
        durable: null,
        ttlMs: 1,
        after: [],
        cron: null,
        timeZone: null,
      },
    },
  };
}

/** All chunk frames of a message, each of them checked against what was said to remain. */
function chunksOf(message: PeerMessage): Buffer[] {
  const chunks = encodeLarge(message);
  const frames: Buffer[] = [];
  while (chunks.remaining > 0) frames.push(chunks.next());
  return frames;
}

function assemble(frames: readonly Buffer[], assembler = new MessageAssembler()): PeerMessage | null {
  let whole: Assembled | null = null;
  for (const frame of frames) {
    const chunk = decodeFrame(frame, 4, frame.length);
    if (chunk.type !== 'chunk') throw new Error(chunk.type);
    whole = assembler.add(chunk.piece, chunk.remaining);
  }
  const message = whole && decodeChunked(whole.bytes, whole.text);
  assembler.clear();
  return message;
}

/** The same bytes in pieces of other lengths. */
function recut(content: Buffer, pieceBytes: number): { piece: Buffer; remaining: number }[] {
  const pieces: { piece: Buffer; remaining: number }[] = [];
  for (let at = 0; at < content.length; at += pieceBytes) {
    const piece = content.subarray(at, at + pieceBytes);
    pieces.push({ piece, remaining: content.length - at - piece.length });
  }
  return pieces;
}

t.test('a large text comes out of its chunks as it was, wherever it stands in its message', (t) => {
  const assembler = new MessageAssembler();
  for (const text of ['x', 'é', '€', '😀', 'a€😀é'].map((part) => part.repeat(100_000))) {
    for (const message of [ranWith(text), runWith(text), askWith(text)]) {
      t.ok(equal(assemble(chunksOf(message), assembler), message), message.type);
    }
  }
  const answer: PeerMessage = { type: 'answer', seq: 1, reply: { ok: true, text: 'y'.repeat(100_000) } };
  t.ok(equal(assemble(chunksOf(answer), assembler), answer));
  t.end();
});

t.test('bytes that are large go in chunks as they are', (t) => {
  const message = runWith(new Uint8Array(200_000).fill(7));
  t.ok(equal(assemble(chunksOf(message)), message));
  t.end();
});

t.test('the chunks hold the very bytes that the message has when it is encoded at once', (t) => {
  const part = fc.oneof(
    fc.constantFrom('x', 'é', '€', '😀', '\ud800', '\udc00'),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 20 }), fc.nat(3), (parts, shift) => {
      const unit = parts.join('') || 'x';
      const message = ranWith('s'.repeat(shift) + unit.repeat(Math.ceil(150_000 / unit.length)));
      const frames = chunksOf(message);
      const pieces = frames.map((frame) => frame.subarray(14));
      return (
        Buffer.concat(pieces).equals(encodeMessage(message).subarray(4)) &&
        frames.every((frame) => frame.readUInt32BE() === frame.length - 4) &&
        frames.every((frame) => frame.length - 4 <= limits.chunkBytesMax) &&
        frames.slice(0, -1).every((frame) => frame.length > limits.chunkBytesMax - 4)
      );
    }),
    { numRuns: 50 },
  );
  t.end();
});

t.test('a turn encodes what it sends, and no more', (t) => {
  const encoded: number[] = [];
  const { encodeInto } = TextEncoder.prototype;
  TextEncoder.prototype.encodeInto = function (text, into) {
    encoded.push(text.length);
    return encodeInto.call(this, text, into);
  };
  t.teardown(() => {
    TextEncoder.prototype.encodeInto = encodeInto;
  });
  const chunks = encodeLarge(ranWith('x'.repeat(limits.bodyBytesMax)));
  t.same(encoded, []);
  chunks.next();
  t.ok(encoded.length === 1 && (encoded[0] as number) <= limits.chunkBytesMax, `${encoded}`);
  t.end();
});

t.test('a large text is decoded as its chunks come, whatever they are cut to', (t) => {
  const message = ranWith('a€😀é'.repeat(30_000));
  const content = encodeMessage(message).subarray(4);
  for (const pieceBytes of [100, 997, 65_000, content.length - 1, content.length]) {
    const assembler = new MessageAssembler();
    let whole: Assembled | null = null;
    for (const { piece, remaining } of recut(content, pieceBytes)) whole = assembler.add(piece, remaining);
    t.ok(whole && whole.bytes.length < 200, 'only what is around the text is left to decode');
    t.ok(equal(whole && decodeChunked(whole.bytes, whole.text), message), `${pieceBytes}`);
  }
  t.end();
});

t.test('a text that says to be longer than its message is a fault with its first chunk', (t) => {
  const content = Buffer.concat([
    Buffer.of(0x93, 33, 0xdb, 0x7f, 0xff, 0xff, 0xff),
    Buffer.alloc(pieceBytesMax),
  ]);
  const frame = encodeChunk(content, 0);
  t.throws(() => assemble([frame]), { code: 'FRAME_MALFORMED' });
  t.end();
});

t.test('what is wrong around a text is a fault when the message is whole', (t) => {
  const content = encodeMessage(ranWith('x'.repeat(100_000))).subarray(4);
  const longer = Buffer.concat([content, Buffer.of(1)]);
  const frames = [encodeChunk(longer, 0), encodeChunk(longer, pieceBytesMax)];
  t.throws(() => assemble(frames), { code: 'FRAME_MALFORMED', message: /bytes follow the array/ });
  t.throws(() => assemble([frames[0] as Buffer, frames[0] as Buffer]), { code: 'FRAME_UNEXPECTED' });
  t.end();
});

/** By JSON, since a difference between texts of a megabyte is nothing to look at. */
function equal(a: PeerMessage | null, b: PeerMessage): boolean {
  const text = (message: PeerMessage | null): string =>
    JSON.stringify(message, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value));
  return text(a) === text(b);
}
