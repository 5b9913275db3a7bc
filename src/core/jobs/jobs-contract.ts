import type { NodeCommand } from '../commands.js';
import type { InstanceId, NodeId, RequestId, RunId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { ContactLoss, JournalState, MemberRecord } from '../member.js';
import type { JobMessage } from '../messages.js';
import type { Outbox } from '../outbox.js';
import type { Payload } from '../payload.js';
import type { Random } from '../random.js';
import type { JobsConfig } from './config.js';
import type { JournalStart } from './keeping.js';
import type { MemberView } from './member-view.js';
import type { Reach } from './reach.js';
import type { Asker, AttemptOutcome, JobRecord } from './record.js';
import type { NextTime } from './schedules.js';

export interface JobsOptions {
  readonly self: NodeId;
  readonly instance: InstanceId;
  readonly config: JobsConfig;
  readonly random: Random;
  readonly outbox: Outbox;
  readonly members: MemberView;
  readonly reach: Reach;
  /** The times of schedules; without it, none is taken. */
  readonly nextTimeMs?: NextTime;
  /** A command that is not about jobs; false when it is. */
  readonly handleOther: (command: NodeCommand, asker: Asker, now: Instant) => boolean;
  /** This node's journal, and what was in it; null: it keeps none. */
  readonly journal: JournalStart | null;
  /** An outcome has been accepted; `isAdopted`: an earlier owner may have accepted the same one. */
  readonly settled: (record: JobRecord, isAdopted: boolean) => void;
  /** The journal takes no writes any more, or takes them again. */
  readonly journalChanged: (state: JournalState) => void;
}

export type JobsEvent =
  | { readonly type: 'tick'; readonly lateMs: number }
  /** All that came in one turn has been handled: what it has changed goes out together. */
  | { readonly type: 'flush' }
  | { readonly type: 'journal_written'; readonly seq: number }
  | { readonly type: 'journal_failed'; readonly code: string; readonly message: string }
  | { readonly type: 'journal_recovered' }
  | { readonly type: 'request'; readonly request: RequestId; readonly command: NodeCommand }
  | { readonly type: 'request_abandoned'; readonly request: RequestId }
  | { readonly type: 'items_wanted'; readonly request: RequestId; readonly upTo: number }
  | { readonly type: 'message'; readonly from: NodeId; readonly message: JobMessage }
  | { readonly type: 'contact_opened'; readonly node: NodeId }
  | { readonly type: 'contact_lost'; readonly node: NodeId; readonly reason: ContactLoss }
  | { readonly type: 'pressure'; readonly node: NodeId; readonly congested: boolean }
  | { readonly type: 'member_changed'; readonly member: MemberRecord; readonly previous: MemberRecord | null }
  | { readonly type: 'attempt_started'; readonly run: RunId }
  | { readonly type: 'attempt_ended'; readonly run: RunId; readonly outcome: AttemptOutcome }
  | { readonly type: 'attempt_progress'; readonly run: RunId; readonly value: string }
  | { readonly type: 'attempt_chunk'; readonly run: RunId; readonly chunk: Payload };
