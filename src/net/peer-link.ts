import type { Socket } from 'node:net';
import type { LinkCloseReason } from '../core/effects.js';
import type { GoodbyeReason, Hello } from '../core/hello.js';
import type { LinkId } from '../core/ids.js';
import { limits } from '../core/limits.js';
import { laneOf, type PeerMessage } from '../core/messages.js';
import type { Together } from '../core/together.js';
import { type Chunks, needsChunks } from '../protocol/frame-chunks.js';
import { FrameDecoder, type FrameHandler, frameHeaderBytes } from '../protocol/frame-decoder.js';
import { droppableTypes } from '../protocol/frame-outbox.js';
import { MessageAssembler } from '../protocol/frame-text.js';
import {
  decodeChunked,
  decodeFrame,
  encodeGoodbye,
  encodeLarge,
  encodeMessage,
  encodeTaken,
  type PeerFrame,
  payloadBytesIn,
} from '../protocol/peer-codec.js';
import { PeerFault } from '../protocol/peer-fault.js';
import { Handshake, type LinkFailure } from './handshake.js';
import { LinkWriter } from './link-writer.js';
import type { PeerNetworkConfig } from './peer-config.js';

/** What a link tells whoever owns it; never from inside a call to it. */
export interface PeerLinkEvents {
  opened(link: PeerLink, hello: Hello): void;
  message(link: PeerLink, message: PeerMessage): void;
  pressure(link: PeerLink, congested: boolean): void;
  /** It ends without having been open. */
  failed(link: PeerLink, failure: LinkFailure): void;
  /** It was open and is no more. */
  closed(link: PeerLink, reason: LinkCloseReason, goodbye: GoodbyeReason | null): void;
  fault(link: PeerLink, fault: PeerFault): void;
  /** This node's own message is too large for any peer to take, and is left out. */
  oversized(link: PeerLink, type: PeerMessage['type'], bytes: number): void;
  /** The socket is gone too. */
  gone(link: PeerLink): void;
}

export interface PeerLinkOptions {
  readonly id: LinkId;
  /** Connected, and past its TLS handshake when there is one. */
  readonly socket: Socket;
  /** The address that was dialled; null when it was accepted. */
  readonly dialled: string | null;
  /** Whether the link is under TLS: then whoever is there has the key. */
  readonly secure: boolean;
  readonly hello: Hello;
  readonly config: PeerNetworkConfig;
  readonly traffic: LinkTraffic;
  readonly events: PeerLinkEvents;
  /** Messages of one read are handed over in it. */
  readonly together: Together;
}

/** Counted over all links. */
export interface LinkTraffic {
  bytesIn: number;
  bytesOut: number;
  messagesIn: number;
  messagesOut: number;
  messagesDropped: number;
}

/** Messages with more are packed by themselves. */
const gatheredBytesMax = 48 * 1024;
/** Told of at this many bytes, the peer need not stand still for want of room. */
const tellBytesMin = limits.bulkUntakenBytesMax / 4;
/** While something large comes in, the peer hears so this often in the time after which it takes a silent link for dead. */
const tellsPerSilence = 8;

/**
 * One connection to a peer:  handshake ─► open ─► ending ─► gone,  where the handshake may also fail straight to ending.
 * Ending: the owner has been told, what is queued and the goodbye are still being written, nothing is read any more.
 */
export class PeerLink {
  readonly id: LinkId;
  readonly dialled: string | null;
  /** `host:port` of the other end, for logs. */
  readonly remote: string;
  readonly remoteHost: string;
  /** As its hello says; empty before that. */
  peerName = '';
  readonly #options: PeerLinkOptions;
  readonly #socket: Socket;
  readonly #writer: LinkWriter;
  readonly #handshake: Handshake;
  readonly #decoder = new FrameDecoder(limits.helloBytesMax);
  readonly #assembler = new MessageAssembler();
  /** Bulk bytes that were read, and the peer has not been told of. */
  #untoldBytes = 0;
  #toldAtMs = 0;
  #state: 'handshake' | 'open' | 'ending' = 'handshake';
  #endTimer: NodeJS.Timeout | null = null;
  /** Runs while the link is watched. */
  #silenceTimer: NodeJS.Timeout | null = null;

