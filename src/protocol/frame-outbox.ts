import { Fifo } from '../core/fifo.js';
import type { Lane, PeerMessageType } from '../core/messages.js';
import { type Chunks, ContentChunks, needsChunks } from './frame-chunks.js';
import { frameHeaderBytes } from './frame-decoder.js';

/** What is made anew at every probe round or exchange anyway, and may be left out when a peer is slow. */
export const droppableTypes: ReadonlySet<PeerMessageType> = new Set([
  'gossip',
  'digest',
  'sync',
  'buckets',
  'versions',
  'wanted',
  'records',
]);

/** Begins a large message; null: it turns out that it can't be sent. */
export type ChunkSource = () => Chunks | null;

export interface Taken {
  readonly frames: Buffer[];
  /** Those of the bulk lane among them. */
  readonly bulkBytes: number;
}

/** A bulk frame, or how a large message is begun, and how many bytes it counts for until then. */
type BulkEntry = Buffer | { readonly begin: ChunkSource; readonly bytes: number };

/**
 * What waits to be written to one peer, in two lanes. Control frames go first; bulk frames keep their order among
 * themselves. Large messages are begun, and their chunks made, only as they are taken: so control frames go in between, and
 * a turn of the event loop makes no more than it sends.
 */
export class FrameOutbox {
  readonly #control = new Fifo<Buffer>();
  readonly #bulk = new Fifo<BulkEntry>();
  /** The large message whose turn it is. */
  #current: Chunks | null = null;
  #bytes = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is something to take, with this room for bulk frames. */
  hasWork(bulkBytesMax: number): boolean {
    if (this.#control.length > 0) return true;
    return bulkBytesMax > 0 && (this.#current !== null || this.#bulk.length > 0);
  }

  /** Adds a whole frame, length prefix included. What needs chunks goes to the bulk lane in any case. */
  add(frame: Buffer, lane: Lane): void {
    if (needsChunks(frame.length - frameHeaderBytes)) {
      const content = frame.subarray(frameHeaderBytes);
      this.addLater(() => new ContentChunks(content), content.length);
      return;
    }
    (lane === 'control' ? this.#control : this.#bulk).push(frame);
    this.#bytes += frame.length;
  }

  /** Adds a large message that is begun when its turn comes. Until then it counts for `bytes`. */
  addLater(begin: ChunkSource, bytes: number): void {
    this.#bulk.push({ begin, bytes });
    this.#bytes += bytes;
  }

  /** The frames to write next: until all come to `bytesMax`, or those of the bulk lane to `bulkBytesMax`, or more. */
  take(bytesMax: number, bulkBytesMax = Number.POSITIVE_INFINITY): Taken {
    const frames: Buffer[] = [];
    let bytes = 0;
    while (bytes < bytesMax) {
      const frame = this.#control.shift();
      if (frame === undefined) break;
      this.#bytes -= frame.length;
      frames.push(frame);
      bytes += frame.length;
    }
    let bulkBytes = 0;
    while (bytes < bytesMax && bulkBytes < bulkBytesMax) {
      const frame = this.#takeBulk();
      if (frame === null) break;
      frames.push(frame);
      bytes += frame.length;
      bulkBytes += frame.length;
    }
    return { frames, bulkBytes };
  }

  clear(): void {
    this.#control.retain(() => false);
    this.#bulk.retain(() => false);
    this.#current = null;
    this.#bytes = 0;
  }

  #takeBulk(): Buffer | null {
    while (this.#current === null) {
      const entry = this.#bulk.shift();
      if (entry === undefined) return null;
      if (Buffer.isBuffer(entry)) {
        this.#bytes -= entry.length;
        return entry;
      }
      this.#current = entry.begin();
      this.#bytes += (this.#current?.remaining ?? 0) - entry.bytes;
    }
    const before = this.#current.remaining;
    const chunk = this.#current.next();
    this.#bytes += this.#current.remaining - before;
    if (this.#current.remaining === 0) this.#current = null;
    return chunk;
  }
}
