import type { DialFailure, LinkCloseReason } from '../core/effects.js';
import type { GoodbyeReason } from '../core/hello.js';
import type { LinkId } from '../core/ids.js';
import { limits } from '../core/limits.js';
import type { PeerMessage } from '../core/messages.js';
import { droppableTypes } from '../protocol/frame-outbox.js';
import { judgeHello } from '../protocol/peer-hello.js';
import type { FrameReader, Segment, WireFrame } from './sim-format.js';
import type { SimNode } from './sim-node.js';
import type { SimStream } from './sim-stream.js';

/** Counted for each node, over all its starts. */
export interface SimTraffic {
  messagesIn: number;
  messagesOut: number;
  /** Left out, since the peer was too slow to take them. */
  messagesDropped: number;
  bytesIn: number;
  bytesOut: number;
}

/** How much may wait for one peer. */
export interface QueueLimits {
  queueBytesHigh: number;
  queueBytesLow: number;
  queueBytesMax: number;
}

export const defaultQueueLimits: Readonly<QueueLimits> = {
  queueBytesHigh: limits.linkQueueBytesHigh,
  queueBytesLow: limits.linkQueueBytesLow,
  queueBytesMax: limits.linkQueueBytesMax,
};

export interface SimLinkOptions {
  readonly id: LinkId;
  readonly node: SimNode;
  readonly dialled: string | null;
  readonly reader: FrameReader;
  readonly queueLimits: QueueLimits;
  /** What its kernel takes in before its process reads. */
  readonly unreadBytesMax: number;
  readonly traffic: SimTraffic;
  readonly after: (delayMs: number, action: () => void) => void;
  /** Whether its process takes anything out of its sockets now. */
  readonly isReading: () => boolean;
  /** The other end is told that nobody is here: by whoever gets a packet for a connection that is gone. */
  readonly sendReset: (link: SimLink) => void;
  /** The other end is told that something has come. */
  readonly sayTaken: (link: SimLink) => void;
  readonly gone: (link: SimLink) => void;
}

interface Unread {
  readonly part: Segment | 'end';
  readonly taken: () => void;
  isTaken: boolean;
}

/**
 * One end of a connection, as the network layer of a node keeps it:  connected ─► handshake ─► open ─► ending ─► gone.
 * connected: by the kernel, and the process has not noticed yet · ending: the owner has been told, what is queued goes out.
 */
export class SimLink {
  state: 'connected' | 'handshake' | 'open' | 'ending' | 'gone' = 'connected';
  readonly id: LinkId;
  readonly node: SimNode;
  /** Set by whoever connects the two ends. */
  out!: SimStream;
  peer!: SimLink;
  private unread: Unread[] = [];
  private unreadBytes = 0;
  private isCongested = false;
  /** The watch that is on. */
  private watched: symbol | null = null;

  constructor(private readonly options: SimLinkOptions) {
    this.id = options.id;
    this.node = options.node;
  }

  get isUsable(): boolean {
    return this.state === 'connected' || this.state === 'handshake' || this.state === 'open';
  }

  /** The process sees the connection: each side says hello at once. */
  begin(): void {
    if (this.state !== 'connected') return;
    this.state = 'handshake';
    this.out.add({ type: 'hello', hello: this.node.hello() });
    this.out.pump();
    this.options.after(limits.helloTimeoutMs, () => this.node.enter(() => this.giveUpHandshake()));
    this.readAll();
  }

  /** Queues a message; a slow peer gets no gossip. Nothing leaves before `flush`. */
  send(message: PeerMessage): void {
    if (this.state !== 'open') return;
    const { queueLimits, traffic } = this.options;
    const queued = this.out.queuedBytes;
    const isFull = queued > queueLimits.queueBytesMax;
    if (isFull || (queued > queueLimits.queueBytesHigh && droppableTypes.has(message.type))) {
      traffic.messagesDropped++;
      return;
    }
    traffic.messagesOut++;
    this.out.add({ type: 'message', message });
  }

  flush(): void {
    if (this.state === 'open' && this.out.queuedBytes > this.options.queueLimits.queueBytesMax)
      this.cutOff('stalled');
    else {
      this.out.pump();
      this.tellPressure();
    }
  }

  /** On purpose: what is queued goes out first, and then the goodbye. */
  close(reason: GoodbyeReason): void {
    if (this.state !== 'open') return;
    this.end(reason);
    this.options.after(0, () => this.tellClosed('local', null));
  }

  /** Anything that comes ends the watch. */
  watch(): void {
    if (this.state !== 'open' || this.watched !== null) return;
    const watch = Symbol();
    this.watched = watch;
    this.options.after(limits.linkSilenceMs, () =>
      this.node.enter(() => {
        if (this.watched === watch && this.unread.length === 0 && this.state === 'open')
          this.cutOff('silent');
      }),
    );
  }

  /** A part of what the peer sent is here, or its end, behind all of it. */
  receive(part: Segment | 'end', taken: () => void): void {
    if (this.state === 'gone') {
      if (part !== 'end') this.options.sendReset(this);
      return;
    }
    if (this.unread.length === 0 && this.state !== 'connected' && this.options.isReading()) {
      taken();
      this.read(part);
      return;
    }
    // The kernel takes it, as long as it has room.
    this.unreadBytes += bytesOf(part);
    const isTaken = this.unreadBytes <= this.options.unreadBytesMax;
    this.unread.push({ part, taken, isTaken });
    if (isTaken) taken();
  }