  constructor(options: PeerLinkOptions) {
    const { socket, config, events } = options;
    this.#options = options;
    this.#socket = socket;
    this.id = options.id;
    this.dialled = options.dialled;
    this.remoteHost = socket.remoteAddress ?? 'unknown';
    this.remote = `${this.remoteHost}:${socket.remotePort ?? 0}`;
    this.#writer = new LinkWriter(socket, config, options.traffic, {
      pressure: (congested) => {
        if (this.#state === 'open') events.pressure(this, congested);
      },
      stalled: () => this.#cutOff('stalled'),
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.#broken(error));
    socket.on('end', () => this.#broken(null));
    socket.on('close', () => this.#gone());
    this.#handshake = new Handshake(options, (failure) => this.#fail(failure));
    this.#writer.add(this.#handshake.ownHello, 'control');
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  /** Queues a message; a slow peer gets no gossip, a peer that is over the limit is given up. */
  send(message: PeerMessage): void {
    if (this.#state !== 'open') return;
    if (this.#writer.isFull || (this.#writer.isCongested && droppableTypes.has(message.type))) {
      this.#options.traffic.messagesDropped++;
      // Whatever has been left out, a new link makes good; on this one the peer would never hear of it.
      if (this.#writer.isFull) setImmediate(() => this.#cutOff('stalled'));
      return;
    }
    this.#options.traffic.messagesOut++;
    const payloadBytes = payloadBytesIn(message);
    if (needsChunks(payloadBytes)) {
      this.#writer.addLater(() => this.#begin(message), payloadBytes);
    } else {
      const lane = laneOf(message.type);
      if (payloadBytes > gatheredBytesMax || !this.#writer.addSmall(message, lane))
        this.#writer.add(encodeMessage(message), lane);
    }
  }

  #begin(message: PeerMessage): Chunks | null {
    const chunks = encodeLarge(message);
    if (chunks.remaining <= limits.messageBytesMax) return chunks;
    this.#options.traffic.messagesDropped++;
    this.#options.events.oversized(this, message.type, chunks.remaining);
    return null;
  }

  /** Sends what is queued and the goodbye, then ends. The owner hears of it later, as of every end. */
  close(reason: GoodbyeReason): void {
    const wasOpen = this.#state === 'open';
    if (this.#state === 'ending') return;
    this.#end(reason);
    setImmediate(() => {
      if (wasOpen) this.#options.events.closed(this, 'local', null);
      else
        this.#options.events.failed(this, { reason: 'reset', detail: 'this node closed it', goodbye: null });
    });
  }

  /** Anything that comes ends the watch. */
  watch(): void {
    if (this.#state !== 'open') return;
    this.#silenceTimer ??= setTimeout(() => {
      // After a stop of this process, what has come meanwhile is read first.
      setImmediate(() => {
        if (this.#silenceTimer !== null) this.#cutOff('silent');
      });
    }, this.#options.config.silenceMs);
  }

  #unwatch(): void {
    if (this.#silenceTimer !== null) clearTimeout(this.#silenceTimer);
    this.#silenceTimer = null;
  }

  /** Ends at once, without a word; what is queued is lost. The owner hears of it as of a reset. */
  abandon(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#state === 'ending') return;
    this.#options.traffic.bytesIn += chunk.length;
    this.#unwatch();
    if (this.#state === 'handshake') this.#handshake.see(chunk);
    try {
      this.#options.together(() => this.#decoder.feed(chunk, this.#takeBytes));
      if (this.#state === 'open' && this.#mustTell()) this.#tellTaken();
    } catch (error) {
      // Only what a decoder says of bad input; anything else is a fault of this node and must not be hidden.
      if (!(error instanceof PeerFault)) throw error;
      this.#blame(error);
    }
  }

  readonly #takeBytes: FrameHandler = (bytes, start, end) => {
    const frame = decodeFrame(bytes, start, end);
    const goOn = this.#take(frame);
    if (goOn && isBulk(frame)) this.#untoldBytes += frameHeaderBytes + end - start;
    return goOn;
  };

  /** Answers whether to go on reading. */
  #take(frame: PeerFrame): boolean {
    if (frame.type === 'goodbye') this.#takeGoodbye(frame.reason);
    else if (this.#state === 'handshake') this.#takeHello(frame);
    else this.#takeMessage(frame);
    return this.#isReading();
  }

  #takeHello(frame: PeerFrame): void {
    const hello = this.#handshake.accept(frame);
    if (hello === null) return;
    this.#state = 'open';
    this.peerName = hello.name;
    this.#decoder.frameBytesMax = limits.frameBytesMax;
    this.#tellTaken();
    this.#options.events.opened(this, hello);
  }

  #takeMessage(frame: PeerFrame): void {
    switch (frame.type) {
      case 'message':
        this.#deliver(frame.message);
        return;
      case 'chunk': {
        const whole = this.#assembler.add(frame.piece, frame.remaining);
        if (whole === null) return;
        const message = decodeChunked(whole.bytes, whole.text);
        this.#assembler.clear();
        if (message !== null) this.#deliver(message);
        return;
      }
      case 'taken':
        this.#writer.taken(frame.bytes);
        return;
      case 'unknown':
        return;
      case 'hello':
      case 'goodbye':
        throw new PeerFault('FRAME_UNEXPECTED', `a second ${frame.type}`);
    }
  }

  /** On a slow path it says at least that something comes: acks wait behind it, and the peer may watch the link. */
  #mustTell(): boolean {
    if (this.#untoldBytes >= tellBytesMin) return true;
    const isComing = this.#untoldBytes > 0 || this.#decoder.isMidFrame;
    return isComing && performance.now() >= this.#toldAtMs + this.#options.config.silenceMs / tellsPerSilence;
  }

  /** The first time it tells no more than that it will go on telling. */
  #tellTaken(): void {
    this.#writer.add(encodeTaken(this.#untoldBytes), 'control');
    this.#untoldBytes = 0;
    this.#toldAtMs = performance.now();
  }

  #deliver(message: PeerMessage): void {
    this.#options.traffic.messagesIn++;
    this.#options.events.message(this, message);
  }

  #takeGoodbye(reason: GoodbyeReason | null): void {
    const wasOpen = this.#state === 'open';
    this.#writer.clear();
    this.#end(null);
    if (wasOpen) this.#options.events.closed(this, 'goodbye', reason);
    else this.#options.events.failed(this, this.#handshake.rejectedWith(reason));
  }

  /** The peer has broken the protocol. */
  #blame(fault: PeerFault): void {
    const wasOpen = this.#state === 'open';
    const told = wasOpen ? fault : this.#handshake.explain(fault);
    if (wasOpen) this.#writer.clear();
    this.#end('protocol_error');
    this.#options.events.fault(this, told);
    if (wasOpen) this.#options.events.closed(this, 'protocol_error', null);
    else this.#options.events.failed(this, this.#handshake.spoiledBy(told));
  }

  /** The handshake has come to nothing: too late, or the hello is refused. */
  #fail(failure: LinkFailure): void {
    if (this.#state !== 'handshake') return;
    this.#end(failure.goodbye ?? 'protocol_error');
    this.#options.events.failed(this, failure);
  }

  /** Nobody is there to say goodbye to. */
  #cutOff(reason: 'stalled' | 'silent'): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#socket.destroy();
    this.#options.events.closed(this, reason, null);
  }

  /** The socket has failed, or has ended without a goodbye. */
  #broken(error: Error | null): void {
    if (this.#state === 'ending') return;
    const wasOpen = this.#state === 'open';
    this.#end(null);
    if (wasOpen) this.#options.events.closed(this, 'reset', null);
    else this.#options.events.failed(this, this.#handshake.brokenBy(error));
  }

  /** Stops reading, writes what is queued, the goodbye if any, and ends; whatever happens, within a bounded time. */
  #end(goodbye: GoodbyeReason | null): void {
    this.#state = 'ending';
    this.#handshake.stop();
    if (goodbye !== null) this.#writer.add(encodeGoodbye(goodbye), 'bulk');
    this.#writer.finish();
    this.#endTimer = setTimeout(() => this.#socket.destroy(), this.#options.config.closeTimeoutMs);
  }

  #gone(): void {
    this.#broken(null);
    if (this.#endTimer !== null) clearTimeout(this.#endTimer);
    this.#unwatch();
    this.#writer.clear();
    this.#options.events.gone(this);
  }

  #isReading(): boolean {
    return this.#state !== 'ending';
  }
}

/** Whether the peer had it in its bulk lane. Of a kind that is unknown it may have: taking too much for taken does no harm. */
function isBulk(frame: PeerFrame): boolean {
  switch (frame.type) {
    case 'message':
      return laneOf(frame.message.type) === 'bulk';
    case 'chunk':
    case 'unknown':
      return true;
    case 'hello':
    case 'goodbye':
    case 'taken':
      return false;
  }
}
