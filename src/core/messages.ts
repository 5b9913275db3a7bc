import type { ClientCommand } from './commands.js';
import type { InstanceId, JobId, NodeId } from './ids.js';
import type { AttemptOutcome } from './jobs/record.js';
import type { MemberRecord } from './member.js';
import type { Payload } from './payload.js';
import type { Reply } from './reply.js';

/** A change of one member's state, as it is gossiped. */
export type Rumour =
  | { readonly type: 'alive'; readonly member: MemberRecord }
  /** `accuser` is who suspects: suspicions by different accusers confirm each other. */
  | {
      readonly type: 'suspect';
      readonly node: NodeId;
      readonly incarnation: number;
      readonly accuser: NodeId;
    }
  | { readonly type: 'dead'; readonly node: NodeId; readonly incarnation: number; readonly accuser: NodeId }
  | { readonly type: 'left'; readonly node: NodeId; readonly incarnation: number };

/**
 * Membership, between any two peers:
 *
 *     a ─ping(seq)─► b                    b ─ack(seq)─► a
 *     a ─probe_request(seq, c)─► b        b ─ping─► c, and then   b ─ack(seq)─► a   or   b ─nack(seq)─► a
 *     a ─gossip(rumours)─► b
 *     a ─digest(checksum)─► b             b ─sync(all it knows, answerWanted)─► a   only when the checksums differ
 *     a ─sync(all it knows)─► b           at join, both ways
 */
export type MembershipMessage =
  | { readonly type: 'ping'; readonly seq: number; readonly rumours: readonly Rumour[] }
  | { readonly type: 'ack'; readonly seq: number; readonly rumours: readonly Rumour[] }
  | { readonly type: 'nack'; readonly seq: number; readonly rumours: readonly Rumour[] }
  | {
      readonly type: 'probe_request';
      readonly seq: number;
      readonly target: NodeId;
      readonly rumours: readonly Rumour[];
    }
  | { readonly type: 'gossip'; readonly rumours: readonly Rumour[] }
  /** An unsigned 32-bit checksum over (id, incarnation) of every member that is alive or suspect, in any order: a sum. */
  | { readonly type: 'digest'; readonly checksum: number }
  | { readonly type: 'sync'; readonly members: readonly MemberRecord[]; readonly answerWanted: boolean };

/** Names one attempt: a job, its owner's epoch, and the attempt's number. */
export interface AttemptKey {
  readonly job: JobId;
  readonly epoch: number;
  readonly attempt: number;
}

/**
 * Jobs, between an owner o and an executor e:
 *
 *     e ─grant(window)─► o                o may have `window` attempts outstanding at e
 *     o ─run─► e                          e ─ran(seq, outcome)─► o        o ─ran_ack(seq)─► e   (cumulative)
 *     e ─refuse─► o                       e never started it (its room is gone, or it has no such task)
 *     o ─stop─► e                         e ─ran(stopped)─► o             once the work has really stopped
 *     o ─resync(seq)─► e                  on every new link, and when e asks for it; until the answer o sends no run
 *     e ─holding(seq, attempts, window)─► o   what e has of o's; what is missing never arrived; unacknowledged ends follow
 *     e ─resync_wanted─► o                e saw a new link, which o may not have noticed
 *     e ─progress─► o
 *
 * and between any two nodes, for a client's request that another node must answer:
 *
 *     a ─ask(seq, command)─► b            b ─answer(seq, reply)─► a, or before it a ─ask_abandoned(seq)─► b
 *                                         b ─asks_taken(seqs)─► a                what is not answered at once
 *     a ─answers_taken(seqs)─► b          until then b sends its answer again on every new link
 *     a ─asking(round, seqs)─► b          on every new link: what a waits for; all else b forgets
 *                                         b ─asks_unknown(round, seqs)─► a       what never arrived: a asks it again
 */
export type JobMessage =
  | {
      readonly type: 'run';
      readonly key: AttemptKey;
      readonly task: string;
      readonly args: Payload;
      readonly priority: number;
      readonly timeoutMs: number;
      /** It took a thread or node down before: run it on a thread of its own. */
      readonly isolate: boolean;
      /** Number of the owner's resync that the executor had answered when this was sent; what is of an earlier one is void. */
      readonly session: number;
    }
  | { readonly type: 'ran'; readonly seq: number; readonly key: AttemptKey; readonly outcome: AttemptOutcome }
  | { readonly type: 'ran_ack'; readonly seq: number }
  | { readonly type: 'refuse'; readonly key: AttemptKey; readonly reason: RefuseReason }
  | { readonly type: 'stop'; readonly key: AttemptKey; readonly reason: StopReason }
  | { readonly type: 'resync'; readonly seq: number }
  | { readonly type: 'resync_wanted' }
  | {
      readonly type: 'holding';
      readonly seq: number;
      readonly attempts: readonly AttemptKey[];
      readonly window: number;
    }
  | { readonly type: 'grant'; readonly window: number }
  | { readonly type: 'progress'; readonly key: AttemptKey; readonly value: string }
  | { readonly type: 'ask'; readonly seq: number; readonly command: PeerCommand }
  | { readonly type: 'answer'; readonly seq: number; readonly reply: Reply }
  | { readonly type: 'asks_taken'; readonly seqs: readonly number[] }
  | { readonly type: 'answers_taken'; readonly seqs: readonly number[] }
  | {
      readonly type: 'asking';
      /** The asker's process: asks of an earlier one are over. */
      readonly instance: InstanceId;
      readonly round: number;
      /** Asks from this number on are not told of here. */
      readonly next: number;
      readonly seqs: readonly number[];
    }
  | { readonly type: 'asks_unknown'; readonly round: number; readonly seqs: readonly number[] }
  /** The asker's client is gone: an answer is no longer wanted. */
  | { readonly type: 'ask_abandoned'; readonly seq: number };

/** What one node asks of another: what its clients ask, or on its own account. */
export type PeerCommand =
  | ClientCommand
  /**
   * The asker is about to take a job with a new key. `OK`: this node has the job, or is about to take it and goes first;
   * the asker sends its clients here.
   */
  | { readonly type: 'claim'; readonly job: JobId };

export type RefuseReason = 'no_room' | 'unknown_task' | 'draining';
export type StopReason = 'cancelled' | 'timed_out' | 'fenced' | 'shutdown';

export type PeerMessage = MembershipMessage | JobMessage;
export type PeerMessageType = PeerMessage['type'];

/** Control frames go ahead of bulk ones on a link, and are never queued behind a large body. */
export type Lane = 'control' | 'bulk';

export function laneOf(type: PeerMessageType): Lane {
  return isMembershipType(type) ? 'control' : 'bulk';
}

export function isMembershipMessage(message: PeerMessage): message is MembershipMessage {
  return isMembershipType(message.type);
}

function isMembershipType(type: PeerMessageType): boolean {
  switch (type) {
    case 'ping':
    case 'ack':
    case 'nack':
    case 'probe_request':
    case 'gossip':
    case 'digest':
    case 'sync':
      return true;
    default:
      return false;
  }
}
