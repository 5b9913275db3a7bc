import type { DialFailure, NodeEvent } from '../../core/effects.js';
import type { GoodbyeReason } from '../../core/hello.js';
import type { LinkId } from '../../core/ids.js';
import { limits } from '../../core/limits.js';
import type { PeerMessage } from '../../core/messages.js';
import type { Random } from '../../core/random.js';
import { encodeGoodbye } from '../../protocol/peer-codec.js';
import type { FleetNode } from './fleet-node.js';
import { MessageSizes } from './message-sizes.js';
import type { Traffic } from './traffic.js';

export interface FleetNetworkOptions {
  /** One-way time of a packet, drawn evenly. */
  readonly delayMs: readonly [min: number, max: number];
  /** Part of all packets that are lost. TCP sends them again after a while, and all behind them wait. */
  readonly loss: number;
}

/** One end of a link. */
export interface LinkEnd {
  readonly node: FleetNode;
  readonly link: LinkId;
  other: LinkEnd;
  /** Whether the node still has it. */
  isOpen: boolean;
  /** Nothing overtakes on a link. */
  lastArrivalMs: number;
  /** What the partition holds back on its way to this end, in order. */
  held: NodeEvent[] | null;
}

export interface FleetNetworkParts {
  readonly options: FleetNetworkOptions;
  readonly random: Random;
  readonly traffic: Traffic;
  nowMs(): number;
  nodeAt(address: string): FleetNode | undefined;
  /** Calls `deliver` at that time. */
  deliverAt(atMs: number, end: LinkEnd, event: NodeEvent): void;
  /** Calls `arriveDial` at that time. */
  dialAt(atMs: number, from: FleetNode, dial: Dial): void;
  /** Tells the node at that time. */
  tellAt(atMs: number, node: FleetNode, event: NodeEvent): void;
}

export interface Dial {
  readonly address: string;
  readonly endsAtMs: number;
}

/** Linux's first time-out of a packet on a link, and of the first one of all; each further one is twice as long. */
const retransmitMs = 200;
const connectRetransmitMs = 1_000;
const againCount = 6;
/** How often a dial looks whether the one it reached, which does not answer, does now. */
const dialRetryMs = 100;
const arrivalGapMs = 0.000_1;
/** What a packet carries in an Ethernet frame. */
const packetBytesMax = 1_448;

/**
 * TCP between the nodes of a fleet, a message at a time: in order on each link, any time between links. A lost packet comes when it
 * is sent again. A partition or a mute node is a black hole, which holds back what is sent into it. Bytes, chunks and buffers are
 * not simulated here; that, and with it the search for mistakes, is what `SimNetwork` is for.
 */
export class FleetNetwork {
  readonly #sizes = new MessageSizes();
  readonly #goodbyeBytes = new Map<GoodbyeReason, number>();
  #heldBack = new Set<LinkEnd>();
  #lastLink = 0;

  constructor(private readonly parts: FleetNetworkParts) {}

