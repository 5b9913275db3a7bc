import { Fifo } from '../core/fifo.js';
import type { Lane, PeerMessageType } from '../core/messages.js';
import { type Chunks, ContentChunks, needsChunks } from './frame-chunks.js';
import { frameHeaderBytes } from './frame-decoder.js';
import { FrameGatherer } from './frame-gatherer.js';

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

/** How a large message is begun, and how many bytes it counts for until then. */
interface Later {
  readonly begin: ChunkSource;
  readonly bytes: number;
}

/** Room for small frames: what the last ones took and as much again, within these. */
const gathererBytesMin = 256;
const gathererBytesMax = 64 * 1024;

/**
 * What waits to be written to one peer, in two lanes. Control frames go first; bulk frames keep their order among
 * themselves. Large messages are begun, and their chunks made, only as they are taken: so control frames go in between, and
 * a turn of the event loop makes no more than it sends.
 */
export class FrameOutbox {
  readonly #control = new Fifo<Buffer | FrameGatherer>();
  readonly #bulk = new Fifo<Buffer | FrameGatherer | Later>();
  /** The last of its lane, where small frames may still be added to it. */
  readonly #open: Record<Lane, FrameGatherer | null> = { control: null, bulk: null };
  #gathererBytes = gathererBytesMin;
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
    this.#push(frame, lane);
    this.#bytes += frame.length;
  }

  /** Adds the frame of a small message; false: it is not small enough. */
  addSmall(kind: number, fields: readonly unknown[], lane: Lane): boolean {
    let gatherer = this.#open[lane];
    const before = gatherer?.size ?? 0;
    if (gatherer?.append(kind, fields) !== true) {
      gatherer = this.#gathererFor(kind, fields, lane);
      if (gatherer === null) return false;
      this.#push(gatherer, lane);
      this.#open[lane] = gatherer;
      this.#bytes += gatherer.size;
    } else this.#bytes += gatherer.size - before;
    return true;
  }

  #gathererFor(kind: number, fields: readonly unknown[], lane: Lane): FrameGatherer | null {
    // One that is full may have been too small for what comes at once.
    if (this.#open[lane] !== null) this.#gathererBytes = Math.min(gathererBytesMax, 2 * this.#gathererBytes);
    const gatherer = new FrameGatherer(this.#gathererBytes);
    if (gatherer.append(kind, fields)) return gatherer;
    if (this.#gathererBytes === gathererBytesMax) return null;
    const larger = new FrameGatherer(gathererBytesMax);
    return larger.append(kind, fields) ? larger : null;
  }

  #push(entry: Buffer | FrameGatherer | Later, lane: Lane): void {
    this.#open[lane] = null;
    if (lane === 'bulk') this.#bulk.push(entry);
    else this.#control.push(entry as Buffer | FrameGatherer);
  }

  /** Adds a large message that is begun when its turn comes. Until then it counts for `bytes`. */
  addLater(begin: ChunkSource, bytes: number): void {
    this.#push({ begin, bytes }, 'bulk');
    this.#bytes += bytes;
  }

  /** The frames to write next: until all come to `bytesMax`, or those of the bulk lane to `bulkBytesMax`, or more. */
  take(bytesMax: number, bulkBytesMax = Number.POSITIVE_INFINITY): Taken {
    const frames: Buffer[] = [];
    let bytes = 0;
    while (bytes < bytesMax) {
      const entry = this.#control.shift();
      if (entry === undefined) break;
      const frame = this.#written(entry, 'control');
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
    this.#open.control = null;
    this.#open.bulk = null;
    this.#bytes = 0;
  }

  #written(entry: Buffer | FrameGatherer, lane: Lane): Buffer {
    if (!(entry instanceof FrameGatherer)) return entry;
    if (this.#open[lane] === entry) this.#open[lane] = null;
    // Halved at most, so that one that holds little now and then doesn't begin anew each time.
    const wanted = Math.max(2 * entry.size, this.#gathererBytes / 2, gathererBytesMin);
    this.#gathererBytes = Math.min(gathererBytesMax, wanted);
    return entry.take();
  }

  #takeBulk(): Buffer | null {
    while (this.#current === null) {
      const entry = this.#bulk.shift();
      if (entry === undefined) return null;
      if (!('begin' in entry)) {
        const frame = this.#written(entry, 'bulk');
        this.#bytes -= frame.length;
        return frame;
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
