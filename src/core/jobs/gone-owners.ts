import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobCopy } from './copy.js';
import type { JobError } from './record.js';

/** Who owned jobs and is gone. */
interface Gone {
  readonly atMs: number;
  /** Its end may have been a job's doing; what it is called then. */
  readonly suspect: string | null;
  /** Jobs that may still be blamed for it: the oldest ones, of which some ran there. */
  blamed: number;
}

/** Of the jobs of an owner that broke, so many may have run there. */
const blamedMax = 256;

/** Owners of jobs that ended, when, and which of their jobs may have ended them. */
export class GoneOwners {
  private readonly gone = new Map<NodeId, Gone>();

  /** `suspect`: its end may have been a job's doing, and it is called that. */
  note(node: NodeId, suspect: string | null, now: Instant): void {
    this.gone.set(node, { atMs: now.monotonicMs, suspect, blamed: 0 });
  }

  forget(node: NodeId): void {
    this.gone.delete(node);
  }

  /** 0 for one that is not gone. */
  goneAtMs(node: NodeId): number {
    return this.gone.get(node)?.atMs ?? 0;
  }

  /** What is said of the job's part in the end of its owner; null: it had none. */
  suspicionOf(copy: JobCopy, now: Instant): JobError | null {
    const gone = this.gone.get(copy.owner);
    if (gone === undefined || gone.suspect === null || copy.notBeforeMs > now.wallMs) return null;
    const mayHaveRunThere = copy.executor === null && gone.blamed < blamedMax;
    if (copy.executor !== copy.owner && !mayHaveRunThere) return null;
    gone.blamed++;
    const ranThere = copy.executor === copy.owner;
    const how = ranThere
      ? 'was lost while running it'
      : 'was lost, which owned it and may have been running it';
    return { name: 'NodeLost', message: `${gone.suspect} ${how}` };
  }
}
