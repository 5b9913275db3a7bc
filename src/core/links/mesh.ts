import type { NodeId } from '../ids.js';
import { isPresent, type MemberRecord } from '../member.js';
import { createNodeStore, type NodeNumbers, type NodeStore } from '../node-map.js';
import type { Random } from '../random.js';
import type { LinksConfig } from './config.js';
import type { DialTrouble } from './dial-advice.js';
import { DialPlans } from './dial-plans.js';
import { MemberPool } from './member-pool.js';

export interface MeshOptions {
  readonly self: { readonly id: NodeId; readonly address: string };
  readonly config: LinksConfig;
  readonly random: Random;
  readonly numbers: NodeNumbers | null;
  hasContact(node: NodeId): boolean;
  /** Nodes that there is a link to. */
  linkedCount(): number;
}

/** reset: the link broke; closed: one end dropped it for a fault; turned_away: the peer doesn't want it for now. */
export type LinkEnd = 'reset' | 'closed' | 'turned_away';

/** Why a link to one member is wanted. probe: to see whether it answers, once; work: something waits for it, until it is up. */
export type LinkPurpose = 'probe' | 'work';

/**
 * Which members this node wants links to, and so whom it dials when. Up to the size of the mesh: all of them. In a larger cluster
 * the mesh is sparse: a few drawn at random, through which all news spreads, and whoever is wanted just now.
 */
