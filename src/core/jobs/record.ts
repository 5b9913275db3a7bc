import type { RoutePolicy } from '../commands.js';
import type { Deadline } from '../deadlines.js';
import type { JobId, NodeId, RequestId } from '../ids.js';
import type { AttemptKey } from '../messages.js';
import { type Payload, payloadBytes } from '../payload.js';
import type { QueuePlace } from './waiting-line.js';

export type JobState = 'delayed' | 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
export const jobStates: readonly JobState[] = ['delayed', 'queued', 'running', 'done', 'failed', 'cancelled'];

/** What a task's handler did wrong, or what happened to it. */
export interface JobError {
  readonly name: string;
  readonly message: string;
}

/** How one attempt ended, as the executor tells it to the owner. */
export type AttemptOutcome =
  | { readonly type: 'done'; readonly result: Payload }
  /** The handler threw, or its result can't be sent. `final`: the same would happen again, so no retry. */
  | { readonly type: 'failed'; readonly error: JobError; readonly final: boolean }
  /** It ran longer than it may, and has really stopped. */
  | { readonly type: 'timed_out' }
  /** It was asked to stop, and has really stopped. */
  | { readonly type: 'stopped' }
  /** The thread ended under it. `alone`: no other attempt was on that thread, so this one is to blame. */
  | { readonly type: 'crashed'; readonly error: JobError; readonly alone: boolean }
  /** Its thread was ended because of another attempt, or the node is closing: not its fault, run it again. */
  | { readonly type: 'displaced' };

/** How a job ended. */
export type JobOutcome =
  | { readonly type: 'done'; readonly result: Payload }
  | { readonly type: 'failed'; readonly error: JobError }
  | { readonly type: 'cancelled' };

/** What a job asks for, fixed when it is accepted; copied to every holder. */
export interface JobSpec {
  readonly id: JobId;
  readonly task: string;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly backoffMs: number;
  readonly ttlMs: number;
  readonly route: RoutePolicy;
  readonly affinity: string | null;
  readonly on: readonly (readonly [key: string, value: string])[];
  readonly node: string | null;
  readonly copies: number;
  readonly durable: boolean;
  /** Jobs that must be done before this one may start. */
  readonly after: readonly JobId[];
  /** A schedule: the job never runs itself; at each time that this cron expression names, it submits one. Null: a job. */
  readonly cron: string | null;
  /** The time zone of `cron`, an IANA name; null: UTC. */
  readonly timeZone: string | null;
  readonly createdAtMs: number;
}

/** An owner's record of a job: the spec, and all that has happened to it. */
export interface JobRecord {
  readonly spec: JobSpec;
  /** Null once the job is done: nothing will need its arguments again. */
  args: Payload | null;
  state: JobState;
  owner: NodeId;
  /** Rises with every new owner; results of an older epoch are fenced. */
  epoch: number;
  /** Number of the latest attempt, from 1; results of an older attempt are fenced. 0 before the first. */
  attempt: number;
  /** Attempts that failed by their own fault; compared with `spec.retries`. */
  failures: number;
  /** Attempts that took a node or a thread down. Over 0, the next one is isolated, and its executor tells when it starts. */
  fatalities: number;
  /** The executor has told that the latest attempt, an isolated one, has started. */
  hasStarted: boolean;
  /** Nodes that keep it, the owner first. */
  holders: readonly NodeId[];
  /** Rises when it is put back in the queue after its end. */
  generation: number;
  /** Rises with every change that its holders have to know. */
  change: number;
  /** Which of `holders` have not said that they have the latest change, a bit each by position; bit 0 is this node's own journal. */
  missing: number;
  /** Which of `holders` have its arguments and options already, by position: they need only what changes. */
  based: number;
  /** What waits until all holders have the latest change. */
  pending: PendingStep[] | null;
  /** Its outcome, while that is on its way to the holders. */
  outcome: JobOutcome | null;
  /** Where it stands in this node's journal; 0: nowhere. */
  slot: number;
  executor: NodeId | null;
  /** Wall time before which the next attempt doesn't start. */
  notBeforeMs: number;
  startedAtMs: number | null;
  finishedAtMs: number | null;
  /** The last thing that went wrong, kept also while it is retried. */
  error: JobError | null;
  /** The latest `ctx.progress` value, JSON text that was checked where it came in. */
  progress: string | null;
  result: Payload | null;
  /** A cancel is under way: whatever the attempt says when it ends, the job is cancelled. */
  cancelling: boolean;
  /** Of `spec.after`, those that are not known to be done. */
  awaits: readonly JobId[];
  /** Who waits for the outcome, or for a cancel to have worked; null while nobody does. */
  waiters: Waiter[] | null;
  /** Its one pending deadline: the start of a delayed job, or the end of a kept outcome. */
  deadline: Deadline<JobRecord> | null;
  /** Where it stands in line; null unless it is queued. */
  place: QueuePlace | null;
  /** The records that came before and after it; see Arrivals. */
  older: JobRecord | null;
  newer: JobRecord | null;
}

