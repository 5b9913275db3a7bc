import type { NodeId } from '../ids.js';
import type { MembershipMessage } from '../messages.js';
import type { Random } from '../random.js';
import type { MembershipConfig } from './config.js';
import type { LocalHealth } from './local-health.js';
import { ProbeOrder, sample } from './probe-order.js';

/** A message before rumours are put on it. */
export type BareMessage<Message = MembershipMessage> = Message extends { rumours: unknown }
  ? Omit<Message, 'rumours'>
  : never;

/** What probing needs from the rest of membership, and what it tells it. */
export interface ProberContext {
  readonly config: MembershipConfig;
  readonly random: Random;
  readonly health: LocalHealth;
  send(to: NodeId, message: BareMessage): void;
  /** Members to probe, in any order: those known by hearsay alone, or all others. */
  targets(hearsay: boolean): NodeId[];
  /** Whether the member has never shown that it is there: it may have been made up. */
  isHearsay(node: NodeId): boolean;
  /** Whether a member is there to be probed now. */
  isTarget(node: NodeId, nowMs: number): boolean;
  hasContact(node: NodeId): boolean;
  /** Alive members with a link that can be asked to probe `target`. */
  relaysFor(target: NodeId): NodeId[];
  incarnationOf(node: NodeId): number;
  /** The member has answered a probe, straight or through another. */
  acked(node: NodeId): void;
  /** Nobody got an ack from it in time, and since the probe began it gave no other sign of life. */
  failed(node: NodeId, nowMs: number): void;
}

/** This node's probe under way. At most one at a time: verdicts are spread evenly over time. */
interface Probe {
  readonly seq: number;
  readonly target: NodeId;
  /** The target's when the probe began. */
  readonly incarnation: number;
  /** Then others are asked. */
  readonly timeoutAtMs: number;
  /** Then the target is suspect. */
  readonly endsAtMs: number;
  readonly asked: Set<NodeId>;
  readonly nacked: Set<NodeId>;
  indirect: boolean;
}

/** A probe for another node: its ack is passed on, the lack of one is told with a nack. */
interface Relay {
  readonly origin: NodeId;
  readonly originSeq: number;
  readonly target: NodeId;
  readonly nackAtMs: number;
  readonly endsAtMs: number;
  nacked: boolean;
}

/** Probes members one after another, directly and then through others; and probes for others that ask. */
export class Prober {
  readonly #context: ProberContext;
  /** Members that have shown that they are there. */
  readonly #order: ProbeOrder;
  /** Members known by hearsay alone get every second probe at most: however many are made up, a real one is missed in time. */
  readonly #hearsayOrder: ProbeOrder;
  #isHearsayTurn = false;
  readonly #relays = new Map<number, Relay>();
  #probe: Probe | null = null;
  #seq = 0;
  /** Set at the first tick, since before it the time is not known. */
  #nextProbeAtMs: number | null = null;

  constructor(context: ProberContext) {
    this.#context = context;
    this.#order = new ProbeOrder(context.random.fork('order'));
    this.#hearsayOrder = new ProbeOrder(context.random.fork('hearsay'));
  }

