import type { JobItem } from '../client/watch-place.js';
import { type Calls, parsed } from './calls.js';
import { idOf, spellOptions } from './checked-input.js';
import { Following } from './following.js';
import { JobLoop } from './job-loop.js';
import type { CallOptions, JobReference } from './options.js';
import type { JobEvent } from './shapes.js';
import { jobRequest } from './submission.js';

/**
 * A job that is followed: a loop over it gets what happens to the job, as it happens, and ends with the job, however that ended. It
 * throws where the job can't be followed: `NotFoundError`, `UnavailableError`, or the reason of the signal. It begins with its first step;
 * `break` lets the job go on.
 */
export class JobWatch<Yield = unknown, Result = unknown> extends JobLoop<JobEvent<Yield>, Result> {
  /** The next event. */
  override async next(): Promise<IteratorResult<JobEvent<Yield>, undefined>> {
    const item = await this.following.next();
    if (item === null) return { done: true, value: undefined };
    try {
      return { done: false, value: eventOf(item) as JobEvent<Yield> };
    } catch (error) {
      this.following.fail(error, { isWanted: false });
      return this.next();
    }
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