/** What happens once all holders have the latest change of a job. */
export type PendingStep =
  /** Its client is told that it was taken, or when the time for that is over, that nobody knows. */
  | {
      readonly type: 'accepted';
      readonly asker: Asker;
      /** With fewer nodes than were asked for, nothing was promised. */
      readonly copiesMin: number;
      readonly deadline: Deadline<LateAccept>;
    }
  /** Its outcome holds, and is told. `isAdopted`: an earlier owner knew it, and may have told it already. */
  | { readonly type: 'settled'; readonly isAdopted: boolean }
  /** It was put back in the queue, and whoever asked for it is told. */
  | { readonly type: 'reopened'; readonly asker: Asker }
  /** An attempt that may take its node down: where it runs is known to the others, should that be this node. */
  | { readonly type: 'isolated'; readonly attempt: AttemptKey }
  /** Nodes that were holders before, and are not any more. */
  | { readonly type: 'released'; readonly nodes: readonly NodeId[] }
  /** Another node owns it from now on. */
  | { readonly type: 'handed' };

export interface LateAccept {
  readonly record: JobRecord;
  readonly asker: Asker;
}

/** A request that waits for a job: a client of this node, or another node that asks for a client of its own. */
export interface Waiter {
  readonly asker: Asker;
  /** `end`: how it ended, and not its result. */
  readonly wants: 'outcome' | 'end' | 'cancelled';
  /** Its place among the record's waiters: there may be 100,000 of them, and each may give up. */
  index: number;
  deadline: Deadline<ExpiringWait> | null;
}

export interface ExpiringWait {
  readonly record: JobRecord;
  readonly waiter: Waiter;
}

/** Who is answered: a client of this node, or another node that asks for a client of its own. */
export type Asker =
  | { readonly type: 'client'; readonly request: RequestId }
  | { readonly type: 'peer'; readonly node: NodeId; readonly seq: number }
  /** This node itself, on its own account. */
  | { readonly type: 'own'; readonly seq: number }
  /** Whoever asked is gone; what was asked is done all the same. */
  | { readonly type: 'nobody' };

export function isFinished(state: JobState): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

/** What its arguments count for, while they are kept. */
export function argsBytes({ args }: JobRecord): number {
  return args === null ? 0 : payloadBytes(args);
}

/** What the jobs that it names take: their ids, and places in what is waited for. */
export function afterBytes({ after }: { readonly after: readonly JobId[] }): number {
  return 150 * after.length;
}

/** Its current attempt. */
export function keyOf(record: JobRecord): AttemptKey {
  return { job: record.spec.id, epoch: record.epoch, attempt: record.attempt };
}

export function addStep(record: JobRecord, step: PendingStep): void {
  if (record.pending === null) record.pending = [step];
  else record.pending.push(step);
}

/** The attempt that was announced is not to be sent any more. */
export function forgetAnnounced(record: JobRecord): void {
  if (record.pending !== null) record.pending = record.pending.filter(({ type }) => type !== 'isolated');
}
