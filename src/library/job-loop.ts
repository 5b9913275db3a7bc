import { BadInputError } from './errors.js';
import type { Following } from './following.js';

const advice = 'take result() for how the job has ended, or watch() the job for what is still kept of it';

/** The loop over a job that is followed, of which each kind gives something else with every step. */
export abstract class JobLoop<Step, Result> implements AsyncIterableIterator<Step, undefined, undefined> {
  /** @internal */
  protected readonly following: Following;

  /** @internal */
  constructor(following: Following) {
    this.following = following;
  }

  /** The next step of the loop. */
  abstract next(): Promise<IteratorResult<Step, undefined>>;

  /** Stops following the job, as `break` does. */
  async return(): Promise<IteratorResult<Step, undefined>> {
    this.following.leave();
    return { done: true, value: undefined };
  }

  /**
   * Resolves to what the job has returned; rejects with `JobFailedError` or `JobCancelledError`, or with what kept it from being followed. To be called
   * after the loop, or in its place: then what comes is taken and let go. After `break` it waits for the job as `wait` does.
   */
  async result(): Promise<Result> {
    return (await this.following.result()) as Result;
  }

  /** Itself: there is one loop over it. Throws a `BadInputError` once that is over. */
  [Symbol.asyncIterator](): this {
    if (!this.following.isSpent) return this;
    const { id } = this.following;
    const what = `the loop over ${id === null ? 'this job' : `job ${id}`}`;
    throw new BadInputError('BAD_REQUEST', `${what} is over, and gives each value once: ${advice}`);
  }

  /** The same as `return`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
