import type { NodeId } from '../ids.js';
import { isPresent, type MemberRecord } from '../member.js';
import type { Random } from '../random.js';
import type { LinksConfig } from './config.js';
import type { DialTrouble } from './dial-advice.js';
import { DialPlans } from './dial-plans.js';

export interface MeshOptions {
  readonly self: { readonly id: NodeId; readonly address: string };
  readonly config: LinksConfig;
  readonly random: Random;
  hasContact(node: NodeId): boolean;
  /** Nodes that there is a link to. */
  linkedCount(): number;
}

/** reset: the link broke; closed: one end dropped it for a fault; turned_away: the peer doesn't want it for now. */
export type LinkEnd = 'reset' | 'closed' | 'turned_away';

/** Which members this node wants links to, and so whom it dials when: all of them, up to the size of the mesh. */
export class Mesh {
  readonly #options: MeshOptions;
  readonly #config: LinksConfig;
  readonly #plans: DialPlans;
  readonly #members = new Map<NodeId, MemberRecord>();
  /** Some member was left out, since the mesh was full. */
  #isOver = false;

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#plans = new DialPlans(options.config, options.random);
  }

  get nextDeadlineMs(): number {
    return this.#plans.nextDeadlineMs;
  }

  get(node: NodeId): MemberRecord | undefined {
    return this.#members.get(node);
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
    const { id, address, state } = member;
    const previous = this.#members.get(id);
    this.#members.set(id, member);
    if (state === 'left') this.#plans.drop(id);
    if (!isPresent(member)) this.#fill(nowMs);
    if (state === 'left' || this.#options.hasContact(id)) return;
    if (state === 'dead') {
      if (previous?.state !== 'dead') this.#planDead(id, nowMs);
      return;
    }
    if (address === this.#options.self.address) {
      this.#plans.drop(id);
      return;
    }
    const isWaiting = this.#plans.get(id) !== undefined && previous !== undefined && isPresent(previous);
    if (!isWaiting || previous.address !== address) this.#planNew(id, nowMs);
  }

  forget(node: NodeId, nowMs: number): void {
    this.#members.delete(node);
    this.#plans.drop(node);
    this.#fill(nowMs);
  }

  /** A link to the node is up: nothing to dial. */
  opened(node: NodeId): void {
    this.#plans.drop(node);
  }

  /** The last link to the node is gone. */
  lost(node: NodeId, how: LinkEnd, nowMs: number): void {
    const member = this.#members.get(node);
    if (member === undefined || member.state === 'left') return;
    if (member.state === 'dead') this.#planDead(node, nowMs);
    else if (how === 'reset') this.#plans.planAfterReset(node, nowMs);
    else if (how === 'closed') this.#plans.planAt(node, nowMs + this.#config.redialMinMs);
    else this.#plans.planSlow(node, nowMs);
  }

  due(nowMs: number): MemberRecord[] {
    return this.#plans.due(nowMs).flatMap(({ node }) => this.#members.get(node) ?? []);
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
    if (goodbye !== null || this.#members.get(node)?.state === 'dead') this.#plans.planSlow(node, nowMs);
    else if (isAfterReset && reason === 'reset') this.#plans.failedByReset(plan, nowMs);
    else this.#plans.failed(plan, nowMs);
    return isAfterReset && reason === 'refused';
  }

  /** The dial ended at another node, or at one that may not be linked. */
  missed(node: NodeId, nowMs: number): void {
    if (this.#plans.get(node) !== undefined) this.#plans.planSlow(node, nowMs);
  }

  /** The lower id dials first: most pairs then never have two links to settle. */
  #planNew(node: NodeId, nowMs: number): void {
    if (this.#plans.get(node) === undefined && this.#room() <= 0) {
      this.#isOver = true;
      return;
    }
    const isFirst = this.#options.self.id < node;
    this.#plans.planAt(node, isFirst ? nowMs : nowMs + this.#config.dialTurnMs);
  }

  #planDead(node: NodeId, nowMs: number): void {
    // The plans of the living and of the dead are bounded alike, and neither takes the other's place.
    const deadCount = this.#plans.size - this.#presentPlans();
    if (deadCount < this.#config.meshLinksMax) this.#plans.planSlow(node, nowMs);
    else this.#plans.drop(node);
  }

  #fill(nowMs: number): void {
    if (!this.#isOver || this.#room() <= 0) return;
    this.#isOver = false;
    for (const member of this.#members.values()) {
      const { id } = member;
      if (!isPresent(member) || this.#options.hasContact(id) || this.#plans.get(id) !== undefined) continue;
      this.#planNew(id, nowMs);
      if (this.#isOver) return;
    }
  }

  #room(): number {
    return this.#config.meshLinksMax - this.#options.linkedCount() - this.#presentPlans();
  }

  #presentPlans(): number {
    let count = 0;
    for (const { node } of this.#plans.all()) {
      const member = this.#members.get(node);
      if (member !== undefined && isPresent(member)) count++;
    }
    return count;
  }
}
