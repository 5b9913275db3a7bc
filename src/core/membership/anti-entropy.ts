import type { NodeId } from '../ids.js';
import type { Random } from '../random.js';
import type { MembershipConfig } from './config.js';

/** When this node compares its view with another's, and how often it may hand over all it knows. */
export class AntiEntropy {
  readonly #config: MembershipConfig;
  readonly #random: Random;
  readonly #syncedAtMs = new Map<NodeId, number>();
  /** Set at the first tick, since before it the time is not known. */
  #digestAtMs: number | null = null;

  constructor(config: MembershipConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  get nextDeadlineMs(): number {
    return this.#digestAtMs ?? 0;
  }

  /** Whether a comparison is due; if so, the next one is about an interval away. */
  startDigest(nowMs: number): boolean {
    const dueAtMs = this.#digestAtMs;
    if (dueAtMs !== null && nowMs < dueAtMs) return false;
    this.#digestAtMs = nowMs + this.#jitteredMs();
    return dueAtMs !== null;
  }

  /** Whether a full sync may go to this node now; if so, it counts as sent. A peer that asks in a loop gets one a gap. */
  startSync(to: NodeId, nowMs: number): boolean {
    const lastMs = this.#syncedAtMs.get(to);
    if (lastMs !== undefined && nowMs < lastMs + this.#config.syncGapMs) return false;
    this.#syncedAtMs.set(to, nowMs);
    return true;
  }

  /** The link to this node is gone, and what was on its way may be too. */
  forgetSync(node: NodeId): void {
    this.#syncedAtMs.delete(node);
  }

  #jitteredMs(): number {
    return this.#config.digestIntervalMs * (0.75 + 0.5 * this.#random.next());
  }
}
