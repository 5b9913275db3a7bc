import type { InstanceId, NodeId } from './ids.js';

/** What a node's disk is good for: its journal takes writes, or has failed and takes none for now. */
export type JournalState = 'open' | 'failed';

export type MemberState = 'alive' | 'suspect' | 'dead' | 'left';

/** A task that a node offers, with the defaults its author gave it. */
export interface TaskOffer {
  readonly name: string;
  /** Re-runs after a failed attempt, when the job doesn't say. */
  readonly retries?: number;
  /** Limit of one attempt, when the job doesn't say. */
  readonly timeoutMs?: number;
  /** Attempts of this task at once on one node. */
  readonly concurrency?: number;
}

/** Key and value pairs; an array and no object, so that a tag may be called `__proto__`. Sorted by key. */
export type Tags = readonly (readonly [key: string, value: string])[];

/** All that is known of one node. A record with a higher incarnation replaces one with a lower. */
export interface MemberRecord {
  readonly id: NodeId;
  readonly name: string;
  readonly instance: InstanceId;
  /** Raised by the node itself only: at every start, at every refutation, and when its own facts change. */
  readonly incarnation: number;
  readonly state: MemberState;
  /** Where peers dial it, `host:port`. */
  readonly address: string;
  /** Where clients reach it, `host:port`. */
  readonly client: string;
  readonly tags: Tags;
  readonly tasks: readonly TaskOffer[];
  /** A draining node finishes what it has and takes no new attempts. */
  readonly draining: boolean;
  /** Absent: it keeps what it holds in memory only. */
  readonly journal?: JournalState;
}

/** What of a record tells it from others of the same member: all that is compared before a record itself is sent. */
export interface MemberVersion {
  readonly id: NodeId;
  readonly incarnation: number;
  readonly state: MemberState;
}

/** A member that takes part: it is probed, gossiped to and counted. */
export function isPresent(record: { readonly state: MemberState }): boolean {
  return record.state === 'alive' || record.state === 'suspect';
}

/**
 * What the end of the last link to a node says about it. reset: the link broke; refused: and nobody listens at its address any more;
 * goodbye: it said it leaves; unreachable: there is no link to it now, which says nothing about the node.
 */
export type ContactLoss = 'reset' | 'refused' | 'goodbye' | 'unreachable';

/**
 * Each start begins a range of its own: the incarnation is `start counter × incarnationsPerStart + raises`, so
 * one write at start-up keeps it rising over restarts and a refutation never waits for a disk.
 */
export const incarnationsPerStart = 2 ** 20;
/** The largest incarnation accepted from the wire, far under 2^53 so that one can always be raised above it. */
export const incarnationMax = 2 ** 52;
