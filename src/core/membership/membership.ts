import { assertNever } from '../assert.js';
import type { Hello } from '../hello.js';
import type { NodeId } from '../ids.js';
import { limits } from '../limits.js';
import { type ContactLoss, isPresent, type MemberRecord } from '../member.js';
import type { MembershipMessage, Rumour } from '../messages.js';
import type { NodeNumbers } from '../node-map.js';
import type { Random } from '../random.js';
import { AntiEntropy } from './anti-entropy.js';
import { Beliefs } from './beliefs.js';
import type { MembershipConfig } from './config.js';
import type { MembershipEffect, MembershipEvent } from './events.js';
import { Gossip } from './gossip.js';
import { LocalHealth } from './local-health.js';
import { nextOnRing, sample } from './probe-order.js';
import { type BareMessage, Prober } from './prober.js';
import { subjectOf } from './rumours.js';

export type { MembershipEffect, MembershipEvent } from './events.js';

/** Membership of one node: SWIM with Lifeguard, as a pure state machine. Same self, config, random and events give the same effects. */
export interface Membership {
  /** Takes in one event and returns what must be done about it, in order. `nowMs` is monotonic. */
  step(event: MembershipEvent, nowMs: number): MembershipEffect[];
  /** When the next tick is due. */
  nextDeadlineMs(): number;
  /** All members known, this node included, dead and left ones too until they are forgotten. A live view. */
  members(): ReadonlyMap<NodeId, MemberRecord>;
  self(): MemberRecord;
  /** 0 is well; up to `healthScoreMax`. */
  healthScore(): number;
}

export interface MembershipOptions {
  /** This node, `alive`, at the first incarnation of this start. */
  readonly self: MemberRecord;
  readonly config: MembershipConfig;
  readonly random: Random;
  readonly numbers?: NodeNumbers | null;
}

/** The first step must come at once: it starts the clock of the probes. */
export function createMembership(options: MembershipOptions): Membership {
  return new MembershipCore(options);
}

class MembershipCore implements Membership {
  readonly #config: MembershipConfig;
  readonly #random: Random;
  readonly #health: LocalHealth;
  readonly #gossip: Gossip;
  readonly #beliefs: Beliefs;
  readonly #prober: Prober;
  readonly #antiEntropy: AntiEntropy;
  readonly #contacts = new Set<NodeId>();
  /** Until when members without a link are spared a probe, since a dial is under way. */
  readonly #sparedUntilMs = new Map<NodeId, number>();
  #nowMs = 0;
  #effects: MembershipEffect[] = [];

