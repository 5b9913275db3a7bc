import type { Socket } from 'node:net';
import type { ClientCommand } from '../core/commands.js';
import type { Item } from '../core/item.js';
import type { Reply } from '../core/reply.js';
import type { Together } from '../core/together.js';
import type { Piece, Said } from '../protocol/answer-queue.js';
import type { LineSession } from '../protocol/line-session.js';

/** What a connection tells the server that has it. */
export interface LineConnectionOwner {
  /** Requests of one read are handed over in it. */
  readonly together: Together;
  /** The next request was read. It may be answered at once or later, with the session's `reply`. */
  request(connection: LineConnection, seq: number, command: ClientCommand): void;
  /** The client takes so much of the items of this request in all. */
  itemsWanted(seq: number, upTo: number): void;
  /** There is output, or room to read on: `flush` is to be called soon. */
  dirty(connection: LineConnection): void;
  /** What is kept for the client has become so much more, or less. */
  keptChanged(bytes: number): void;
  /** The socket is gone; nothing follows. */
  closed(connection: LineConnection): void;
}

export interface LineConnectionLimits {
  /** Bytes that wait for the client to read them; past it no further request is read. */
  readonly outputBytesHigh: number;
  /** How long a client may read nothing of what waits for it, or send nothing more of what it has begun. */
  readonly stallTimeoutMs: number;
  /** How long what a client still sends is passed over after the last answer: closing at once could cost it that answer. */
  readonly lingerMs: number;
}

/** Written in pieces of this size, so that each piece that gets through shows that the client reads. */
const writeBytesMax = 256 * 1024;
/** A client that has ended its side is looked for when nothing was said for so long. */
const probeEndedMs = 1_000;

