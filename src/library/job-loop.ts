import type { Following } from './following.js';

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

  /** Itself: there is one loop over it. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The same as `return`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
