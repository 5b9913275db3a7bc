import { StringDecoder } from 'node:string_decoder';
import { assert } from '../core/assert.js';
import { limits } from '../core/limits.js';
import { ChunkCount, type Chunks, chunkHeaderBytes, Reassembler, writeChunkHeader } from './frame-chunks.js';
import { ByteCollector } from './frame-collector.js';
import { type LargeTextPlace, largeTextIn } from './frame-skim.js';
import { PeerFault } from './peer-fault.js';

/** Stands for the text while it goes its own way: an empty string. */
const placeholder = 0xa0;
/** Of a string that is as long as a text: its token, and four bytes of length. */
const textHeaderBytes = 5;
/** The longest character in UTF-8; what a chunk may leave empty, so that it cuts no character. */
const characterBytesMax = 4;

/** Content of a message around one large text: what comes before it, itself, and what comes after. */
export interface TextParts {
  readonly before: Buffer;
  readonly text: string;
  readonly after: Buffer;
}

/**
 * A large message with its text, as chunks that are each encoded when they are taken: a text of any length costs a turn of the
 * event loop no more than the chunks that go out in it.
 */
export class TextChunks implements Chunks {
  readonly #head: Buffer;
  readonly #text: string;
  readonly #after: Buffer;
  #headTaken = 0;
  #textTaken = 0;
  #afterTaken = 0;
  #remaining: number;

  constructor({ before, text, after }: TextParts) {
    const textBytes = Buffer.byteLength(text);
    this.#head = Buffer.allocUnsafe(before.length + textHeaderBytes);
    before.copy(this.#head);
    this.#head[before.length] = 0xdb;
    this.#head.writeUInt32BE(textBytes, before.length + 1);
    this.#text = text;
    this.#after = after;
    this.#remaining = this.#head.length + textBytes + after.length;
  }

  get remaining(): number {
    return this.#remaining;
  }

  next(): Buffer {
    const frame = Buffer.allocUnsafe(4 + limits.chunkBytesMax);
    let end: number = chunkHeaderBytes;
    end += this.#head.copy(frame, end, this.#headTaken);
    this.#headTaken = Math.min(this.#head.length, this.#headTaken + end - chunkHeaderBytes);
    while (this.#textTaken < this.#text.length && frame.length - end >= characterBytesMax) {
      const { read, written } = encoder.encodeInto(this.#textFor(frame.length - end), frame.subarray(end));
      this.#textTaken += read;
      end += written;
    }
    if (this.#textTaken === this.#text.length) {
      const copied = this.#after.copy(frame, end, this.#afterTaken);
      this.#afterTaken += copied;
      end += copied;
    }
    const pieceBytes = end - chunkHeaderBytes;
    this.#remaining -= pieceBytes;
    assert(pieceBytes > 0 && this.#remaining >= 0, 'a text has as many bytes as were counted');
    writeChunkHeader(frame, pieceBytes, this.#remaining);
    return frame.subarray(0, end);
  }

  /** What may fit into so many bytes. It ends in no half of a pair, which would be encoded as what it isn't. */
  #textFor(bytes: number): string {
    let end = Math.min(this.#text.length, this.#textTaken + bytes);
    const last = this.#text.charCodeAt(end - 1);
    if (end < this.#text.length && last >= 0xd800 && last < 0xdc00) end--;
    return this.#text.slice(this.#textTaken, end);
  }
}

const encoder = new TextEncoder();

/** A message that came in chunks. `text` is that of the empty string at `path` in its array. */
export interface Assembled {
  readonly bytes: Buffer;
  readonly text: { readonly path: readonly number[]; readonly text: string } | null;
}

/**
 * Puts large messages together, one after the other. The large text of one is turned into a string as its chunks come, so that the
 * last of them leaves no more to do than the first.
 */
export class MessageAssembler {
  readonly #plain = new Reassembler();
  #reading: TextReading | null = null;
  #isInside = false;

  /** Adds a chunk; the message with its last one, lent until the next `add`. */
  add(piece: Uint8Array, remaining: number): Assembled | null {
    if (!this.#isInside) this.#reading = textReadingOf(piece, remaining);
    this.#isInside = remaining > 0;
    if (this.#reading !== null) return this.#reading.add(piece, remaining);
    const bytes = this.#plain.add(piece, remaining);
    return bytes === null ? null : { bytes, text: null };
  }

  /** Gives back the room of the message that `add` has returned. */
  clear(): void {
    this.#plain.clear();
    this.#reading = null;
  }
}

function textReadingOf(piece: Uint8Array, remaining: number): TextReading | null {
  const place = largeTextIn(piece, limits.chunkBytesMax);
  return place === null ? null : new TextReading(place, piece.length + remaining);
}

/** One message with a large text, as far as it has come. */
class TextReading {
  readonly #place: LargeTextPlace;
  readonly #count = new ChunkCount();
  readonly #decoder = new StringDecoder('utf8');
  /** Decoded when it comes to a chunk's length: chunks of a byte each must not cost an object each. */
  readonly #undecoded = new ByteCollector();
  /** What is around the text, with a placeholder in its place. */
  readonly #around = new ByteCollector();
  #text = '';
  #headLeft: number;
  #textLeft: number;

  constructor(place: LargeTextPlace, totalBytes: number) {
    if (place.start + place.bytes > totalBytes) {
      throw new PeerFault('FRAME_MALFORMED', "a frame can't be read: a value is longer than the frame");
    }
    this.#place = place;
    this.#headLeft = place.start;
    this.#textLeft = place.bytes;
  }

  add(piece: Uint8Array, remaining: number): Assembled | null {
    this.#count.add(piece.length, remaining);
    let at = 0;
    if (this.#headLeft > 0) {
      at = this.#headLeft;
      this.#headLeft = 0;
      this.#keep(piece, 0, at - textHeaderBytes);
      this.#keep(placeholderBytes, 0, 1);
    }
    const textEnd = Math.min(piece.length, at + this.#textLeft);
    if (textEnd > at) this.#take(piece, at, textEnd);
    if (textEnd < piece.length) this.#keep(piece, textEnd, piece.length);
    if (remaining > 0) return null;
    return { bytes: this.#around.bytes, text: { path: this.#place.path, text: this.#text } };
  }

  #keep(piece: Uint8Array, start: number, end: number): void {
    this.#around.append(piece, start, end, limits.messageBytesMax);
  }

  #take(piece: Uint8Array, start: number, end: number): void {
    this.#undecoded.append(piece, start, end, 2 * limits.chunkBytesMax);
    this.#textLeft -= end - start;
    if (this.#textLeft > 0 && this.#undecoded.length < limits.chunkBytesMax / 2) return;
    this.#text += this.#decoder.write(this.#undecoded.bytes);
    if (this.#textLeft === 0) this.#text += this.#decoder.end();
    this.#undecoded.clear(2 * limits.chunkBytesMax);
  }
}

const placeholderBytes = Uint8Array.of(placeholder);
