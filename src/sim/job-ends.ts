import type { JobId, NodeId, RequestId } from '../core/ids.js';
import type { JobRecord } from '../core/jobs/record.js';

/** An outcome that an owner has accepted. */
export interface Accepted {
  readonly node: string;
  readonly epoch: number;
  /** Nodes that had it then. */
  readonly holders: readonly NodeId[];
  /** The epoch in which its owner heard it from an executor, be it this one or an earlier one. */
  readonly heardIn: number;
  /** What any owner makes of it by itself: that it is cancelled, or can't run after others have failed. Null: what an executor has told. */
  readonly decision: string | null;
  readonly mayNeverRun: boolean;
}

/** A RETRY that is not answered. */
export interface Retrying {
  readonly job: JobId;
  /** The one that had ended before it was heard. */
  readonly generation: number;
}

/** In which generations jobs have ended, by the account of their owners, and which are asked to be put back. */
export class JobEnds {
  private readonly ended = new Map<JobId, number>();
  /** What was known before the step that goes on: a job may be put back and end in the same one. */
  private readonly before = new Map<JobId, number>();
  /** Numbers of requests differ in a whole cluster. */
  private readonly retrying = new Map<RequestId, Retrying>();

  note({ spec: { id }, generation }: JobRecord): void {
    const known = this.ended.get(id);
    if (!this.before.has(id)) this.before.set(id, known ?? 0);
    this.ended.set(id, Math.max(generation, known ?? 0));
  }

  stepped(): void {
    if (this.before.size > 0) this.before.clear();
  }

  has(job: JobId, generation: number): boolean {
    return (this.ended.get(job) ?? -1) >= generation;
  }

  latest(job: JobId): number {
    return this.ended.get(job) ?? 0;
  }

  /** In the step that hears it. */
  noteRetry(request: RequestId, job: JobId): void {
    const generation = this.before.get(job) ?? this.latest(job);
    this.retrying.set(request, { job, generation });
  }

  /** It may have been put back, by a node that was lost before it could tell anybody else. */
  isBeingRetried(job: JobId): boolean {
    for (const retrying of this.retrying.values()) if (retrying.job === job) return true;
    return false;
  }

  /** Undefined: it was no RETRY. */
  takeRetry(request: RequestId): Retrying | undefined {
    const retrying = this.retrying.get(request);
    this.retrying.delete(request);
    return retrying;
  }
}

/** An owner's own word, which it needs no executor for: a second one says the same. Null: there is none. */
export function decisionOf({ state, error }: JobRecord): string | null {
  if (state === 'cancelled') return state;
  return state === 'failed' && error?.name.startsWith('Dependency') ? error.name : null;
}

/**
 * Whether it ended without having to run. One that was about to start on nodes that were lost may count as their end: by the third, it is not
 * known whether it had started.
 */
export function mayNeverRun(record: JobRecord): boolean {
  return decisionOf(record) !== null || (record.state === 'failed' && record.error?.name === 'NodeLost');
}