  /** The process reads all that waits for it. */
  readAll(): void {
    while (this.unread.length > 0 && this.state !== 'connected' && this.options.isReading()) {
      const { part, taken, isTaken } = this.unread.shift() as Unread;
      this.unreadBytes -= bytesOf(part);
      if (!isTaken) taken();
      this.read(part);
    }
  }

  /** A reset came: nothing can be sent any more, and what the process has not read is lost. */
  reset(): void {
    if (this.state === 'gone') return;
    const wasUsable = this.isUsable;
    const wasOpen = this.state === 'open';
    this.vanish();
    if (wasUsable) this.node.enter(() => this.tellEnd(wasOpen));
  }

  /** Without a word to anybody: its process, or its whole machine, is gone. */
  vanish(): void {
    if (this.state === 'gone') return;
    this.state = 'gone';
    this.unread = [];
    this.out.clear();
    this.options.gone(this);
  }

  /** Its process was killed: the kernel closes for it. Data that nobody read makes that a reset. */
  kill(): void {
    const hasUnread = this.unread.length > 0;
    this.vanish();
    if (hasUnread) {
      this.out.close({ loseTail: true });
      this.options.sendReset(this);
    } else this.out.finish();
  }

  /** Something came. */
  hear(): void {
    this.watched = null;
  }

  /** Whether something must come in time. */
  get isWatched(): boolean {
    return this.watched !== null;
  }

  private read(part: Segment | 'end'): void {
    this.hear();
    // While something large comes in, the other end is told so now and then.
    if (this.peer.isWatched) this.options.sayTaken(this);
    this.options.traffic.bytesIn += bytesOf(part);
    if (this.state === 'ending' || this.state === 'gone') return;
    if (part === 'end') this.broken();
    else this.options.reader.read(part.content, (frame) => this.take(frame));
  }

  /** Answers whether to go on reading. */
  private take(frame: WireFrame): boolean {
    switch (frame.type) {
      case 'goodbye':
        this.takeGoodbye(frame.reason);
        break;
      case 'hello':
        this.takeHello(frame);
        break;
      case 'message':
        this.options.traffic.messagesIn++;
        this.node.arrive({ type: 'message', link: this.id, message: frame.message });
        break;
    }
    return this.state === 'handshake' || this.state === 'open';
  }

  private takeHello({ hello }: Extract<WireFrame, { type: 'hello' }>): void {
    const refusal = judgeHello(this.node.hello(), hello);
    if (refusal === null) {
      this.state = 'open';
      const { dialled } = this.options;
      this.node.arrive({ type: 'link_opened', link: this.id, dialled, hello });
    } else {
      this.end(refusal);
      this.tellDialFailed('rejected', refusal);
    }
  }

  private takeGoodbye(reason: GoodbyeReason | null): void {
    const wasOpen = this.state === 'open';
    this.out.clear();
    this.end(null);
    if (wasOpen) this.tellClosed('goodbye', reason);
    else this.tellDialFailed('rejected', reason);
  }

  private giveUpHandshake(): void {
    if (this.state !== 'handshake') return;
    this.end('protocol_error');
    this.tellDialFailed('timeout', null);
  }

  private broken(): void {
    if (!this.isUsable) return;
    const wasOpen = this.state === 'open';
    this.end(null);
    this.tellEnd(wasOpen);
  }

  private tellEnd(wasOpen: boolean): void {
    if (wasOpen) this.tellClosed('reset', null);
    else this.tellDialFailed('reset', null);
  }

  private cutOff(reason: 'stalled' | 'silent'): void {
    this.vanish();
    this.out.close({ loseTail: false });
    this.options.sendReset(this);
    this.options.after(0, () => this.tellClosed(reason, null));
  }

  /** Writes what is queued, the goodbye if any, and ends; whatever happens, within a bounded time. */
  private end(goodbye: GoodbyeReason | null): void {
    this.state = 'ending';
    if (goodbye !== null) this.out.add({ type: 'goodbye', reason: goodbye });
    this.out.finish();
    this.options.after(limits.linkCloseTimeoutMs, () => this.destroy());
  }

  private destroy(): void {
    if (this.state === 'gone') return;
    const isClean = this.out.hasSentAll;
    this.vanish();
    if (isClean) return;
    this.out.close({ loseTail: false });
    this.options.sendReset(this);
  }

  private tellPressure(): void {
    const { queueBytesHigh, queueBytesLow } = this.options.queueLimits;
    const queued = this.out.queuedBytes;
    const isCongested = this.isCongested ? queued >= queueBytesLow : queued > queueBytesHigh;
    if (this.state !== 'open' || isCongested === this.isCongested) return;
    this.isCongested = isCongested;
    this.options.after(0, () => {
      if (this.state === 'open')
        this.node.arrive({ type: 'link_pressure', link: this.id, congested: isCongested });
    });
  }

  private tellClosed(reason: LinkCloseReason, goodbye: GoodbyeReason | null): void {
    this.node.arrive({ type: 'link_closed', link: this.id, reason, goodbye });
  }

  private tellDialFailed(reason: DialFailure, goodbye: GoodbyeReason | null): void {
    const { dialled: address } = this.options;
    if (address !== null) this.node.arrive({ type: 'dial_failed', address, reason, detail: reason, goodbye });
  }
}

function bytesOf(part: Segment | 'end'): number {
  return part === 'end' ? 0 : part.bytes;
}
