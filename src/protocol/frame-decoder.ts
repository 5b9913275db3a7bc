import { limits } from '../core/limits.js';
import { ByteCollector } from './frame-collector.js';
import { frameKinds } from './frame-kinds.js';
import { PeerFault } from './peer-fault.js';

/** Takes one frame, `bytes[start, end)`, lent for the call only. Answers whether to go on decoding. */
export type FrameHandler = (bytes: Buffer, start: number, end: number) => boolean;

/** A frame is its length as a big-endian uint32, then that many bytes. */
export const frameHeaderBytes = 4;

/**
 * Cuts a stream of bytes into frames, whatever chunks it comes in. Frames that are whole in their chunk are handed on
 * where they lie; only the tail of a chunk is carried over, and large frames in memory of their own. A length of 0 or over `frameBytesMax` is a PeerFault as
 * soon as its four bytes are there, before any of the frame is kept.
 */
export class FrameDecoder {
  /** Raised from `helloBytesMax` once the hello is accepted. */
  frameBytesMax: number;
  readonly #carried = new ByteCollector();
  #stopped = false;

  constructor(frameBytesMax: number = limits.frameBytesMax) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Whether a frame has begun to come and is not whole yet. */
  get isMidFrame(): boolean {
    return this.#carried.length > 0;
  }

  /** Decodes all that is complete; after a handler's `false` or a fault, everything that follows is ignored. */
  feed(chunk: Buffer, handle: FrameHandler): void {
    if (this.#stopped) return;
    // Stopped until this chunk is done without a fault.
    this.#stopped = true;
    let position = this.#carried.length > 0 ? this.#complete(chunk, handle) : 0;
    while (position !== stopped && chunk.length - position >= frameHeaderBytes) {
      const end = position + frameHeaderBytes + this.#lengthAt(chunk, position);
      if (end > chunk.length) break;
      position = handle(chunk, position + frameHeaderBytes, end) ? end : stopped;
    }
    if (position === stopped) return;
    if (position < chunk.length) this.#carried.append(chunk, position, chunk.length, limits.chunkBytesMax);
    this.#stopped = false;
  }

  /** Adds to the carried frame what this chunk has of it; answers where the next frame begins. */
  #complete(chunk: Buffer, handle: FrameHandler): number {
    let position = 0;
    if (this.#carried.length < frameHeaderBytes) {
      position = Math.min(frameHeaderBytes - this.#carried.length, chunk.length);
      this.#carried.append(chunk, 0, position, frameHeaderBytes);
      if (this.#carried.length < frameHeaderBytes) return position;
    }
    const frameEnd = frameHeaderBytes + this.#lengthAt(this.#carried.bytes, 0);
    const end = Math.min(position + frameEnd - this.#carried.length, chunk.length);
    this.#carried.append(chunk, position, end, frameEnd);
    if (this.#carried.length < frameEnd) return end;
    const goOn = handle(this.#carried.bytes, frameHeaderBytes, frameEnd);
    this.#carried.clear(isHandedOver(this.#carried.bytes) ? 0 : limits.chunkBytesMax);
    return goOn ? end : stopped;
  }

  #lengthAt(bytes: Buffer, position: number): number {
    const length = bytes.readUInt32BE(position);
    if (length === 0 || length > this.frameBytesMax) {
      throw new PeerFault(
        'FRAME_LENGTH',
        `a frame of ${length} bytes; 1 to ${this.frameBytesMax} are allowed`,
      );
    }
    return length;
  }
}

const stopped = -1;

/** What is in a large frame may be kept where it is; only the piece of a chunk frame is copied to the others of its message. */
function isHandedOver(frame: Buffer): boolean {
  return frame.length >= limits.handedOverBytesMin && frame[frameHeaderBytes + 1] !== frameKinds.chunk;
}
