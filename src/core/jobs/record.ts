import type { Deadline } from '../deadlines.js';
import type { JobId, NodeId, RequestId } from '../ids.js';
import type { AttemptKey } from '../messages.js';
import { type Payload, payloadBytes } from '../payload.js';
import type { JobSpec } from './spec.js';
import type { QueuePlace } from './waiting-line.js';

/** Where a job is on its way. */
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

/** What has happened to a job since it was accepted. */
class JobHistory {
  attempt = 0;
  failures = 0;
  fatalities = 0;
  needsThread = false;
  hasStarted = false;
  generation = 0;
  notBeforeMs = 0;
  awaits: readonly JobId[] = [];
  outcome: JobOutcome | null = null;
  executor: NodeId | null = null;
  startedAtMs: number | null = null;
  finishedAtMs: number | null = null;
  error: JobError | null = null;
  progress: string | null = null;
  result: Payload | null = null;
  cancelling = false;
  isUnwritten = false;
}

const noHistory: Readonly<JobHistory> = new JobHistory();

/** What a record begins with. */
export interface NewJob {
  readonly spec: JobSpec;
  readonly args: Payload | null;
  readonly state: JobState;
  readonly owner: NodeId;
  readonly epoch: number;
  readonly holders: readonly NodeId[];
  readonly change: number;
  readonly slot: number;
}

/**
 * An owner's record of a job: the spec, and all that has happened to it. A million of them may wait, so what most of these don't have yet
 * is kept apart, and made when it is first set: a quarter of a record.
 */
export class JobRecord {
  readonly spec: JobSpec;
  /** Null once the job is done: nothing will need its arguments again. */
  args: Payload | null;
  state: JobState;
  owner: NodeId;
  /** Rises with every new owner; results of an older epoch are fenced. */
  epoch: number;
  /** Nodes that keep it, the owner first. */
  holders: readonly NodeId[];
  /** Rises with every change that its holders have to know. */
  change: number;
  /** Which of `holders` have not said that they have the latest change, a bit each by position; bit 0 is this node's own journal. */
  missing = 0;
  /** Which of `holders` have its arguments and options already, by position: they need only what changes. Of one that is handed over: which have it. */
  based = 0;
  /** What waits until all holders have the latest change. */
  pending: PendingStep[] | null = null;
  /** Where it stands in this node's journal; 0: nowhere. */
  slot: number;
  /** New, and nobody has been promised it: see `Unpromised`. */
  isUnpromised = false;
  /** Who waits for the outcome, or for a cancel to have worked; null while nobody does. */
  waiters: Waiter[] | null = null;
  /** Its one pending deadline: the start of a delayed job, or the end of a kept outcome. */
  deadline: Deadline<JobRecord> | null = null;
  /** Where it stands in line; null unless it is queued. */
  place: QueuePlace | null = null;
  /** The records that came before and after it; see Arrivals. */
  older: JobRecord | null = null;
  newer: JobRecord | null = null;
  private history: JobHistory | null = null;

  constructor(begin: NewJob) {
    this.spec = begin.spec;
    this.args = begin.args;
    this.state = begin.state;
    this.owner = begin.owner;
    this.epoch = begin.epoch;
    this.holders = begin.holders;
    this.change = begin.change;
    this.slot = begin.slot;
  }

  /** Number of the latest attempt, from 1; results of an older attempt are fenced. 0 before the first. */
  get attempt(): number {
    return (this.history ?? noHistory).attempt;
  }

  set attempt(value: number) {
    this.happened().attempt = value;
  }

  /** Attempts that failed by their own fault; compared with `spec.retries`. */
  get failures(): number {
    return (this.history ?? noHistory).failures;
  }

  set failures(value: number) {
    this.happened().failures = value;
  }

  /** Attempts that took a node or a thread down, or may have. */
  get fatalities(): number {
    return (this.history ?? noHistory).fatalities;
  }

  set fatalities(value: number) {
    this.happened().fatalities = value;
  }

  /** A thread ended under it and under others: what it does next it does on a thread of its own, which shows whether it was this one. */
  get needsThread(): boolean {
    return (this.history ?? noHistory).needsThread;
  }

  set needsThread(value: boolean) {
    this.happened().needsThread = value;
  }

  /** The executor has told that the latest attempt, an isolated one, has started. */
  get hasStarted(): boolean {
    return (this.history ?? noHistory).hasStarted;
  }

  set hasStarted(value: boolean) {
    this.happened().hasStarted = value;
  }

  /** Rises when it is put back in the queue after its end. */
  get generation(): number {
    return (this.history ?? noHistory).generation;
  }

  set generation(value: number) {
    this.happened().generation = value;
  }

  /** Wall time before which the next attempt doesn't start; 0: it may at once. */
  get notBeforeMs(): number {
    return (this.history ?? noHistory).notBeforeMs;
  }

