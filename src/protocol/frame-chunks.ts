import { limits } from '../core/limits.js';
import { ByteCollector } from './frame-collector.js';
import { frameHeaderBytes } from './frame-decoder.js';
import { frameKinds } from './frame-kinds.js';
import { PeerFault } from './peer-fault.js';

/** Length prefix, array of 3, kind, uint32, bin16 with its length. */
const chunkHeaderBytes = frameHeaderBytes + 1 + 1 + 5 + 3;
/** Most of a message that one chunk frame carries, so that the whole frame is at most `chunkBytesMax`. */
export const pieceBytesMax = limits.chunkBytesMax - chunkHeaderBytes;

/** Whether a message of this size travels in chunks. */
export function needsChunks(messageBytes: number): boolean {
  return messageBytes > limits.chunkBytesMax;
}

/** The chunk frame, length prefix included, that carries the message's bytes from `offset` on. */
export function encodeChunk(message: Uint8Array, offset: number): Buffer {
  const end = Math.min(offset + pieceBytesMax, message.length);
  const frame = Buffer.allocUnsafe(chunkHeaderBytes + end - offset);
  frame.writeUInt32BE(frame.length - frameHeaderBytes, 0);
  frame[4] = 0x93;
  frame[5] = frameKinds.chunk;
  frame[6] = 0xce;
  frame.writeUInt32BE(message.length - end, 7);
  frame[11] = 0xc5;
  frame.writeUInt16BE(end - offset, 12);
  frame.set(message.subarray(offset, end), chunkHeaderBytes);
  return frame;
}

/**
 * Puts a large message together again: at most one at a time, at most `messageBytesMax` long, its room growing with
 * what has arrived. Each chunk says how much is to come after it, and must agree with the one before.
 */
export class Reassembler {
  readonly #collected = new ByteCollector();
  #remaining = 0;

  /** Adds a chunk; the whole message with the last one (lent until the next `add`), else null. */
  add(piece: Uint8Array, remaining: number): Buffer | null {
    if (this.#remaining === 0) this.#collected.clear(0);
    else if (piece.length + remaining !== this.#remaining) {
      throw new PeerFault(
        'FRAME_UNEXPECTED',
        `a chunk of ${piece.length} bytes with ${remaining} to come, where ${this.#remaining} were missing`,
      );
    }
    const totalBytes = this.#collected.length + piece.length + remaining;
    if (piece.length === 0 || totalBytes > limits.messageBytesMax) {
      throw new PeerFault(
        'FRAME_LENGTH',
        `a chunk of ${piece.length} bytes in a message of ${totalBytes}; at most ${limits.messageBytesMax} are allowed`,
      );
    }
    this.#collected.append(piece, 0, piece.length, totalBytes);
    this.#remaining = remaining;
    return remaining === 0 ? this.#collected.bytes : null;
  }

  /** Gives back the room of the message that `add` has returned. */
  clear(): void {
    this.#collected.clear(0);
  }
}
