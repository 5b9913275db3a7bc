import type { Fifo } from '../fifo.js';
import type { JobId, NodeId, RunId } from '../ids.js';
import type { AttemptKey, JobMessage } from '../messages.js';

export type RanMessage = Extract<JobMessage, { type: 'ran' }>;

/** An attempt that this node has taken. */
export interface Held {
  readonly run: RunId;
  readonly owner: NodeId;
  readonly key: AttemptKey;
  readonly timeoutMs: number;
  readonly bytes: number;
  readonly isIsolated: boolean;
  hasStarted: boolean;
  /** For an earlier attempt of its job to stop. */
  isWaiting: boolean;
  /** It is not wanted any more, and ends when it would start. */
  isStopped: boolean;
  /** Monotonic; null until it starts. */
  endsAtMs: number | null;
  /** Its owner has a newer attempt, or is gone: its end is told to nobody. */
  fenced: boolean;
}

/** What this executor keeps for one owner. */
export interface Account {
  readonly held: Map<JobId, Held>;
  /** The number of its resync that was answered last. */
  session: number;
  /** Ends that were sent and not acknowledged, in order; sent again on a new link. */
  sent: Fifo<RanMessage>;
  sentBytes: number;
  /** Ends that wait until those before them are acknowledged: results may be large, and a link's queue is bounded. */
  unsent: Fifo<RanMessage>;
  /** Number of the next `ran`, from 1. */
  nextSeq: number;
  /** The window the owner was told last. */
  told: number;
  endedLately: number;
}
