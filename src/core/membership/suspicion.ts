import type { NodeId } from '../ids.js';
import type { MembershipConfig } from './config.js';

/** How long a suspicion lasts: `maxMs` with nobody to confirm it, `minMs` once `confirmationsWanted` others have. */
export interface SuspicionTiming {
  readonly minMs: number;
  readonly maxMs: number;
  readonly confirmationsWanted: number;
}

/** Timing at this size of cluster; Lifeguard (Dadgar, Phillips, Currey 2018), section IV-B. */
export function suspicionTiming(
  presentCount: number,
  suspectCount: number,
  config: MembershipConfig,
): SuspicionTiming {
  const scale = Math.max(4 / 3, Math.log10(Math.max(1, presentCount)));
  const minMs = config.suspicionMultiplier * scale * config.probeIntervalMs;
  // Neither the suspect confirms anything, nor who accused it first, nor other suspects: there is no waiting for more than the rest.
  const others = presentCount - 2 - suspectCount;
  const confirmationsWanted = Math.max(0, Math.min(config.suspicionConfirmations, others));
  return { minMs, maxMs: minMs * config.suspicionMaxFactor, confirmationsWanted };
}

/** How long a member that is said to be dead has to refute, where there is no link to it: a rumour takes log n rounds each way. */
export function hearsayDeathMs(presentCount: number, config: MembershipConfig): number {
  return config.hearsayDeathMs * Math.max(1, Math.log10(Math.max(1, presentCount)));
}

/** From `maxMs` down to `minMs`, each further confirmation counting for less than the one before. */
export function suspicionTimeoutMs(confirmations: number, timing: SuspicionTiming): number {
  const { minMs, maxMs, confirmationsWanted } = timing;
  if (confirmations >= confirmationsWanted) return minMs;
  const fraction = Math.log(confirmations + 1) / Math.log(confirmationsWanted + 1);
  return maxMs - fraction * (maxMs - minMs);
}

/** One suspicion of one member at one incarnation. It ends: by a refutation, or at `deadlineMs`. */
export class Suspicion {
  readonly #startMs: number;
  #timing: SuspicionTiming;
  readonly #accusers = new Set<NodeId>();
  #evidenceDeadlineMs = Number.POSITIVE_INFINITY;
  #sureDeadlineMs = Number.POSITIVE_INFINITY;
  #notBeforeMs = 0;

  /** `accuser` null: somebody suspects it, but it is not known who. */
  constructor(startMs: number, timing: SuspicionTiming, accuser: NodeId | null) {
    this.#startMs = startMs;
    this.#timing = timing;
    if (accuser !== null) this.#accusers.add(accuser);
  }

  get deadlineMs(): number {
    const confirmations = Math.max(0, this.#accusers.size - 1);
    const deadlineMs = this.#startMs + suspicionTimeoutMs(confirmations, this.#timing);
    return Math.max(this.#notBeforeMs, Math.min(deadlineMs, this.#evidenceDeadlineMs, this.#sureDeadlineMs));
  }

  /** Whether this node has seen for itself that something is wrong: a link broke, or a dial was refused. */
  get hasEvidence(): boolean {
    return this.#evidenceDeadlineMs < Number.POSITIVE_INFINITY;
  }

  ageMs(nowMs: number): number {
    return nowMs - this.#startMs;
  }

  /** Others are sure already: waiting for more accusers is over, and if there is a deadline it has until then at most. */
  confirmFully(deadlineMs: number | null): void {
    this.#timing = { ...this.#timing, confirmationsWanted: 0 };
    this.#sureDeadlineMs = Math.min(this.#sureDeadlineMs, deadlineMs ?? Number.POSITIVE_INFINITY);
  }

  /** Another accuser; true when that is news worth telling. More accusers than count are not kept. */
  confirm(accuser: NodeId): boolean {
    if (this.#accusers.size > this.#timing.confirmationsWanted || this.#accusers.has(accuser)) return false;
    this.#accusers.add(accuser);
    return true;
  }

  /** A broken link or a refused dial speaks against the member: it has until then. */
  shorten(deadlineMs: number): void {
    this.#evidenceDeadlineMs = Math.min(this.#evidenceDeadlineMs, deadlineMs);
  }

  /** A new link to it is up: what a broken one said does not count any more. */
  dropEvidence(): void {
    this.#evidenceDeadlineMs = Number.POSITIVE_INFINITY;
  }

  /** This node itself was asleep: a refutation may wait to be read. */
  postpone(notBeforeMs: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, notBeforeMs);
  }
}
