import type { Socket } from 'node:net';
import { limits } from '../core/limits.js';
import type { Lane } from '../core/messages.js';
import { FrameOutbox } from '../protocol/frame-outbox.js';
import type { PeerNetworkConfig } from './peer-config.js';

export interface LinkWriterEvents {
  /** The queue went over its high mark, or under its low one again. */
  pressure(congested: boolean): void;
  /** The queue is over its maximum: the peer has not read for too long. */
  stalled(): void;
}

/**
 * Writes to one socket: gathers what is added within a turn of the event loop into one write, and hands the socket
 * only as much as it may hold, so that control frames which come later still overtake what waits here.
 */
export class LinkWriter {
  readonly #socket: Socket;
  readonly #config: PeerNetworkConfig;
  readonly #traffic: { bytesOut: number };
  readonly #events: LinkWriterEvents;
  readonly #outbox = new FrameOutbox();
  #flushSet = false;
  #finishing = false;
  #congested = false;

  constructor(
    socket: Socket,
    config: PeerNetworkConfig,
    traffic: { bytesOut: number },
    events: LinkWriterEvents,
  ) {
    this.#socket = socket;
    this.#config = config;
    this.#traffic = traffic;
    this.#events = events;
    socket.on('drain', () => this.#flush());
  }

  get queuedBytes(): number {
    return this.#outbox.bytes + this.#socket.writableLength;
  }

  get isCongested(): boolean {
    return this.queuedBytes > this.#config.queueBytesHigh;
  }

  get isFull(): boolean {
    return this.queuedBytes > this.#config.queueBytesMax;
  }

  add(frame: Buffer, lane: Lane): void {
    if (this.#finishing) return;
    this.#outbox.add(frame, lane);
    this.#setFlush();
  }

  /** Ends the socket once all that waits is written. */
  finish(): void {
    this.#finishing = true;
    this.#setFlush();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#outbox.clear();
  }

  #setFlush(): void {
    if (this.#flushSet) return;
    this.#flushSet = true;
    setImmediate(() => {
      this.#flushSet = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (this.isFull && !this.#finishing) {
      this.#events.stalled();
      return;
    }
    const frames = this.#outbox.take(limits.linkWriteBytesMax - this.#socket.writableLength);
    if (frames.length > 0) {
      const bytes = frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
      this.#traffic.bytesOut += bytes.length;
      this.#socket.write(bytes);
    }
    this.#tellPressure();
    if (this.#finishing && this.#outbox.bytes === 0) this.#socket.end();
    // What is left goes when the socket has drained; it says so only if it was filled.
    else if (this.#outbox.bytes > 0 && !this.#socket.writableNeedDrain) this.#setFlush();
  }

  #tellPressure(): void {
    if (!this.#congested && this.isCongested) {
      this.#congested = true;
      this.#events.pressure(true);
    } else if (this.#congested && this.queuedBytes < this.#config.queueBytesLow) {
      this.#congested = false;
      this.#events.pressure(false);
    }
  }
}
