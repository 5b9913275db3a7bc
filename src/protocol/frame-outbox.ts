import { limits } from '../core/limits.js';
import type { Lane, PeerMessageType } from '../core/messages.js';
import { encodeChunk, needsChunks, pieceBytesMax } from './frame-chunks.js';
import { frameHeaderBytes } from './frame-decoder.js';

/** What is made anew at every probe round or exchange anyway, and may be left out when a peer is slow. */
export const droppableTypes: ReadonlySet<PeerMessageType> = new Set(['gossip', 'digest', 'sync']);

/**
 * What waits to be written to one peer, in two lanes. Control frames go first; bulk frames keep their order among
 * themselves, and a large one is cut into chunks only as it is taken, so control frames go in between.
 */
export class FrameOutbox {
  readonly #control = new FrameQueue();
  readonly #bulk = new FrameQueue();
  /** How much of the first bulk message has been taken, when it goes in chunks. */
  #offset = 0;
  #bytes = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a whole frame, length prefix included. What needs chunks goes to the bulk lane in any case. */
  add(frame: Buffer, lane: Lane): void {
    const large = needsChunks(frame.length - frameHeaderBytes);
    (lane === 'control' && !large ? this.#control : this.#bulk).push(frame);
    this.#bytes += frame.length;
  }

  /** The frames to write next: until they come to `bytesMax` or more, or there are no more. */
  take(bytesMax: number): Buffer[] {
    const frames: Buffer[] = [];
    let bytes = 0;
    while (bytes < bytesMax) {
      const frame = this.#takeOne();
      if (frame === null) break;
      frames.push(frame);
      bytes += frame.length;
    }
    return frames;
  }

  clear(): void {
    this.#control.clear();
    this.#bulk.clear();
    this.#offset = 0;
    this.#bytes = 0;
  }

  #takeOne(): Buffer | null {
    const lane = this.#control.first === null ? this.#bulk : this.#control;
    const frame = lane.first;
    if (frame === null) return null;
    const messageBytes = frame.length - frameHeaderBytes;
    if (!needsChunks(messageBytes)) {
      lane.shift();
      this.#bytes -= frame.length;
      return frame;
    }
    const chunk = encodeChunk(frame.subarray(frameHeaderBytes), this.#offset);
    const takenBytes = Math.min(pieceBytesMax, messageBytes - this.#offset);
    this.#offset += takenBytes;
    this.#bytes -= takenBytes;
    if (this.#offset === messageBytes) {
      lane.shift();
      this.#offset = 0;
      this.#bytes -= frameHeaderBytes;
    }
    return chunk;
  }
}

/** First in, first out, without moving the rest at each `shift`. */
class FrameQueue {
  #frames: Buffer[] = [];
  #head = 0;

  get first(): Buffer | null {
    return this.#frames[this.#head] ?? null;
  }

  push(frame: Buffer): void {
    this.#frames.push(frame);
  }

  shift(): void {
    this.#frames[this.#head++] = empty;
    if (this.#head === this.#frames.length) this.clear();
    else if (this.#head >= limits.attemptsPerGrantMax) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#frames = [];
    this.#head = 0;
  }
}

/** Stands in for what was taken, so that it isn't held on to. */
const empty = Buffer.alloc(0);