/** `host:port` of who has connected, for the log. One that was reset before it was accepted has no address any more, though what it has sent is read. */
export function clientName({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined
    ? 'unknown, gone before it was accepted'
    : `${remoteAddress}:${remotePort}`;
}

/** One client's socket and its session. */
export class LineConnection {
  /** `host:port` of the client, for the log. */
  readonly client: string;
  /** A mistake of this client stands in the log already. */
  mistakeLogged = false;
  private isDirty = false;
  private isEnding = false;
  /** The client sends nothing more. */
  private hasEnded = false;
  /** When the client last took something, or began to have something to take. */
  private progressAtMs: number;
  /** When what the client sends last moved on, by the session's count of moves. */
  private movedAtMs: number;
  private moveCount = 0;
  /** Replies that wait for this client, in the session or on the socket. */
  private kept = 0;
  private isCutOff = false;
  /** Where in all that was said to the client that ends which the socket has. */
  private position = 0;

  constructor(
    private readonly socket: Socket,
    readonly session: LineSession,
    private readonly limits: LineConnectionLimits,
    private readonly owner: LineConnectionOwner,
    private readonly nowMs: () => number,
  ) {
    this.client = clientName(socket);
    this.progressAtMs = nowMs();
    this.movedAtMs = this.progressAtMs;
    socket.on('data', (chunk: Buffer) => this.handleBytes(chunk));
    socket.on('end', () => this.handleEnd());
    socket.on('drain', () => this.markDirty());
    // A reset, mostly: 'close' follows, and that is what counts.
    socket.on('error', () => {});
    socket.on('close', () => {
      session.finish();
      this.countKept();
      owner.closed(this);
    });
  }

  /** What the replies take that wait for this client. */
  get keptBytes(): number {
    return this.kept;
  }

  item(seq: number, item: Item): void {
    this.session.item(seq, item);
    this.countKept();
    this.markDirty();
  }

  /** What all messages take that wait for the client, with this one. */
  message(seq: number, said: Said): number {
    const bytes = this.session.message(seq, said);
    this.countKept();
    this.markDirty();
    return bytes;
  }

  reply(seq: number, reply: Reply): void {
    this.session.reply(seq, reply);
    this.countKept();
    this.markDirty();
  }

  /** Sends as much as there is room for, and reads on if there is room again. */
  flush(): void {
    this.isDirty = false;
    if (this.socket.destroyed) return;
    this.socket.cork();
    for (;;) {
      const piece = this.isCongested() ? null : this.session.takeOutput();
      if (piece === null) break;
      this.write(piece);
    }
    this.socket.uncork();
    this.tellWanted();
    if (!this.session.isFinished) this.readOn();
    else if (!this.session.hasOutput) this.end();
    // Only by reading on is it seen that the client has gone.
    else this.socket.resume();
    this.countKept();
  }

  /** Lets go of all replies, says `lastWord` in their place, and ends; the second time, at once. */
  cutOff(lastWord: Reply): void {
    if (this.isCutOff || this.isEnding) {
      this.destroy();
      return;
    }
    this.isCutOff = true;
    this.session.cutOff(lastWord);
    this.flush();
  }

  /** Takes no more requests; ends once those in flight are answered. */
  finish(): void {
    this.session.finish();
    this.markDirty();
  }

  destroy(): void {
    this.socket.destroy();
    this.countKept();
  }

  /** Whether this client has read nothing for too long, though much waits for it, or what holds up a job, or all it still has to do. */
  isStalled(): boolean {
    const waiting = this.socket.writableLength;
    if (waiting === 0) return false;
    const isHeldUp = waiting > this.limits.outputBytesHigh || this.isEnding || this.session.rooms.hasWaiting;
    if (!isHeldUp) return false;
    return this.nowMs() - this.progressAtMs > this.limits.stallTimeoutMs;
  }

  /** Whether this client has begun a line or a body and sent nothing more of it for too long, though it is read from. */
  isHalting(): boolean {
    const nowMs = this.nowMs();
    const isMoving = this.session.moveCount !== this.moveCount || !this.session.isInsideRequest;
    this.moveCount = this.session.moveCount;
    if (isMoving || this.socket.isPaused()) this.movedAtMs = nowMs;
    return nowMs - this.movedAtMs > this.limits.stallTimeoutMs;
  }

  /**
   * Asks the kernel whether a client that ended its side is gone. What its probes have found is told to nobody else: the socket is neither
   * read from any more nor written to. Nothing is sent.
   */
  probeEnded(): void {
    if (this.hasEnded && this.socket.writableLength === 0 && !this.isEnding) this.socket.write('');
  }

  /** Refuses what was begun, and ends. */
  giveUpRequest(): void {
    this.session.giveUpRequest();
    this.markDirty();
  }

  /** Counts a client's standing still from now on. */
  restartStall(): void {
    this.progressAtMs = this.nowMs();
    this.movedAtMs = this.progressAtMs;
  }

  private handleBytes(chunk: Buffer): void {
    // A finishing session passes over what it gets: only by reading on is it seen that the client has gone.
    this.session.push(chunk);
    this.readOn();
  }

  /** It reads on, or is gone: only a probe tells, as what it has asked may have nothing to say for long. */
  private handleEnd(): void {
    this.hasEnded = true;
    this.socket.setKeepAlive(true, probeEndedMs);
    this.session.end();
    this.readOn();
  }

  /** Hands on requests until the bytes are used up or a limit is reached. */
  private readOn(): void {
    if (this.session.hasUnread && !this.isCongested()) this.owner.together(this.handOver);
    this.markDirtyIfNeeded();
    const wanted = this.session.isFinishing || !(this.session.isFull || this.isCongested());
    if (wanted === this.socket.isPaused()) {
      if (wanted) this.socket.resume();
      else this.socket.pause();
    }
  }

  private readonly handOver = (): void => {
    while (!this.isCongested()) {
      const next = this.session.next();
      if (next === null) break;
      this.owner.request(this, next.seq, next.command);
    }
  };

  private markDirtyIfNeeded(): void {
    if (this.session.hasOutput || this.session.isFinished) this.markDirty();
  }

  private markDirty(): void {
    if (this.isDirty || this.isEnding) return;
    this.isDirty = true;
    this.owner.dirty(this);
  }

  private isCongested(): boolean {
    return this.socket.writableLength > this.limits.outputBytesHigh;
  }

  private write({ data, bytes }: Piece): void {
    if (this.socket.writableLength === 0) this.progressAtMs = this.nowMs();
    this.position += bytes;
    const end = this.position;
    if (bytes <= writeBytesMax) {
      // Text of as many bytes as characters is ASCII, which costs less to write as what it is.
      const encoding = typeof data === 'string' && data.length === bytes ? 'latin1' : 'utf8';
      this.socket.write(data, encoding, () => this.handleWritten(end));
      return;
    }
    const whole = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
    for (let start = 0; start < bytes; start += writeBytesMax) {
      const part = whole.subarray(start, start + writeBytesMax);
      const partEnd = end - bytes + start + part.length;
      this.socket.write(part, () => this.handleWritten(partEnd));
    }
  }

  private handleWritten(position: number): void {
    this.progressAtMs = this.nowMs();
    this.session.written(position);
    this.tellWanted();
    this.countKept();
    if (this.session.hasOutput) this.markDirty();
  }

  private tellWanted(): void {
    for (const { seq, upTo } of this.session.rooms.takeWanted()) this.owner.itemsWanted(seq, upTo);
  }

  private countKept(): void {
    const bytes = this.socket.destroyed ? 0 : this.session.answerBytes + this.socket.writableLength;
    const change = bytes - this.kept;
    if (change === 0) return;
    this.kept = bytes;
    this.owner.keptChanged(change);
  }

  private end(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.socket.end(() => {
      const linger = setTimeout(() => this.socket.destroy(), this.limits.lingerMs);
      this.socket.once('close', () => clearTimeout(linger));
    });
    // Reads on and passes over, until the client ends its side too.
    this.socket.resume();
  }
}
