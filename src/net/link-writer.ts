import type { Socket } from 'node:net';
import { limits } from '../core/limits.js';
import type { Lane, PeerMessage } from '../core/messages.js';
import { frameKinds } from '../protocol/frame-kinds.js';
import { type ChunkSource, FrameOutbox } from '../protocol/frame-outbox.js';
import { fieldsAfterKind } from '../protocol/peer-codec.js';
import type { PeerNetworkConfig } from './peer-config.js';

export interface LinkWriterEvents {
  /** The queue went over its high mark, or under its low one again. */
  pressure(congested: boolean): void;
  /** The queue is over its maximum: the peer has not read for too long. */
  stalled(): void;
}

/**
 * So much goes out before the turn is over: where a turn takes long, the peer would stand still meanwhile, and this node after it. With
 * a thousand jobs in flight from two nodes on two cores, 1.8 of them are busy in place of 1.6.
 */
const earlyBytesMin = 6 * 1024;
/** Frames from this size on are written by themselves. */
const joinedBytesMax = 16 * 1024;

/**
 * Writes to one socket: gathers what is added within a turn of the event loop into few writes, and hands the socket
 * only as much as it may hold, so that control frames which come later still overtake what waits here. A socket that has
 * drained says little: megabytes may lie in the systems' buffers. So bulk frames also wait for the peer to have taken those
 * before, as soon as it has begun to tell.
 */
export class LinkWriter {
  readonly #socket: Socket;
  readonly #config: PeerNetworkConfig;
  readonly #traffic: { bytesOut: number };
  readonly #events: LinkWriterEvents;
  readonly #outbox = new FrameOutbox();
  /** Bulk bytes that were written and the peer has not taken; null: it does not tell. */
  #untakenBytes: number | null = null;
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

  /** A message that is small; false: it is not, and is to be added as a frame. */
  addSmall(message: PeerMessage, lane: Lane): boolean {
    if (this.#finishing) return true;
    if (!this.#outbox.addSmall(frameKinds[message.type], fieldsAfterKind(message), lane)) return false;
    if (this.#isEarly()) this.#writeOut();
    this.#setFlush();
    return true;
  }

  /** A large message of about `bytes`, which is begun when its turn has come. */
  addLater(begin: ChunkSource, bytes: number): void {
    if (this.#finishing) return;
    this.#outbox.addLater(begin, bytes);
    this.#setFlush();
  }

  /** The peer has taken this much more of the bulk frames. */
  taken(bytes: number): void {
    this.#untakenBytes = Math.max(0, (this.#untakenBytes ?? 0) - bytes);
    if (this.#outbox.bytes > 0) this.#setFlush();
  }

  /** Ends the socket once all that waits is written. */
  finish(): void {
    this.#finishing = true;
    // What the peer takes from now on is not heard of any more.
    this.#untakenBytes = null;
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
    this.#writeOut();
    this.#tellPressure();
    if (this.#finishing && this.#outbox.bytes === 0) this.#socket.end();
    // What is left goes when the peer has taken more, or the socket has drained; it says so only if it was filled.
    else if (this.#outbox.hasWork(this.#bulkRoom()) && !this.#socket.writableNeedDrain) this.#setFlush();
  }

  /** Only where the socket takes it at once: otherwise there is nobody who stands still. */
  #isEarly(): boolean {
    return (
      this.#outbox.bytes >= earlyBytesMin &&
      this.#socket.writableLength === 0 &&
      this.#bulkRoom() > 0 &&
      !this.#socket.destroyed
    );
  }

  #writeOut(): void {
    const { frames, bulkBytes } = this.#outbox.take(
      limits.linkWriteBytesMax - this.#socket.writableLength,
      this.#bulkRoom(),
    );
    if (this.#untakenBytes !== null) this.#untakenBytes += bulkBytes;
    if (frames.length > 0) this.#write(frames);
  }

  /** Small frames are joined, which costs less than to hand over each; large ones are not copied again. */
  #write(frames: readonly Buffer[]): void {
    let small: Buffer[] = [];
    this.#socket.cork();
    for (const frame of frames) {
      this.#traffic.bytesOut += frame.length;
      if (frame.length < joinedBytesMax) small.push(frame);
      else {
        this.#writeJoined(small);
        small = [];
        this.#socket.write(frame);
      }
    }
    this.#writeJoined(small);
    this.#socket.uncork();
  }

  #writeJoined(frames: readonly Buffer[]): void {
    if (frames.length > 0)
      this.#socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
  }

  #bulkRoom(): number {
    return this.#untakenBytes === null
      ? Number.POSITIVE_INFINITY
      : limits.bulkUntakenBytesMax - this.#untakenBytes;
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
