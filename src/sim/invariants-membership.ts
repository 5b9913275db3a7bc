import type { InstanceId, NodeId } from '../core/ids.js';
import { incarnationMax, type MemberRecord, type MemberState } from '../core/member.js';
import type { MembershipConfig } from '../core/membership/config.js';
import type { Membership, MembershipEffect, MembershipEvent } from '../core/membership/membership.js';
import { suspicionTiming } from '../core/membership/suspicion.js';
import type { MembershipMessage } from '../core/messages.js';
import type { SimNode } from './sim-node.js';
import type { Invariant } from './violation.js';

export interface MembershipInvariantsOptions {
  /** The settings that promises are measured by, whatever a node was given. */
  readonly config: MembershipConfig;
  readonly nowMs: () => number;
  readonly fail: (invariant: Invariant, node: string, what: string) => never;
}

/** What is true of one node id, told by its node itself. */
interface Truth {
  incarnation: number;
  instance: InstanceId;
  readonly cluster: string;
  node: SimNode;
  /** Two nodes have this id: what they say of it contradicts itself. */
  isShared: boolean;
}

/** What one view has held of a member; kept when the view forgets it. */
interface Fact {
  incarnation: number;
  state: MemberState;
  /** When it became dead or left. */
  goneAtMs: number;
}

interface View {
  readonly facts: Map<NodeId, Fact>;
  /** When each suspicion must be over, by the time its node was awake. */
  readonly suspicionEnds: Map<NodeId, number>;
  earliestEndMs: number;
}

const ranks: Readonly<Record<MemberState, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 };
/** Ticks are late by this much at most, besides what a node sleeps. */
const suspicionSlackMs = 1_000;

/** Membership invariants 1 to 4, 6 and 7, at every step of a membership core, at the cost of what the step changed. */
export class MembershipInvariants {
  /** Set while nothing is wrong with any node or link, and nothing was for long enough. */
  isCalm = false;
  private readonly truths = new Map<NodeId, Truth>();
  private readonly views = new WeakMap<SimNode, View>();

  constructor(private readonly options: MembershipInvariantsOptions) {}

  /** A node with a copied id is about to start. */
  expectShared(id: NodeId): void {
    const truth = this.truths.get(id);
    if (truth !== undefined) truth.isShared = true;
  }

  watch(node: SimNode, membership: Membership): Membership {
    this.noteStart(node, membership.self());
    this.views.set(node, { facts: new Map(), suspicionEnds: new Map(), earliestEndMs: Infinity });
    return {
      step: (event, nowMs) => {
        const effects = membership.step(event, nowMs);
        this.check(node, membership, event, effects);
        return effects;
      },
      nextDeadlineMs: () => membership.nextDeadlineMs(),
      members: () => membership.members(),
      self: () => membership.self(),
      healthScore: () => membership.healthScore(),
    };
  }

  /** Invariant 7, at the cost of one comparison as long as it holds. */
  checkSuspicions(node: SimNode): void {
    const view = this.views.get(node);
    if (view === undefined || awakeMs(node, this.options.nowMs()) <= view.earliestEndMs) return;
    if (node.core.self().state === 'left') return;
    let earliestEndMs = Number.POSITIVE_INFINITY;
    for (const [id, endMs] of view.suspicionEnds) {
      if (endMs < awakeMs(node, this.options.nowMs())) this.fail(7, node, `${this.nameOf(id)} stays suspect`);
      earliestEndMs = Math.min(earliestEndMs, endMs);
    }
    view.earliestEndMs = earliestEndMs;
  }

  private noteStart(node: SimNode, self: MemberRecord): void {
    const { id, incarnation, instance } = self;
    const truth = this.truths.get(id);
    if (truth === undefined) {
      const cluster = node.cluster;
      this.truths.set(id, { incarnation, instance, cluster, node, isShared: false });
      return;
    }
    if (!truth.isShared && incarnation <= truth.incarnation)
      this.fail(1, node, `it starts at incarnation ${incarnation}, and was at ${truth.incarnation} before`);
    if (truth.isShared && incarnation <= truth.incarnation) return;
    Object.assign(truth, { incarnation, instance, node });
  }

  private check(
    node: SimNode,
    membership: Membership,
    event: MembershipEvent,
    effects: readonly MembershipEffect[],
  ): void {
    for (const effect of effects) {
      if (effect.type === 'member_changed') this.checkChange(node, membership, effect.member);
      else if (effect.type === 'member_forgotten') this.noteForgotten(node, effect.member);
    }
    if (event.type === 'message') this.checkRefutation(node, membership.self(), event, effects);
  }

  private checkChange(node: SimNode, membership: Membership, member: MemberRecord): void {
    const view = this.views.get(node) as View;
    const fact = view.facts.get(member.id);
    if (member.id === membership.self().id) this.checkSelf(node, member);
    else this.checkHearsay(node, member);
    if (fact !== undefined) this.checkOrder(node, member, fact);
    const isGone = member.state === 'dead' || member.state === 'left';
    const { incarnation, state } = member;
    view.facts.set(member.id, { incarnation, state, goneAtMs: isGone ? this.options.nowMs() : Infinity });
    if (state === 'suspect') this.noteSuspicion(node, view, member.id, membership.members().size);
    else view.suspicionEnds.delete(member.id);
    if (state === 'dead') this.checkDeath(node, member);
  }