  constructor({ self, config, random, numbers = null }: MembershipOptions) {
    this.#config = config;
    this.#random = random.fork('gossip');
    this.#health = new LocalHealth(config);
    this.#gossip = new Gossip(self.id, config);
    this.#beliefs = new Beliefs(self, {
      config,
      numbers,
      gossip: this.#gossip,
      emit: (effect) => this.#effects.push(effect),
      hasContact: (node) => this.#contacts.has(node),
      joined: (node) => this.#becomeKnown(node),
      shown: (node) => this.#prober.insert(node, this.#beliefs.table.presentCount),
      gone: (node) => {
        this.#sparedUntilMs.delete(node);
        this.#prober.drop(node);
      },
      suspected: (node) => this.#becomeDoubted(node),
      refuted: () => this.#health.change(1),
    });
    this.#antiEntropy = new AntiEntropy({
      config,
      random: random.fork('anti-entropy'),
      beliefs: this.#beliefs,
      send: (to, message) => this.#emitSend(to, message),
    });
    // Nodes that start together don't all dial at once.
    const firstFarTurn = random.fork('far turn').below(config.turnsPerFar);
    this.#prober = new Prober({
      config,
      random: random.fork('probe'),
      health: this.#health,
      send: (to, message) => this.#send(to, message),
      targets: (isFar) => this.#probeTargets(isFar),
      isFar: (node) => (this.#isSparse() ? !this.#contacts.has(node) : this.#beliefs.isHearsay(node)),
      isFarTurn: (turn) =>
        this.#isSparse() ? (turn + firstFarTurn) % config.turnsPerFar === 0 : turn % 2 === 0,
      canReach: (node) => this.#isSparse() && this.#beliefs.table.get(node) !== undefined,
      reach: (node) => this.#effects.push({ type: 'contact_wanted', node }),
      neighbour: () => (this.#isSparse() ? null : nextOnRing(this.self().id, this.#aliveContacts())),
      isTarget: (node, nowMs) => this.#isProbeTarget(node, nowMs),
      hasContact: (node) => this.#contacts.has(node),
      incarnationOf: (node) => this.members().get(node)?.incarnation ?? 0,
      relaysFor: (target) => this.#aliveContacts().filter((node) => node !== target),
      doubt: (node) => this.#effects.push({ type: 'contact_doubted', node }),
      acked: (node) => this.#beliefs.seen(node),
      failed: (node, nowMs) => this.#beliefs.suspect(node, nowMs),
    });
  }

  step(event: MembershipEvent, nowMs: number): MembershipEffect[] {
    this.#nowMs = nowMs;
    this.#handle(event);
    if (this.#gossip.startRound(nowMs)) this.#tellRound();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  nextDeadlineMs(): number {
    if (this.#hasLeft()) return this.#gossip.nextDeadlineMs;
    return Math.min(
      this.#prober.nextDeadlineMs,
      this.#beliefs.nextDeadlineMs,
      this.#antiEntropy.nextDeadlineMs,
      this.#gossip.nextDeadlineMs,
    );
  }

  members(): ReadonlyMap<NodeId, MemberRecord> {
    return this.#beliefs.table.records;
  }

  self(): MemberRecord {
    return this.#beliefs.self;
  }

  healthScore(): number {
    return this.#health.score;
  }

  #handle(event: MembershipEvent): void {
    switch (event.type) {
      case 'tick':
        this.#handleTick(event.lateMs);
        break;
      case 'contact_opened':
        this.#handleContactOpened(event.node, event.hello);
        break;
      case 'contact_lost':
        this.#handleContactLost(event.node, event.reason);
        break;
      case 'address_taken':
        this.#beliefs.declareDead(event.node, this.#nowMs);
        break;
      case 'message':
        this.#handleMessage(event.from, event.message);
        break;
      case 'self_changed':
        this.#beliefs.changeSelf(event.change, this.#nowMs);
        break;
      case 'restored':
        for (const member of event.members) this.#beliefs.restore(member, this.#nowMs);
        break;
      case 'leave':
        this.#handleLeave();
        break;
      default:
        assertNever(event);
    }
  }

  #handleTick(lateMs: number): void {
    if (this.#hasLeft()) return;
    const nowMs = this.#nowMs;
    const { probeTimeoutMs, forgetMs } = this.#config;
    this.#health.hearTick(lateMs, nowMs);
    if (lateMs > probeTimeoutMs && this.#prober.hasStarted) {
      // This node's own loop stood still: acks and refutations may wait to be read, so it must accuse nobody of silence.
      this.#prober.abandon(nowMs);
      this.#beliefs.postponeVerdicts(nowMs + probeTimeoutMs);
    }
    this.#prober.tick(nowMs);
    this.#beliefs.expireSuspicions(nowMs);
    if (this.#antiEntropy.startDigest(nowMs)) {
      this.#beliefs.forgetBefore(nowMs - forgetMs);
      const [to] = sample(this.#aliveContacts(), 1, this.#random);
      if (to !== undefined) this.#antiEntropy.sendDigest(to, nowMs);
    }
  }

  #handleContactOpened(node: NodeId, hello: Hello): void {
    const isNew = !this.#contacts.has(node);
    this.#contacts.add(node);
    this.#sparedUntilMs.delete(node);
    this.#beliefs.dropEvidence(node);
    this.#beliefs.seen(node);
    if (isNew) this.#prober.contactOpened(node);
    if (isNew && this.#isSparse()) this.#prober.insert(node, this.#contacts.size);
    if (this.#hasLeft()) return;
    const known = this.members().get(node);
    const isCurrent = known?.instance === hello.instance && known.incarnation >= hello.incarnation;
    if (!isCurrent || !isPresent(known)) {
      this.#meet(node);
    } else if (known.state === 'suspect') {
      // It answers, so it can refute: the sooner it hears of the suspicion, the better.
      this.#send(node, { type: 'gossip' });
    }
  }

  #handleContactLost(node: NodeId, reason: ContactLoss): void {
    this.#contacts.delete(node);
    this.#antiEntropy.forget(node);
    if (this.#hasLeft()) return;
    const nowMs = this.#nowMs;
    switch (reason) {
      case 'goodbye':
        this.#beliefs.declareLeft(node, nowMs);
        break;
      case 'reset':
        this.#beliefs.suspect(node, nowMs);
        this.#beliefs.shortenSuspicion(node, nowMs + this.#config.resetSuspicionMs);
        break;
      case 'refused':
        this.#beliefs.suspect(node, nowMs);
        this.#beliefs.shortenSuspicion(node, nowMs + this.#config.refusedSuspicionMs);
        break;
      case 'unreachable':
        break;
      default:
        assertNever(reason);
    }
  }

  #handleMessage(from: NodeId, message: MembershipMessage): void {
    const defencesBefore = this.#beliefs.defences;
    if ('rumours' in message) {
      for (const rumour of message.rumours) this.#beliefs.hear(rumour, this.#nowMs);
    }
    switch (message.type) {
      case 'ping':
        // The ack carries a refutation too, if the ping carried a suspicion.
        this.#send(from, { type: 'ack', seq: message.seq }, this.#beliefs.defences !== defencesBefore);
        break;
      case 'ack':
        this.#prober.handleAck(from, message.seq);
        break;
      case 'nack':
        this.#prober.handleNack(from, message.seq);
        break;
      case 'probe_request':
        this.#prober.handleProbeRequest(from, message, this.#nowMs);
        break;
      case 'gossip':
        break;
      case 'digest':
      case 'sync':
      case 'buckets':
      case 'versions':
      case 'wanted':
      case 'records':
        this.#antiEntropy.handle(from, message, this.#nowMs);
        break;
      default:
        assertNever(message);
    }
    // Whoever said the wrong thing about this node hears the right one first; a ping's ack has told it already.
    if (message.type !== 'ping' && this.#beliefs.defences !== defencesBefore)
      this.#send(from, { type: 'gossip' }, true);
  }

  #handleLeave(): void {
    this.#beliefs.leave(this.#nowMs);
    this.#prober.abandon(this.#nowMs);
    // There is no time for rounds, and no limit for this: everybody with a link hears it from this node itself.
    const { id: node, incarnation } = this.self();
    for (const to of this.#contacts) {
      this.#emitSend(to, { type: 'gossip', rumours: [{ type: 'left', node, incarnation }] });
    }
  }

  #becomeKnown(node: NodeId): void {
    if (node === this.self().id) return;
    this.#prober.insert(node, this.#beliefs.table.presentCount);
    // In a sparse mesh there may be no dial under way, and a probe makes one.
    if (!this.#contacts.has(node) && !this.#isSparse()) {
      this.#sparedUntilMs.set(node, this.#nowMs + this.#config.contactGraceMs);
    }
  }

  /** The suspect is told at once, so that it can refute; and some who hear of it look for themselves. */
  #becomeDoubted(node: NodeId): void {
    if (this.#contacts.has(node)) this.#send(node, { type: 'gossip' });
    const share = this.#config.confirmingProbes / this.#beliefs.table.presentCount;
    if (this.#random.next() < share) this.#prober.hurry(node);
  }

  #isProbeTarget(node: NodeId, nowMs: number): boolean {
    const known = this.members().get(node);
    if (known === undefined || !isPresent(known) || node === this.self().id) return false;
    const sparedUntilMs = this.#sparedUntilMs.get(node);
    if (sparedUntilMs !== undefined && nowMs < sparedUntilMs) return false;
    this.#sparedUntilMs.delete(node);
    return true;
  }

  #isSparse(): boolean {
    return this.#beliefs.table.presentCount > this.#config.meshLinksMax;
  }

  #probeTargets(isFar: boolean): NodeId[] {
    if (this.#isSparse())
      return isFar
        ? [...this.members().keys()].filter((node) => !this.#contacts.has(node))
        : [...this.#contacts];
    return isFar
      ? this.#beliefs.hearsay()
      : [...this.members().keys()].filter((node) => !this.#beliefs.isHearsay(node));
  }

  #aliveContacts(): NodeId[] {
    return [...this.#contacts].filter((node) => this.members().get(node)?.state === 'alive');
  }

  /** Gossip also goes to suspects, and for a while to the dead: one that only slept learns that it must refute. */
  #tellRound(): void {
    const listeners = [...this.#contacts].filter((node) => {
      const known = this.members().get(node);
      if (known === undefined || known.state === 'left') return false;
      const goneSinceMs = this.#beliefs.table.goneSinceMs(node);
      return goneSinceMs === undefined || this.#nowMs < goneSinceMs + this.#config.deadGossipMs;
    });
    for (const node of sample(listeners, this.#config.gossipFanout, this.#random)) {
      const rumours = this.#rumoursFor(node);
      if (rumours.length > 0) this.#emitSend(node, { type: 'gossip', rumours });
    }
  }

  /** A first contact: who knows few members hands them over; who knows many compares, and says first what both are held to be. */
  #meet(node: NodeId): void {
    if (this.#antiEntropy.knowsFew) {
      this.#antiEntropy.handOver(node, this.#nowMs);
      return;
    }
    this.#send(node, { type: 'gossip' }, true);
    this.#antiEntropy.sendDigest(node, this.#nowMs);
  }

  /** `tellsSelf`: also what this node is, though it may have told it as often as any rumour in the same step. */
  #send(to: NodeId, message: BareMessage, tellsSelf = false): void {
    const rumours = this.#rumoursFor(to);
    const self = this.self();
    if (tellsSelf && !rumours.some((rumour) => rumour.type === 'alive' && rumour.member === self)) {
      rumours.splice(limits.rumoursPerMessageMax - 1);
      rumours.push({ type: 'alive', member: self });
    }
    this.#emitSend(to, { ...message, rumours });
  }

  /** Lifeguard's buddy rule: whatever is sent to a suspect starts with the suspicion. */
  #rumoursFor(to: NodeId): Rumour[] {
    const accusation = this.#beliefs.accusationOf(to);
    const places = limits.rumoursPerMessageMax - (accusation === null ? 0 : 1);
    const rumours = this.#gossip.take(to, this.#beliefs.table.presentCount, places);
    if (accusation === null) return rumours;
    return [accusation, ...rumours.filter((rumour) => subjectOf(rumour) !== to)];
  }

  #emitSend(to: NodeId, message: MembershipMessage): void {
    this.#effects.push({ type: 'send', to, message });
  }

  #hasLeft(): boolean {
    return this.self().state === 'left';
  }
}