  set notBeforeMs(value: number) {
    this.happened().notBeforeMs = value;
  }

  /** Of `spec.after`, those that are not known to be done. */
  get awaits(): readonly JobId[] {
    return (this.history ?? noHistory).awaits;
  }

  set awaits(value: readonly JobId[]) {
    this.happened().awaits = value;
  }

  /** Its outcome, while that is on its way to the holders. */
  get outcome(): JobOutcome | null {
    return (this.history ?? noHistory).outcome;
  }

  set outcome(value: JobOutcome | null) {
    this.happened().outcome = value;
  }

  get executor(): NodeId | null {
    return (this.history ?? noHistory).executor;
  }

  set executor(value: NodeId | null) {
    this.happened().executor = value;
  }

  get startedAtMs(): number | null {
    return (this.history ?? noHistory).startedAtMs;
  }

  set startedAtMs(value: number | null) {
    this.happened().startedAtMs = value;
  }

  get finishedAtMs(): number | null {
    return (this.history ?? noHistory).finishedAtMs;
  }

  set finishedAtMs(value: number | null) {
    this.happened().finishedAtMs = value;
  }

  /** The last thing that went wrong, kept also while it is retried. */
  get error(): JobError | null {
    return (this.history ?? noHistory).error;
  }

  set error(value: JobError | null) {
    this.happened().error = value;
  }

  /** The latest `ctx.progress` value, JSON text that was checked where it came in. */
  get progress(): string | null {
    return (this.history ?? noHistory).progress;
  }

  set progress(value: string | null) {
    this.happened().progress = value;
  }

  get result(): Payload | null {
    return (this.history ?? noHistory).result;
  }

  set result(value: Payload | null) {
    this.happened().result = value;
  }

  /** A cancel is under way: whatever the attempt says when it ends, the job is cancelled. */
  get cancelling(): boolean {
    return (this.history ?? noHistory).cancelling;
  }

  set cancelling(value: boolean) {
    this.happened().cancelling = value;
  }

  /** It is durable, and this node's journal could not take its latest change: of this node's promises, none holds for it. */
  get isUnwritten(): boolean {
    return (this.history ?? noHistory).isUnwritten;
  }

  set isUnwritten(value: boolean) {
    this.happened().isUnwritten = value;
  }

  private happened(): JobHistory {
    this.history ??= new JobHistory();
    return this.history;
  }
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
  | { readonly type: 'announced'; readonly attempt: AttemptKey }
  /** Nodes that were holders before, and are not any more: told once as many hold the job as are to, as one of them may be the last. */
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
  /** `end`: how it ended, and not its result · `items`: what happens to it until then, and then its outcome. */
  readonly wants: 'outcome' | 'end' | 'cancelled' | 'items';
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

/** Fewer nodes hold it than are to: whoever else has it is to keep it, as it may be the last one that does. */
export function isShortOfHolders({ holders, spec, outcome, state }: JobRecord): boolean {
  return holders.length < spec.copies && outcome === null && !isFinished(state);
}

/** What its arguments count for, while they are kept. */
export function argsBytes({ args }: JobRecord): number {
  return args === null ? 0 : payloadBytes(args);
}

/** What the jobs that it names take: their ids, and places in what is waited for. */
export function afterBytes({ after }: { readonly after: readonly JobId[] }): number {
  return 150 * after.length;
}

/**
 * Whether it may have ended two nodes: then it runs on a thread of its own, and its executor tells when it starts. After a first loss any of
 * hundreds may have been the cause, and all would wait for a thread each; so then its holders only learn where it runs.
 */
export function isDangerous({ fatalities }: { readonly fatalities: number }): boolean {
  return fatalities > 1;
}

/** Its current attempt. */
export function keyOf(record: JobRecord): AttemptKey {
  return { job: record.spec.id, epoch: record.epoch, attempt: record.attempt };
}

export function addStep(record: JobRecord, step: PendingStep): void {
  if (record.pending === null) record.pending = [step];
  else record.pending.push(step);
}

/** Nodes that were holders before; one step tells them all. */
export function addReleased(record: JobRecord, nodes: readonly NodeId[]): void {
  const earlier = (record.pending ?? []).flatMap((step) => (step.type === 'released' ? step.nodes : []));
  const isOther = ({ type }: PendingStep): boolean => type !== 'released';
  const distinct = [...new Set([...earlier, ...nodes])].filter((node) => !record.holders.includes(node));
  record.pending = (record.pending ?? []).filter(isOther);
  if (distinct.length > 0) record.pending.push({ type: 'released', nodes: distinct });
  if (record.pending.length === 0) record.pending = null;
}

/** The attempt that was announced is not to be sent any more. */
export function forgetAnnounced(record: JobRecord): void {
  if (record.pending !== null) record.pending = record.pending.filter(({ type }) => type !== 'announced');
}
