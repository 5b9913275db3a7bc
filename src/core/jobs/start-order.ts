import type { AttemptStart } from '../effects.js';
import type { JobId, RunId } from '../ids.js';

/**
 * Attempts of one job follow each other on an executor. Where its owner is lost, the next one may have the job run again here while the
 * first attempt, which is fenced, has not stopped yet: two at once would do the work beside each other, and a thread that has to be
 * ended for the first would take the second with it.
 */
export class StartOrder {
  /** The last attempt of a job that was taken and has not ended. */
  private readonly latest = new Map<JobId, RunId>();
  /** What starts once that one has ended. */
  private readonly waiting = new Map<RunId, AttemptStart>();

  /** Whether it may start now. */
  take(start: AttemptStart): boolean {
    const earlier = this.latest.get(start.job);
    this.latest.set(start.job, start.run);
    if (earlier === undefined) return true;
    this.waiting.set(earlier, start);
    return false;
  }

  /** What waited for its end; null: nothing. */
  ended(job: JobId, run: RunId): AttemptStart | null {
    if (this.latest.get(job) === run) this.latest.delete(job);
    const next = this.waiting.get(run) ?? null;
    this.waiting.delete(run);
    return next;
  }
}
