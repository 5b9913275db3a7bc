import { backoffMs } from '../backoff.js';
import type { NodeId } from '../ids.js';
import type { Random } from '../random.js';
import type { LinksConfig } from './config.js';

/** When a member without a link is dialled next. */
export interface DialPlan {
  readonly node: NodeId;
  /** Infinity while a dial is under way. */
  dueMs: number;
  failures: number;
  /** Its link broke: the next dial shows whether anybody still listens. So many quick dials are left for that. */
  resetRedialsLeft: number;
}

/** The dials of members that lie ahead. */
export class DialPlans {
  readonly #config: LinksConfig;
  readonly #random: Random;
  readonly #plans = new Map<NodeId, DialPlan>();

  constructor(config: LinksConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  get size(): number {
    return this.#plans.size;
  }

  get nextDeadlineMs(): number {
    let deadlineMs = Number.POSITIVE_INFINITY;
    for (const plan of this.#plans.values()) deadlineMs = Math.min(deadlineMs, plan.dueMs);
    return deadlineMs;
  }

  get(node: NodeId): DialPlan | undefined {
    return this.#plans.get(node);
  }

  all(): Iterable<DialPlan> {
    return this.#plans.values();
  }

  drop(node: NodeId): void {
    this.#plans.delete(node);
  }

  /** The longest waiting first. */
  due(nowMs: number): DialPlan[] {
    return [...this.#plans.values()].filter((plan) => plan.dueMs <= nowMs).sort((a, b) => a.dueMs - b.dueMs);
  }

  planAt(node: NodeId, dueMs: number): void {
    this.#plans.set(node, { node, dueMs, failures: 0, resetRedialsLeft: 0 });
  }

  planAfterReset(node: NodeId, nowMs: number): void {
    const resetRedialsLeft = this.#config.resetRedialsMax;
    this.#plans.set(node, { node, dueMs: nowMs, failures: 0, resetRedialsLeft });
  }

  /** A long wait, for the dead and for those who don't want this node. */
  planSlow(node: NodeId, nowMs: number): void {
    const range = { minMs: this.#config.deadRedialMs, maxMs: this.#config.deadRedialMs };
    this.planAt(node, nowMs + backoffMs(1, range, this.#random));
  }

  failed(plan: DialPlan, nowMs: number): void {
    const { redialMinMs: minMs, redialMaxMs: maxMs } = this.#config;
    plan.failures++;
    plan.resetRedialsLeft = 0;
    plan.dueMs = nowMs + backoffMs(plan.failures, { minMs, maxMs }, this.#random);
  }

  failedByReset(plan: DialPlan, nowMs: number): void {
    plan.resetRedialsLeft--;
    plan.dueMs = nowMs + this.#config.resetRedialMs;
  }
}
