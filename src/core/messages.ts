import type { NodeCommand } from './commands.js';
import type { InstanceId, JobId, NodeId } from './ids.js';
import type { Item } from './item.js';
import type { CopyRank, JobCopy } from './jobs/copy.js';
import type { AttemptOutcome } from './jobs/record.js';
import type { MemberRecord, MemberVersion } from './member.js';
import type { Payload } from './payload.js';
import type { Reply } from './reply.js';
import type { TopicMessage } from './topics/topic-messages.js';

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
 *     a ─sync(all it knows, answerWanted)─► b     b ─sync(all it knows)─► a         when a knows few members yet
 *
 * and to find what two views differ in, each step only for what the one before has found to differ:
 *
 *     a ─digest(checksum)─► b                     b ─buckets(checksums)─► a
 *     a ─versions(of the buckets that differ)─► b
 *     b ─records(newer than a's)─► a              b ─gossip(gone, which a does not know)─► a
 *     b ─wanted(those a has newer)─► a            a ─records─► b
 *
 * No step needs another to arrive: what was lost is found again by a later digest. When a digest that differs has led to no
 * `versions` twice, b sends a `sync` instead, as a may be an older node that knows nothing else.
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
  /** A part of all that the sender knows; the last part may ask for the same. */
  | { readonly type: 'sync'; readonly members: readonly MemberRecord[]; readonly answerWanted: boolean }
  /**
   * A digest of each bucket; there are 2^k of them, as many as suit the sender. A member belongs to the bucket
   * `hash of its id mod 2^k`.
   */
  | { readonly type: 'buckets'; readonly checksums: readonly number[] }
  /** All members that the sender knows in these of `bucketCount` buckets, gone ones included. */
  | {
      readonly type: 'versions';
      readonly bucketCount: number;
      readonly buckets: readonly number[];
      readonly versions: readonly MemberVersion[];
    }
  /** Of members that were in a `versions`. */
  | { readonly type: 'wanted'; readonly nodes: readonly NodeId[] }
  | { readonly type: 'records'; readonly members: readonly MemberRecord[] };

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
 *     e ─started─► o                     of an isolated attempt: its handler has it now, and what ends e may be its doing
 *     e ─progress─► o
 *     e ─stream_chunk(key, number)─► o    o ─stream_room(key, number, upTo)─► e   o has all chunks up to this one, and room for more
 *     e ─stream_chunk(key, number, nothing)─► o  the attempt has ended: once o has this, `ran` follows
 *
 * Chunks are kept until the owner has them and come again after each `holding`; one that is not the next is passed over.
 *
 * and between any two nodes, for a client's request that another node must answer:
 *
 *     a ─ask(seq, command)─► b            b ─answer(seq, reply)─► a, or before it a ─ask_abandoned(seq)─► b
 *                                         b ─asks_taken(seqs)─► a                what is not answered at once
 *     a ─answers_taken(seqs)─► b          until then b sends its answer again on every new link
 *     b ─item(seq, number)─► a            before the answer of one that streams, in order
 *     a ─items_taken(seq, number, upTo)─► b   a has all items up to this one, and room for more
 *     a ─asking(round, seqs)─► b          on every new link: what a waits for; all else b forgets
 *                                         b ─asks_unknown(round, seqs)─► a       what never arrived: a asks it again
 *
 * and between the owner of jobs o and a node h that is to hold copies of them:
 *
 *     o ─keep(seq, entries)─► h           h ─kept(seq, refused)─► o    once all the others are stored, and synced if they are durable
 *
 * What is not answered goes out again on the next link, as it stands then. A node that has a newer state of a job refuses it as
 * `fenced`. Whoever doubts what it holds asks (`inquire`): see Inquiries.
 */
export type JobMessage =
  | {
      readonly type: 'run';
      readonly key: AttemptKey;
      readonly task: string;
      readonly args: Payload;
      readonly priority: number;
      readonly timeoutMs: number;
      /** It may have taken a thread or node down before: run it on a thread of its own, and tell when it starts. */
      readonly isolate: boolean;
      /** Number of the owner's resync that the executor had answered when this was sent; what is of an earlier one is void. */
      readonly session: number;
      /** The owner takes what the attempt yields. */
      readonly streams?: true;
      /** Bytes that it takes at first; an older owner doesn't say, and takes a whole window. */
      readonly room?: number;
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
  | { readonly type: 'started'; readonly key: AttemptKey }
  | { readonly type: 'progress'; readonly key: AttemptKey; readonly value: string }
  /** `chunk`: null after the last one. */
  | {
      readonly type: 'stream_chunk';
      readonly key: AttemptKey;
      readonly number: number;
      readonly chunk: Payload | null;
    }
  /** Chunks may be told until they are `upTo` bytes of this attempt in all, by `chunkBytes`. */
  | { readonly type: 'stream_room'; readonly key: AttemptKey; readonly number: number; readonly upTo: number }
  | { readonly type: 'ask'; readonly seq: number; readonly command: PeerCommand }
  /** `items`: how many items came before it, if any. */
  | { readonly type: 'answer'; readonly seq: number; readonly reply: Reply; readonly items?: number }
  /** Numbered from 1 for each ask. */
  | { readonly type: 'item'; readonly seq: number; readonly number: number; readonly item: Item }
  /** Items may be told until they are `upTo` bytes of this ask in all, by `itemBytes`. */
  | { readonly type: 'items_taken'; readonly seq: number; readonly number: number; readonly upTo: number }
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
  | { readonly type: 'ask_abandoned'; readonly seq: number }
  | { readonly type: 'keep'; readonly seq: number; readonly entries: readonly KeepEntry[] }
  | { readonly type: 'kept'; readonly seq: number; readonly refused: readonly KeepRefusal[] };

export type KeepEntry =
  | { readonly type: 'copy'; readonly copy: JobCopy }
  /** What has changed of a job whose arguments and options the holder has. */
  | { readonly type: 'update'; readonly job: JobId; readonly update: JobUpdate }
  /** The holder is to forget the job, unless it has a newer state of it. */
  | { readonly type: 'drop'; readonly job: JobId; readonly rank: CopyRank };

/** All that may change of a job. */
export type JobUpdate = Omit<JobCopy, 'spec' | 'args'>;

export interface KeepRefusal {
  /** Position in the batch. */
  readonly index: number;
  readonly reason: KeepRefusalReason;
}

/** fenced: it has a newer state; lacking: it has nothing that this could change; full: a limit is reached; failed: its journal takes nothing. */
export type KeepRefusalReason = 'fenced' | 'lacking' | 'full' | 'failed';

/** A job that another node may know: what the asker has of it. */
export interface InquiryItem extends CopyRank {
  readonly job: JobId;
  /** The owner's process that made this state. */
  readonly instance: InstanceId;
  readonly isDurable: boolean;
}

/** What one node asks of another: what its clients ask, or on its own account. */
export type PeerCommand =
  | NodeCommand
  /**
   * The asker is about to take a job with a new key. `OK`: this node has the job, or is about to take it and goes first;
   * the asker sends its clients here.
   */
  | { readonly type: 'claim'; readonly job: JobId }
  /** What this node knows of jobs that the asker holds; answered by an `InquiryAnswer` for each, as JSON text. */
  | { readonly type: 'inquire'; readonly items: readonly InquiryItem[] };

export type RefuseReason = 'no_room' | 'unknown_task' | 'draining';
export type StopReason = 'cancelled' | 'timed_out' | 'fenced' | 'shutdown';

export type PeerMessage = MembershipMessage | JobMessage | TopicMessage;
export type PeerMessageType = PeerMessage['type'];

/** Control frames go ahead of bulk ones on a link, and are never queued behind a large body. */
export type Lane = 'control' | 'bulk';

/** Of jobs, those that are small and hold something up until they come. */
const controlTypes: ReadonlySet<PeerMessageType> = new Set(['started', 'stream_room', 'items_taken']);

export function laneOf(type: PeerMessageType): Lane {
  return isMembershipType(type) || controlTypes.has(type) ? 'control' : 'bulk';
}

export function isMembershipMessage(message: PeerMessage): message is MembershipMessage {
  return isMembershipType(message.type);
}

/**
 * Messages that something waits for. What two nodes tell each other on every new link is none, or each link would be the
 * reason for another.
 */
export function isWork({ type }: PeerMessage): boolean {
  return (
    type === 'run' ||
    type === 'ran' ||
    type === 'stop' ||
    type === 'ask' ||
    type === 'answer' ||
    type === 'keep' ||
    type === 'kept' ||
    type === 'progress' ||
    type === 'stream_chunk' ||
    type === 'stream_room' ||
    type === 'item' ||
    type === 'items_taken' ||
    type === 'publish' ||
    type === 'published' ||
    type === 'replay_wanted' ||
    type === 'replayed' ||
    type === 'count_subscribers' ||
    type === 'subscriber_counts'
  );
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
    case 'buckets':
    case 'versions':
    case 'wanted':
    case 'records':
      return true;
    default:
      return false;
  }
}