  get nextDeadlineMs(): number {
    const probe = this.#probe;
    let deadlineMs = probe === null || probe.indirect ? (this.#nextProbeAtMs ?? 0) : probe.timeoutAtMs;
    for (const relay of this.#relays.values()) {
      deadlineMs = Math.min(deadlineMs, relay.nacked ? relay.endsAtMs : relay.nackAtMs);
    }
    return deadlineMs;
  }

  /** A member that is new, or that has shown itself, takes its turn in the round under way. */
  insert(node: NodeId, presentCount: number): void {
    this.#orderOf(node).insert(node, presentCount);
  }

  /** It takes part no more. */
  drop(node: NodeId): void {
    this.#order.drop(node);
    this.#hearsayOrder.drop(node);
  }

  /** A suspect is probed next, out of turn. */
  hurry(node: NodeId): void {
    this.#orderOf(node).hurry(node);
  }

  get hasStarted(): boolean {
    return this.#nextProbeAtMs !== null;
  }

  tick(nowMs: number): void {
    // Nodes that start together don't probe together.
    this.#nextProbeAtMs ??= nowMs + this.#context.random.below(this.#context.config.probeIntervalMs);
    this.#tickRelays(nowMs);
    if (this.#probe !== null) this.#tickProbe(this.#probe, nowMs);
    if (this.#probe === null && nowMs >= this.#nextProbeAtMs) this.#start(nowMs);
  }

  /** Drops the probe under way without a verdict, and what others asked for: this node was asleep, or it leaves. */
  abandon(nowMs: number): void {
    this.#probe = null;
    this.#nextProbeAtMs = nowMs + this.#context.config.probeTimeoutMs;
    this.#relays.clear();
  }

  handleAck(from: NodeId, seq: number): void {
    const probe = this.#probe;
    if (probe !== null && seq === probe.seq && (from === probe.target || probe.asked.has(from))) {
      this.#probe = null;
      this.#context.acked(probe.target);
      this.#context.health.change(-1);
      return;
    }
    const relay = this.#relays.get(seq);
    if (relay === undefined || relay.target !== from) return;
    this.#relays.delete(seq);
    this.#context.send(relay.origin, { type: 'ack', seq: relay.originSeq });
  }

  handleNack(from: NodeId, seq: number): void {
    if (this.#probe?.seq === seq && this.#probe.asked.has(from)) this.#probe.nacked.add(from);
  }

  handleProbeRequest(origin: NodeId, { seq, target }: { seq: number; target: NodeId }, nowMs: number): void {
    const { config } = this.#context;
    if (!this.#context.hasContact(target) || this.#relays.size >= config.relaysMax) {
      this.#context.send(origin, { type: 'nack', seq });
      return;
    }
    const relaySeq = this.#takeSeq();
    this.#relays.set(relaySeq, {
      origin,
      originSeq: seq,
      target,
      // Early enough that the nack is there before the origin gives up.
      nackAtMs: nowMs + 0.8 * config.probeTimeoutMs,
      endsAtMs: nowMs + config.probeIntervalMs,
      nacked: false,
    });
    this.#context.send(target, { type: 'ping', seq: relaySeq });
  }

  #start(nowMs: number): void {
    const { config, health } = this.#context;
    const endsAtMs = nowMs + health.scaleMs(config.probeIntervalMs);
    this.#nextProbeAtMs = endsAtMs;
    const target = this.#nextTarget(nowMs);
    if (target === null) return;
    const probe: Probe = {
      seq: this.#takeSeq(),
      target,
      incarnation: this.#context.incarnationOf(target),
      timeoutAtMs: nowMs + health.scaleMs(config.probeTimeoutMs),
      endsAtMs,
      asked: new Set(),
      nacked: new Set(),
      indirect: false,
    };
    this.#probe = probe;
    if (this.#context.hasContact(target)) {
      this.#context.send(target, { type: 'ping', seq: probe.seq });
    } else {
      this.#askOthers(probe);
    }
  }

  #nextTarget(nowMs: number): NodeId | null {
    const next = (hearsay: boolean): NodeId | null =>
      (hearsay ? this.#hearsayOrder : this.#order).next(
        () => this.#context.targets(hearsay),
        (node) => this.#context.isHearsay(node) === hearsay && this.#context.isTarget(node, nowMs),
      );
    this.#isHearsayTurn = !this.#isHearsayTurn;
    return next(this.#isHearsayTurn) ?? next(!this.#isHearsayTurn);
  }

  #orderOf(node: NodeId): ProbeOrder {
    return this.#context.isHearsay(node) ? this.#hearsayOrder : this.#order;
  }

  #tickProbe(probe: Probe, nowMs: number): void {
    if (nowMs >= probe.endsAtMs) {
      this.#probe = null;
      // A higher incarnation came from the target itself, maybe from a new start of it: the silence was the old one's.
      if (this.#context.incarnationOf(probe.target) !== probe.incarnation) return;
      // Relays that say neither ack nor nack point at this node's own trouble; so does having nobody to ask.
      this.#context.health.change(probe.asked.size > 0 ? probe.asked.size - probe.nacked.size : 1);
      this.#context.failed(probe.target, nowMs);
    } else if (!probe.indirect && nowMs >= probe.timeoutAtMs) {
      this.#askOthers(probe);
    }
  }

  #askOthers(probe: Probe): void {
    const { config, random } = this.#context;
    probe.indirect = true;
    for (const relay of sample(this.#context.relaysFor(probe.target), config.indirectProbes, random)) {
      probe.asked.add(relay);
      this.#context.send(relay, { type: 'probe_request', seq: probe.seq, target: probe.target });
    }
  }

  #tickRelays(nowMs: number): void {
    for (const [seq, relay] of this.#relays) {
      if (nowMs >= relay.endsAtMs) {
        this.#relays.delete(seq);
      } else if (!relay.nacked && nowMs >= relay.nackAtMs) {
        relay.nacked = true;
        this.#context.send(relay.origin, { type: 'nack', seq: relay.originSeq });
      }
    }
  }

  #takeSeq(): number {
    this.#seq++;
    return this.#seq;
  }
}
