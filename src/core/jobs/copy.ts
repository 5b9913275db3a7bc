import type { InstanceId, JobId, NodeId } from '../ids.js';
import { type Payload, payloadBytes } from '../payload.js';
import type { JobError } from './record.js';
import type { JobSpec } from './spec.js';

/**
 * 0: it is not finished · 1: its outcome is known, and on its way to the holders · 2: the outcome has reached them all, and may have
 * been told. So a known outcome is never given up for another run, whoever has begun one.
 */
export type CopyStage = 0 | 1 | 2;

/**
 * What decides which of two states of a job holds. Ranks are totally ordered (`compareRanks`), and the greater one always
 * wins: so merging is commutative, associative and idempotent, in whatever order and however often states arrive.
 */
export interface CopyRank {
  /** Rises when a finished job is put back in the queue. */
  readonly generation: number;
  readonly stage: CopyStage;
  /** Rises with every new owner; who comes with an older one is fenced. */
  readonly epoch: number;
  readonly owner: NodeId;
  /** Rises with every change that the owner makes. */
  readonly change: number;
}

/** `waiting`: not finished, whether it runs just now or not. */
export type CopyState = 'waiting' | 'done' | 'failed' | 'cancelled';
export const copyStates: readonly CopyState[] = ['waiting', 'done', 'failed', 'cancelled'];

/** All that a holder keeps of a job: enough to go on with it. The same on the wire, in the journal and in memory. */
export interface JobCopy extends CopyRank {
  readonly spec: JobSpec;
  /** Null once the job is done: nothing will need its arguments again. */
  readonly args: Payload | null;
  /** The owner's process that made this change: a later one may have forgotten the job. */
  readonly instance: InstanceId;
  /** Nodes that keep the job, the owner first; takeover goes in this order. */
  readonly holders: readonly NodeId[];
  readonly state: CopyState;
  /** Attempts begun, as far as the owner has told. */
  readonly attempt: number;
  readonly failures: number;
  readonly fatalities: number;
  /** Where it runs, once a node or a thread has ended under it: its end may be that node's. */
  readonly executor: NodeId | null;
  /** Which of the jobs that it comes after are not known to be done. */
  readonly awaits: readonly JobId[];
  /** Wall time before which the next attempt doesn't start. */
  readonly notBeforeMs: number;
  /** Wall time; null while it is not finished. */
  readonly finishedAtMs: number | null;
  readonly error: JobError | null;
  readonly result: Payload | null;
}

/** What a holder has of a job's beginning, and what has changed since. */
export function copyFrom(
  update: Omit<JobCopy, 'spec' | 'args'>,
  spec: JobSpec,
  args: Payload | null,
): JobCopy {
  return {
    generation: update.generation,
    stage: update.stage,
    epoch: update.epoch,
    owner: update.owner,
    change: update.change,
    spec,
    args: update.state === 'done' ? null : args,
    instance: update.instance,
    holders: update.holders,
    state: update.state,
    attempt: update.attempt,
    failures: update.failures,
    fatalities: update.fatalities,
    executor: update.executor,
    awaits: update.awaits,
    notBeforeMs: update.notBeforeMs,
    finishedAtMs: update.finishedAtMs,
    error: update.error,
    result: update.result,
  };
}

/** The size of what it carries. */
export function payloadBytesOf({ args, result }: JobCopy): number {
  return (args === null ? 0 : payloadBytes(args)) + (result === null ? 0 : payloadBytes(result));
}

/** Below 0 where `a` is outdated by `b`, over 0 where it is the other way round, 0 for the same state. */
export function compareRanks(a: CopyRank, b: CopyRank): number {
  return (
    a.generation - b.generation ||
    a.stage - b.stage ||
    a.epoch - b.epoch ||
    compareText(a.owner, b.owner) ||
    a.change - b.change
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
