import type { InstanceId, NodeId } from '../ids.js';
import type { JobsConfig } from '../jobs/config.js';
import type { JournalStart } from '../jobs/keeping.js';
import type { JobRecord } from '../jobs/record.js';
import type { NextTime } from '../jobs/schedules.js';
import type { LinksConfig } from '../links/config.js';
import type { MemberRecord, Tags, TaskOffer } from '../member.js';
import type { MembershipConfig } from '../membership/config.js';
import type { createMembership } from '../membership/membership.js';
import type { NodeNumbers } from '../node-map.js';

export interface NodeCoreOptions {
  readonly id: NodeId;
  readonly name: string;
  readonly instance: InstanceId;
  readonly incarnation: number;
  readonly cluster: string;
  /** Rondo's version, for INFO. */
  readonly version: string;
  /** Where peers and clients reach this node, `host:port`. */
  readonly address: string;
  readonly client: string;
  readonly tags: Tags;
  readonly tasks: readonly TaskOffer[];
  /** Addresses to join by, `host:port`. */
  readonly seeds: readonly string[];
  /** Where other nodes were when it ran last; null: it keeps nothing over a restart. */
  readonly knownPeers?: readonly string[] | null;
  readonly membership: MembershipConfig;
  readonly links: LinksConfig;
  readonly jobs: JobsConfig;
  /** What its journal held; null: it keeps none. */
  readonly journal?: JournalStart | null;
  /** The times of schedules; without it, none is taken. */
  readonly nextTimeMs?: NextTime;
  /** How long a leaving node waits for its jobs to finish. */
  readonly drainTimeoutMs: number;
  /** Everything random in the node follows from this text. */
  readonly seed: string;
  /** Where many cores run in one process, what they keep of nodes takes less when they share this. */
  readonly numbers?: NodeNumbers;
  /** Is told of every change of a member as this node sees it: simulations measure by it. */
  readonly watch?: (member: MemberRecord, previous: MemberRecord | null) => void;
  /** Is told of every outcome that this node accepts as an owner: for checkers. */
  readonly watchOutcome?: (record: JobRecord, isAdopted: boolean) => void;
  /** Another membership core in place of the real one: one that is watched, for checkers. */
  readonly createMembership?: typeof createMembership;
}