  dial(from: FleetNode, address: string): void {
    const nowMs = this.parts.nowMs();
    const endsAtMs = nowMs + limits.dialTimeoutMs;
    this.parts.dialAt(nowMs + this.#transitMs(1, connectRetransmitMs), from, { address, endsAtMs });
  }

  arriveDial(from: FleetNode, dial: Dial): void {
    const { address, endsAtMs } = dial;
    if (from.status === 'dead') return;
    const target = this.parts.nodeAt(address);
    const nowMs = this.parts.nowMs();
    if (target === undefined || !target.isUp) this.#failDial(from, address, 'refused');
    else if (target.status === 'running' && !isCut(from, target) && !isCut(target, from))
      this.#open(from, target, address);
    else if (nowMs >= endsAtMs) this.#failDial(from, address, 'timeout');
    else this.parts.dialAt(Math.min(endsAtMs, nowMs + dialRetryMs), from, dial);
  }

  send(from: FleetNode, link: LinkId, message: PeerMessage): void {
    const end = from.ends.get(link);
    if (end === undefined) return;
    const bytes = this.#sizes.of(message);
    this.parts.traffic.count(from.index, message.type, bytes);
    const { other } = end;
    this.#pass(end, { type: 'message', link: other.link, message }, Math.ceil(bytes / packetBytesMax));
  }

  /** Closed on purpose by one end: the goodbye comes after everything sent before it. */
  close(from: FleetNode, link: LinkId, reason: GoodbyeReason): void {
    const end = from.ends.get(link);
    if (end === undefined) return;
    this.#drop(end);
    this.parts.traffic.count(from.index, 'goodbye', this.#bytesOfGoodbye(reason));
    const local: NodeEvent = { type: 'link_closed', link, reason: 'local', goodbye: null };
    this.parts.tellAt(this.parts.nowMs(), from, local);
    this.#pass(end, { type: 'link_closed', link: end.other.link, reason: 'goodbye', goodbye: reason }, 1);
  }

  /** The kernel of a killed process ends all its links, after what it was given to send. */
  breakAll(node: FleetNode): void {
    for (const end of [...node.ends.values()]) {
      this.#drop(end);
      this.#pass(end, { type: 'link_closed', link: end.other.link, reason: 'reset', goodbye: null }, 1);
    }
  }

  deliver(end: LinkEnd, event: NodeEvent): void {
    if (!end.isOpen) return;
    if (event.type === 'link_closed') this.#drop(end);
    end.node.arrive(event);
  }

  /** What was held back comes now, where it is not still cut off. */
  release(): void {
    const heldBack = this.#heldBack;
    this.#heldBack = new Set();
    for (const to of heldBack) {
      const held = to.held ?? [];
      to.held = null;
      for (const event of held) this.#pass(to.other, event, 1);
    }
  }

  #open(from: FleetNode, to: FleetNode, address: string): void {
    const dialler = newEnd(from, ++this.#lastLink);
    const target = newEnd(to, ++this.#lastLink);
    dialler.other = target;
    target.other = dialler;
    for (const end of [dialler, target]) {
      end.node.ends.set(end.link, end);
      const hello = end.other.node.hello();
      this.parts.traffic.count(end.other.node.index, 'hello', this.#sizes.ofHello(hello));
      const dialled = end === dialler ? address : null;
      const event: NodeEvent = { type: 'link_opened', link: end.link, dialled, hello };
      // The answer to the connect and the key's handshake, a round trip each, go before the hellos.
      this.#arrive(end, event, 3);
    }
  }

  #failDial(from: FleetNode, address: string, reason: DialFailure): void {
    const event: NodeEvent = { type: 'dial_failed', address, reason, detail: reason, goodbye: null };
    this.parts.tellAt(this.parts.nowMs() + this.#delayMs(), from, event);
  }

  #drop(end: LinkEnd): void {
    end.isOpen = false;
    end.node.ends.delete(end.link);
  }

  #pass(from: LinkEnd, event: NodeEvent, packets: number): void {
    const to = from.other;
    if (!to.isOpen) return;
    if (to.held !== null || isCut(from.node, to.node)) {
      to.held ??= [];
      to.held.push(event);
      this.#heldBack.add(to);
    } else this.#arrive(to, event, 1, packets);
  }

  #arrive(end: LinkEnd, event: NodeEvent, trips: number, packets = 1): void {
    let transitMs = 0;
    for (let trip = 0; trip < trips; trip++) transitMs += this.#transitMs(packets, retransmitMs);
    // Strictly later than what came before: what happens at the same moment happens in no order.
    end.lastArrivalMs = Math.max(end.lastArrivalMs + arrivalGapMs, this.parts.nowMs() + transitMs);
    this.parts.deliverAt(end.lastArrivalMs, end, event);
  }

  /** How long so many packets take that are sent together: as long as the one that is sent again most often. */
  #transitMs(packets: number, timeoutMs: number): number {
    const { options, random } = this.parts;
    let transitMs = this.#delayMs();
    if (options.loss === 0) return transitMs;
    const luck = random.next();
    let waitMs = timeoutMs;
    for (let losses = 1; losses <= againCount; losses++) {
      const anyLostSoOften = 1 - (1 - options.loss ** losses) ** packets;
      if (luck >= anyLostSoOften) break;
      transitMs += waitMs;
      waitMs *= 2;
    }
    return transitMs;
  }

  #delayMs(): number {
    const [minMs, maxMs] = this.parts.options.delayMs;
    return minMs + this.parts.random.next() * (maxMs - minMs);
  }

  #bytesOfGoodbye(reason: GoodbyeReason): number {
    let bytes = this.#goodbyeBytes.get(reason);
    if (bytes === undefined) {
      bytes = encodeGoodbye(reason).length;
      this.#goodbyeBytes.set(reason, bytes);
    }
    return bytes;
  }
}

function newEnd(node: FleetNode, link: LinkId): LinkEnd {
  const end = { node, link, isOpen: true, lastArrivalMs: 0, held: null } as unknown as LinkEnd;
  end.other = end;
  return end;
}

function isCut(from: FleetNode, to: FleetNode): boolean {
  return from.isMute || from.side !== to.side;
}
