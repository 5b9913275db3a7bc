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
  /** Members to probe, in any order: the near ones or the far ones. */
  targets(isFar: boolean): NodeId[];
  /**
   * In a full mesh, far is who has never shown that it is there: it may have been made up. In a sparse one, far is who this node has
   * no link to: others are near it.
   */
  isFar(node: NodeId): boolean;
  /** Whether this turn is one for a far member. */
  isFarTurn(turn: number): boolean;
  /** Whether a link to this node may be had by asking for it. */
  canReach(node: NodeId): boolean;
  /** A link to it is wanted, to see whether it answers. */
  reach(node: NodeId): void;
  /** The member that this node is to look after, so that everybody has one who does; null where not all are linked. */
  neighbour(): NodeId | null;
  /** Whether a member is there to be probed now. */
  isTarget(node: NodeId, nowMs: number): boolean;
  hasContact(node: NodeId): boolean;
  /** Alive members with a link that can be asked to probe `target`. */
  relaysFor(target: NodeId): NodeId[];
  incarnationOf(node: NodeId): number;
  /** The member has answered to another, and not over this node's own link. */
  doubt(node: NodeId): void;
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
  readonly #near: ProbeOrder;
  /** Far members get some of the probes only: however many are made up, a real one is missed in time. */
  readonly #far: ProbeOrder;
  #turn = 0;
  #isNeighbourTurn = false;
  readonly #relays = new Map<number, Relay>();
  #probe: Probe | null = null;
  #seq = 0;
  /** Set at the first tick, since before it the time is not known. */
  #nextProbeAtMs: number | null = null;

  constructor(context: ProberContext) {
    this.#context = context;
    this.#near = new ProbeOrder(context.random.fork('near'));
    this.#far = new ProbeOrder(context.random.fork('far'));
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
    this.#near.drop(node);
    this.#far.drop(node);
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

  /** There was no link to this node, and now there is: its hello is as good as an ack. */
  contactOpened(node: NodeId): void {
    if (this.#probe?.target === node) this.#succeed(this.#probe);
    for (const [seq, relay] of this.#relays) {
      if (relay.target !== node) continue;
      this.#relays.delete(seq);
      this.#context.send(relay.origin, { type: 'ack', seq: relay.originSeq });
    }
  }

  handleAck(from: NodeId, seq: number): void {
    const probe = this.#probe;
    if (probe !== null && seq === probe.seq && (from === probe.target || probe.asked.has(from))) {
      if (from !== probe.target && this.#context.hasContact(probe.target)) this.#context.doubt(probe.target);
      this.#succeed(probe);
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
    const hasContact = this.#context.hasContact(target);
    const isInReach = hasContact || this.#context.canReach(target);
    if (!isInReach || this.#relays.size >= config.relaysMax) {
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
    if (hasContact) this.#context.send(target, { type: 'ping', seq: relaySeq });
    else this.#context.reach(target);
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
    } else if (this.#context.canReach(target)) {
      this.#context.reach(target);
    } else {
      this.#askOthers(probe);
    }
  }

  #nextTarget(nowMs: number): NodeId | null {
    const isTarget = (isFar: boolean) => (node: NodeId) =>
      this.#context.isFar(node) === isFar && this.#context.isTarget(node, nowMs);
    const urgent = this.#near.nextUrgent(isTarget(false)) ?? this.#far.nextUrgent(isTarget(true));
    if (urgent !== null) return urgent;
    const next = (isFar: boolean): NodeId | null =>
      (isFar ? null : this.#nextNeighbour(isTarget(false))) ??
      (isFar ? this.#far : this.#near).next(() => this.#context.targets(isFar), isTarget(isFar));
    this.#turn++;
    const isFarTurn = this.#context.isFarTurn(this.#turn);
    return next(isFarTurn) ?? next(!isFarTurn);
  }

  /** Every second time the neighbour is due. Chance alone leaves one member in a hundred without any probe for five intervals. */
  #nextNeighbour(isTarget: (node: NodeId) => boolean): NodeId | null {
    this.#isNeighbourTurn = !this.#isNeighbourTurn;
    const node = this.#isNeighbourTurn ? this.#context.neighbour() : null;
    return node !== null && isTarget(node) ? node : null;
  }

  #orderOf(node: NodeId): ProbeOrder {
    return this.#context.isFar(node) ? this.#far : this.#near;
  }

  #succeed(probe: Probe): void {
    this.#probe = null;
    this.#context.acked(probe.target);
    this.#context.health.change(-1);
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
