import { Fifo } from '../fifo.js';
import type { JobId, NodeId, RunId } from '../ids.js';
import { limits } from '../limits.js';
import type { AttemptKey, JobMessage } from '../messages.js';
import { payloadBytes } from '../payload.js';
import type { AttemptStream } from './attempt-stream.js';

export type RunMessage = Extract<JobMessage, { type: 'run' }>;
export type RanMessage = Extract<JobMessage, { type: 'ran' }>;

/** An attempt that this node has taken. */
export interface Held {
  readonly run: RunId;
  readonly owner: NodeId;
  readonly key: AttemptKey;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly bytes: number;
  readonly isIsolated: boolean;
  /** Its owner takes what it yields, at first so much of it. */
  readonly isStreamed: boolean;
  readonly firstRoom: number;
  hasStarted: boolean;
  /** For an earlier attempt of its job to stop. */
  isWaiting: boolean;
  /** It is not wanted any more, and ends when it would start. */
  isStopped: boolean;
  /** Monotonic; null until it starts. */
  endsAtMs: number | null;
  /** It waits for a job that it has begun, and its place is another one's meanwhile. */
  isLent: boolean;
  /** Its owner has a newer attempt, or is gone: its end is told to nobody. */
  fenced: boolean;
  /** What it yields; null: nothing so far. */
  stream: AttemptStream | null;
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
  /** Attempts of its that have lent their place. */
  lentCount: number;
  /** How many of them are in the window that it was told last. */
  lentTold: number;
}

export function newHeld(run: RunId, owner: NodeId, message: RunMessage): Held {
  return {
    run,
    owner,
    key: message.key,
    priority: message.priority,
    timeoutMs: message.timeoutMs,
    bytes: payloadBytes(message.args),
    isIsolated: message.isolate,
    isLent: false,
    isStreamed: message.streams === true,
    firstRoom: Math.min(limits.itemWindowBytes, message.room ?? limits.itemWindowBytes),
    hasStarted: false,
    isWaiting: false,
    isStopped: false,
    endsAtMs: null,
    fenced: false,
    stream: null,
  };
}

export function newAccount(): Account {
  return {
    held: new Map(),
    session: 0,
    sent: new Fifo(),
    sentBytes: 0,
    unsent: new Fifo(),
    nextSeq: 1,
    told: 0,
    endedLately: 0,
    lentCount: 0,
    lentTold: 0,
  };
}

/** How many attempts have ended since room was granted last, and how many owners have any. */
export function activityOf(accounts: Iterable<Account>): { endedLately: number; ownersActive: number } {
  let endedLately = 0;
  let ownersActive = 0;
  for (const account of accounts) {
    endedLately += account.endedLately;
    if (account.endedLately > 0 || account.held.size > 0) ownersActive++;
  }
  return { endedLately, ownersActive };
}
