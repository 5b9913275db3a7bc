import { limits } from '../core/limits.js';
import { ByteCollector } from './frame-collector.js';
import { frameHeaderBytes } from './frame-decoder.js';
import { frameKinds } from './frame-kinds.js';
import { PeerFault } from './peer-fault.js';

/** Length prefix, array of 3, kind, uint32, bin16 with its length. */
export const chunkHeaderBytes = frameHeaderBytes + 1 + 1 + 5 + 3;
/** Most of a message that one chunk frame carries, so that the whole frame is at most `chunkBytesMax`. */
export const pieceBytesMax = limits.chunkBytesMax - chunkHeaderBytes;

/** Whether a message of this size travels in chunks. */
export function needsChunks(messageBytes: number): boolean {
  return messageBytes > limits.wholeFrameBytesMax;
}

/** A large message on its way out, as chunk frames that are made one by one. */
export interface Chunks {
  /** Bytes of its content that are still to be taken. */
  readonly remaining: number;
  /** The next chunk frame, length prefix included. */
  next(): Buffer;
}

/** A large message that is encoded already; `content` has no length prefix. */
export class ContentChunks implements Chunks {
  readonly #content: Uint8Array;
  #offset = 0;

  constructor(content: Uint8Array) {
    this.#content = content;
  }

  get remaining(): number {
    return this.#content.length - this.#offset;
  }

  next(): Buffer {
    const frame = encodeChunk(this.#content, this.#offset);
    this.#offset += frame.length - chunkHeaderBytes;
    return frame;
  }
}

/** The chunk frame, length prefix included, that carries the message's bytes from `offset` on. */
export function encodeChunk(message: Uint8Array, offset: number): Buffer {
  const end = Math.min(offset + pieceBytesMax, message.length);
  const frame = Buffer.allocUnsafe(chunkHeaderBytes + end - offset);
  writeChunkHeader(frame, end - offset, message.length - end);
  frame.set(message.subarray(offset, end), chunkHeaderBytes);
  return frame;
}

/** Writes all of a chunk frame but its piece. */
export function writeChunkHeader(frame: Buffer, pieceBytes: number, remaining: number): void {
  frame.writeUInt32BE(chunkHeaderBytes - frameHeaderBytes + pieceBytes, 0);
  frame[4] = 0x93;
  frame[5] = frameKinds.chunk;
  frame[6] = 0xce;
  frame.writeUInt32BE(remaining, 7);
  frame[11] = 0xc5;
  frame.writeUInt16BE(pieceBytes, 12);
}

/** Checks that the chunks of one message fit each other, and that it doesn't become too large. */
export class ChunkCount {
  #taken = 0;
  #remaining = 0;

  /** Answers how long the whole message is. */
  add(pieceBytes: number, remaining: number): number {
    if (this.#remaining === 0) this.#taken = 0;
    else if (pieceBytes + remaining !== this.#remaining) {
      throw new PeerFault(
        'FRAME_UNEXPECTED',
        `a chunk of ${pieceBytes} bytes with ${remaining} to come, where ${this.#remaining} were missing`,
      );
    }
    const totalBytes = this.#taken + pieceBytes + remaining;
    if (pieceBytes === 0 || totalBytes > limits.messageBytesMax) {
      throw new PeerFault(
        'FRAME_LENGTH',
        `a chunk of ${pieceBytes} bytes in a message of ${totalBytes}; at most ${limits.messageBytesMax} are allowed`,
      );
    }
    this.#taken += pieceBytes;
    this.#remaining = remaining;
    return totalBytes;
  }
}

/**
 * Puts a large message together again: at most one at a time, at most `messageBytesMax` long, its room growing with
 * what has arrived. Each chunk says how much is to come after it, and must agree with the one before.
 */
export class Reassembler {
  readonly #collected = new ByteCollector();
  readonly #count = new ChunkCount();
  #isInside = false;

  /** Adds a chunk; the whole message with the last one (lent until the next `add`), else null. */
  add(piece: Uint8Array, remaining: number): Buffer | null {
    if (!this.#isInside) this.#collected.clear(0);
    const totalBytes = this.#count.add(piece.length, remaining);
    this.#collected.append(piece, 0, piece.length, totalBytes);
    this.#isInside = remaining > 0;
    return remaining === 0 ? this.#collected.bytes : null;
  }

  /** Gives back the room of the message that `add` has returned. */
  clear(): void {
    this.#collected.clear(0);
  }
}
