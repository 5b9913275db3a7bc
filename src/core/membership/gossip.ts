import type { NodeId } from '../ids.js';
import type { Rumour } from '../messages.js';
import type { MembershipConfig } from './config.js';
import { RumourQueue, retransmitLimit } from './rumours.js';

/** When rounds of gossip are due, and what is told in them: at once after a fresh rumour, then at an interval until all is told. */
export class Gossip {
  readonly #config: MembershipConfig;
  readonly #queue: RumourQueue;
  #roundAtMs = Number.POSITIVE_INFINITY;
  #lastRoundMs = Number.NEGATIVE_INFINITY;

  constructor(self: NodeId, config: MembershipConfig) {
    this.#config = config;
    this.#queue = new RumourQueue(self, config.rumoursMax);
  }

  get nextDeadlineMs(): number {
    return this.#queue.size > 0 ? this.#roundAtMs : Number.POSITIVE_INFINITY;
  }

  tell(rumour: Rumour, nowMs: number): void {
    this.#queue.add(rumour);
    this.#roundAtMs = Math.min(
      this.#roundAtMs,
      Math.max(nowMs, this.#lastRoundMs + this.#config.gossipGapMs),
    );
  }

  /** What a forgotten or unknown member was said to be is not told any more. */
  drop(subject: NodeId): void {
    this.#queue.drop(subject);
  }

  /** The rumours for one message to `to` that has `countMax` places left. */
  take(to: NodeId, presentCount: number, countMax: number): Rumour[] {
    const sendsMax = retransmitLimit(presentCount, this.#config.retransmitMultiplier);
    return this.#queue.take(to, countMax, sendsMax);
  }

  /** Whether a round is due; if so, the next one is an interval away. */
  startRound(nowMs: number): boolean {
    if (nowMs < this.nextDeadlineMs) return false;
    this.#lastRoundMs = nowMs;
    this.#roundAtMs = nowMs + this.#config.gossipIntervalMs;
    return true;
  }
}