export class Mesh {
  readonly #options: MeshOptions;
  readonly #config: LinksConfig;
  readonly #random: Random;
  readonly #plans: DialPlans;
  readonly #members: NodeStore<MemberRecord>;
  readonly #present: MemberPool;
  /** Plans that are there for one purpose, and not for the mesh. */
  readonly #wanted = new Map<NodeId, LinkPurpose>();
  #isSparse = false;

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#random = options.random;
    this.#members = createNodeStore(options.numbers);
    this.#present = new MemberPool(options.numbers);
    this.#plans = new DialPlans(options.config, options.random);
  }

  get nextDeadlineMs(): number {
    return this.#plans.nextDeadlineMs;
  }

  get isSparse(): boolean {
    return this.#isSparse;
  }

  get(node: NodeId): MemberRecord | undefined {
    return this.#members.get(node);
  }

  /** A member that takes part no more. */
  isGone(node: NodeId): boolean {
    return this.#members.has(node) && !this.#present.has(node);
  }

  knowsAlive(): boolean {
    for (const { state } of this.#members.values()) if (state === 'alive') return true;
    return false;
  }

  /** Members that take part and should be at one of these addresses, but there is no link to them. */
  unlinkedAt(addresses: readonly (string | null)[]): NodeId[] {
    const found: NodeId[] = [];
    for (const member of this.#members.values()) {
      if (!addresses.includes(member.address) || !isPresent(member)) continue;
      if (!this.#options.hasContact(member.id)) found.push(member.id);
    }
    return found;
  }

  change(member: MemberRecord, nowMs: number): void {
    const { id, state } = member;
    const previous = this.#members.get(id);
    this.#members.set(id, member);
    if (isPresent(member)) this.#present.add(id);
    else this.#remove(id);
    if (state === 'left' && previous?.state !== 'left') this.#plans.drop(id);
    this.#countMembers(nowMs);
    if (!isPresent(member)) this.#fill(nowMs);
    if (this.#options.hasContact(id)) {
      // It may be its link alone that is dead, as where a firewall has forgotten the connection: a new one shows it.
      if (state === 'dead' && previous?.state !== 'dead') this.#plans.planAt(id, nowMs);
      else if (isPresent(member)) this.#plans.drop(id);
      return;
    }
    // One that left may come back and know nobody: it was the first, and was started without a seed.
    if (!isPresent(member)) {
      if (previous?.state !== state) this.#planGone(id, nowMs);
    } else this.#planMember(member, previous, nowMs);
  }

  forget(node: NodeId, nowMs: number): void {
    this.#members.delete(node);
    this.#remove(node);
    this.#plans.drop(node);
    this.#countMembers(nowMs);
    this.#fill(nowMs);
  }

  /** Only a sparse mesh leaves a member out; what is missing from a full one is dialled anyway. */
  want(node: NodeId, purpose: LinkPurpose, nowMs: number): void {
    const member = this.#members.get(node);
    if (!this.#isSparse || member === undefined || !isPresent(member) || this.#options.hasContact(node))
      return;
    if (member.address === this.#options.self.address) return;
    const plan = this.#plans.get(node);
    if (plan === undefined) {
      this.#plans.planAt(node, nowMs);
      this.#wanted.set(node, purpose);
    } else if (purpose === 'work') this.#wanted.set(node, purpose);
  }

  /** What the dial under way to this node is for; null: for the mesh, or there is none. */
  purposeOf(node: NodeId): LinkPurpose | null {
    return this.#wanted.get(node) ?? null;
  }

  /** A link to the node is up: nothing to dial. */
  opened(node: NodeId): void {
    this.#plans.drop(node);
    this.#wanted.delete(node);
  }

  /** The last link to the node is gone. */
  lost(node: NodeId, how: LinkEnd, nowMs: number): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    if (!isPresent(member)) this.#planGone(node, nowMs);
    else if (how === 'reset') this.#plans.planAfterReset(node, nowMs);
    else if (this.#isSparse) this.#fill(nowMs);
    else if (how === 'closed') this.#plans.planAt(node, nowMs + this.#config.redialMinMs);
    else this.#plans.planSlow(node, nowMs);
  }

  due(nowMs: number): MemberRecord[] {
    return this.#plans.due(nowMs).flatMap(({ node }) => this.#members.get(node) ?? []);
  }

  /** There is no room for another link now. */
  postpone(node: NodeId, untilMs: number): void {
    const plan = this.#plans.get(node);
    if (plan !== undefined) plan.dueMs = untilMs;
  }

  /** A dial is under way; how it ends sets the next one. */
  dialled(node: NodeId): void {
    const plan = this.#plans.get(node);
    if (plan !== undefined) plan.dueMs = Number.POSITIVE_INFINITY;
  }

  /** Sets the next dial; true if this one proves that the node, whose link just broke, does not listen any more. */
  failed(node: NodeId, { reason, goodbye }: DialTrouble, nowMs: number): boolean {
    const plan = this.#plans.get(node);
    if (plan === undefined || plan.dueMs !== Number.POSITIVE_INFINITY) return false;
    const isAfterReset = plan.resetRedialsLeft > 0;
    if (!this.#present.has(node)) this.#plans.planSlow(node, nowMs);
    else if (this.#wanted.get(node) === 'probe') this.#giveUp(node);
    else if (goodbye !== null && !this.#isSparse) this.#plans.planSlow(node, nowMs);
    else if (isAfterReset && reason === 'reset') this.#plans.failedByReset(plan, nowMs);
    else this.#plans.failed(plan, nowMs);
    if (this.#isSparse) this.#fill(nowMs);
    return isAfterReset && reason === 'refused';
  }

  /** The dial ended at another node, or at one that may not be linked. */
  missed(node: NodeId, nowMs: number): void {
    if (this.#plans.get(node) === undefined) return;
    // Another node has the address now; where the one that is gone may be is not known.
    if (!this.#present.has(node)) this.#plans.drop(node);
    else if (!this.#isSparse) this.#plans.planSlow(node, nowMs);
    else {
      this.#giveUp(node);
      this.#fill(nowMs);
    }
  }

  #remove(node: NodeId): void {
    this.#present.delete(node);
    this.#wanted.delete(node);
  }

  #giveUp(node: NodeId): void {
    this.#wanted.delete(node);
    this.#plans.drop(node);
  }

  #planMember({ id, address }: MemberRecord, previous: MemberRecord | undefined, nowMs: number): void {
    if (address === this.#options.self.address) {
      this.#plans.drop(id);
      return;
    }
    if (this.#isSparse) {
      // One that comes back from the dead was planned for slowly.
      if (previous !== undefined && !isPresent(previous)) this.#plans.drop(id);
      this.#fill(nowMs);
      return;
    }
    const isWaiting = this.#plans.get(id) !== undefined && previous !== undefined && isPresent(previous);
    if (!isWaiting || previous.address !== address) this.#planNew(id, nowMs);
  }

  /** The lower id dials first: most pairs then never have two links to settle. */
  #planNew(node: NodeId, nowMs: number): void {
    const isFirst = this.#options.self.id < node;
    this.#plans.planAt(node, isFirst ? nowMs : nowMs + this.#config.dialTurnMs);
  }

  /** Members that are gone are tried again now and then, some of them where they are many: a partition that ends is noticed by somebody. */
  #planGone(node: NodeId, nowMs: number): void {
    const deadMax = this.#isSparse ? this.#config.gossipLinks : this.#config.meshLinksMax;
    const dead = [...this.#plans.all()].filter((plan) => !this.#present.has(plan.node));
    if (dead.length >= deadMax) {
      // All nodes see the same members die; each keeps another few of them.
      const other = dead[this.#random.below(2 * dead.length)];
      this.#plans.drop(other?.node ?? node);
      if (other === undefined) return;
    }
    this.#plans.planSlow(node, nowMs);
  }

  #countMembers(nowMs: number): void {
    const wasSparse = this.#isSparse;
    this.#isSparse = this.#present.size >= this.#config.meshLinksMax;
    if (wasSparse === this.#isSparse) return;
    if (!this.#isSparse) this.#planAll(nowMs);
    else {
      // Dials for the full mesh that are not under way are not needed any more.
      for (const { node, dueMs } of [...this.#plans.all()]) {
        if (dueMs !== Number.POSITIVE_INFINITY && this.#present.has(node)) this.#plans.drop(node);
      }
    }
  }

  /** After a time in which members were left out. */
  #planAll(nowMs: number): void {
    for (const member of this.#members.values()) {
      const { id, address } = member;
      const isLeftOut =
        isPresent(member) && this.#plans.get(id) === undefined && !this.#options.hasContact(id);
      if (isLeftOut && address !== this.#options.self.address) this.#planNew(id, nowMs);
    }
  }

  /** A full mesh plans each member when it comes, and again when its link is gone. */
  #fill(nowMs: number): void {
    if (!this.#isSparse) return;
    let missing = this.#config.gossipLinks - this.#options.linkedCount() - this.#hopefulPlans();
    // A draw may hit one that is linked or waited for; those that fail wait for their turn and count no more.
    for (let draws = 4 * this.#config.gossipLinks; missing > 0 && draws > 0; draws--) {
      if (this.#plans.size >= this.#config.meshLinksMax) return;
      const node = this.#present.draw(this.#random);
      const member = node === undefined ? undefined : this.#members.get(node);
      if (member === undefined || this.#plans.get(member.id) !== undefined) continue;
      if (this.#options.hasContact(member.id) || member.address === this.#options.self.address) continue;
      this.#plans.planAt(member.id, nowMs + this.#random.next() * this.#config.dialTurnMs);
      missing--;
    }
  }

  #hopefulPlans(): number {
    let count = 0;
    for (const { node, failures } of this.#plans.all()) {
      if (failures === 0 && this.#present.has(node) && !this.#wanted.has(node)) count++;
    }
    return count;
  }
}
