import type { JobItem } from '../client/watch-place.js';
import { type Calls, parsed } from './calls.js';
import { idOf, spellOptions } from './checked-input.js';
import { Following } from './following.js';
import type { CallOptions, JobReference } from './options.js';
import type { JobEvent } from './shapes.js';
import { jobRequest } from './submission.js';

/**
 * A job that is followed: a loop over it gets what happens to the job, as it happens, and ends with the job, however that ended. It
 * throws where the job can't be followed: `NotFoundError`, `UnavailableError`, or the reason of the signal. It begins with its first step.
 */
export class JobWatch<Yield = unknown, Result = unknown>
  implements AsyncIterableIterator<JobEvent<Yield>, undefined, undefined>
{
  readonly #following: Following;

  /** @internal */
  constructor(following: Following) {
    this.#following = following;
  }

  /** The next event. */
  async next(): Promise<IteratorResult<JobEvent<Yield>, undefined>> {
    const item = await this.#following.next();
    if (item === null) return { done: true, value: undefined };
    try {
      return { done: false, value: eventOf(item) as JobEvent<Yield> };
    } catch (error) {
      this.#following.fail(error, { isWanted: false });
      return this.next();
    }
  }

  /** Stops following it, as `break` does. The job goes on. */
  async return(): Promise<IteratorResult<JobEvent<Yield>, undefined>> {
    this.#following.leave();
    return { done: true, value: undefined };
  }

  /**
   * Resolves to the result of the job; rejects with `JobFailedError` or `JobCancelledError`. To be called after the loop, or in its place: then
   * events are taken and let go. After `break` it waits for the job as `wait` does.
   */
  async result(): Promise<Result> {
    return (await this.#following.result()) as Result;
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

export function watchJob<Yield, Result>(
  calls: Calls,
  job: JobReference,
  options: CallOptions,
): JobWatch<Yield, Result> {
  spellOptions(options, 'none');
  const request = jobRequest('WATCH', idOf(job));
  return new JobWatch(new Following(calls, { request, signal: options.signal, cancels: false }));
}

function eventOf(item: JobItem): JobEvent {
  switch (item.type) {
    case 'state': {
      const { type, id, attempt, owner, executor } = item;
      return {
        type,
        id,
        state: item.state as Extract<JobEvent, { type: 'state' }>['state'],
        attempt,
        owner,
        executor,
      };
    }
    case 'progress':
      return { type: 'progress', value: parsed(item.value) };
    case 'data':
      return { type: 'data', value: yieldedValue(item.value), attempt: item.attempt };
    case 'missed':
      return { type: 'missed', count: item.chunks, attempt: item.attempt };
  }
}

/** Bytes as they are, JSON as its value. */
export function yieldedValue(value: string | Buffer): unknown {
  return typeof value === 'string' ? parsed(value) : value;
}