  /** Invariant 1, at the node itself. */
  private checkSelf(node: SimNode, { id, incarnation, instance }: MemberRecord): void {
    const truth = this.truths.get(id) as Truth;
    if (truth.isShared) truth.incarnation = Math.max(truth.incarnation, incarnation);
    else if (incarnation < truth.incarnation)
      this.fail(1, node, `its incarnation falls from ${truth.incarnation} to ${incarnation}`);
    else Object.assign(truth, { incarnation, instance });
  }

  /** Invariant 1, at everybody else: nobody knows of an incarnation that its node has not reached. */
  private checkHearsay(node: SimNode, { id, incarnation, instance, state }: MemberRecord): void {
    const truth = this.truths.get(id);
    if (truth === undefined) this.fail(1, node, `it has a member ${id}, which never was`);
    if (truth.isShared) return;
    if (truth.cluster !== node.cluster)
      this.fail(1, node, `it has a member of another cluster, ${truth.node.name}`);
    // A suspicion or death names no instance: whoever hears of it first keeps the one it knew.
    const isOther = state === 'alive' && incarnation === truth.incarnation && instance !== truth.instance;
    if (incarnation <= truth.incarnation && !isOther) return;
    const [held, is] = [`${instance} at ${incarnation}`, `${truth.instance} at ${truth.incarnation}`];
    this.fail(1, node, `${truth.node.name} is held to be ${held}, and is ${is}`);
  }

  /** Invariants 2 and 3. What was forgotten in time may be learned anew. */
  private checkOrder(node: SimNode, member: MemberRecord, fact: Fact): void {
    const { id, incarnation, state } = member;
    if (this.truths.get(id)?.isShared === true) return;
    if (this.options.nowMs() >= fact.goneAtMs + this.options.config.forgetMs) return;
    const what = `${this.nameOf(id)} goes from ${fact.state} at ${fact.incarnation} to ${state} at ${incarnation}`;
    if (incarnation < fact.incarnation) this.fail(2, node, what);
    if (incarnation > fact.incarnation || ranks[state] >= ranks[fact.state]) return;
    this.fail(ranks[fact.state] >= ranks.dead ? 3 : 2, node, what);
  }

  /** Invariant 6. */
  private checkDeath(node: SimNode, { id, instance }: MemberRecord): void {
    const truth = this.truths.get(id);
    if (!this.isCalm || truth === undefined || truth.isShared) return;
    if (truth.node.status === 'running' && truth.instance === instance)
      this.fail(6, node, `${truth.node.name} is declared dead, and nothing was wrong`);
  }

  /** Invariant 4: it rises above the accusation in the same step, and tells whoever told it. */
  private checkRefutation(
    node: SimNode,
    self: MemberRecord,
    { from, message }: Extract<MembershipEvent, { type: 'message' }>,
    effects: readonly MembershipEffect[],
  ): void {
    const accused = accusedIncarnation(message, self.id);
    if (accused === null || self.state === 'left' || accused >= incarnationMax) return;
    if (accused >= self.incarnation)
      this.fail(
        4,
        node,
        `it heard that it is gone at incarnation ${accused}, and stays at ${self.incarnation}`,
      );
    const rises = effects.some((effect) => effect.type === 'member_changed' && effect.member.id === self.id);
    if (
      !rises ||
      effects.some((effect) => effect.type === 'send' && effect.to === from && defends(effect.message, self))
    )
      return;
    this.fail(4, node, `it refutes what ${this.nameOf(from)} told it, and does not tell it so`);
  }

  private noteSuspicion(node: SimNode, view: View, id: NodeId, memberCount: number): void {
    const { maxMs } = suspicionTiming(memberCount, this.options.config);
    const endMs = awakeMs(node, this.options.nowMs()) + maxMs + suspicionSlackMs;
    view.suspicionEnds.set(id, endMs);
    view.earliestEndMs = Math.min(view.earliestEndMs, endMs);
  }

  private noteForgotten(node: SimNode, { id }: MemberRecord): void {
    this.views.get(node)?.suspicionEnds.delete(id);
  }

  private nameOf(id: NodeId): string {
    return this.truths.get(id)?.node.name ?? id;
  }

  private fail(invariant: Invariant, node: SimNode, what: string): never {
    return this.options.fail(invariant, node.name, what);
  }
}

/** The time that counts for a node's verdicts: while it sleeps, and for about as long after it, it passes none. */
function awakeMs(node: SimNode, nowMs: number): number {
  return nowMs - 2 * node.asleepMs;
}

/** The highest incarnation at which a message says that a node is suspect, dead or gone; null when it doesn't. */
function accusedIncarnation(message: MembershipMessage, id: NodeId): number | null {
  let highest: number | null = null;
  if ('rumours' in message) {
    for (const rumour of message.rumours)
      if (rumour.type !== 'alive' && rumour.node === id) highest = Math.max(highest ?? 0, rumour.incarnation);
  } else if (message.type === 'sync') {
    for (const member of message.members)
      if (member.id === id && member.state !== 'alive') highest = Math.max(highest ?? 0, member.incarnation);
  }
  return highest;
}

function defends(message: MembershipMessage, self: MemberRecord): boolean {
  if (message.type === 'sync') return message.members.includes(self);
  return (
    'rumours' in message &&
    message.rumours.some((rumour) => rumour.type === 'alive' && rumour.member === self)
  );
}
