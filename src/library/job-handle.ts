import type { Calls } from './calls.js';
import { statusOf, tell, waitFor } from './job-calls.js';
import { type JobWatch, watchJob } from './job-watch.js';
import type { CallOptions, WaitOptions } from './options.js';
import type { JobStatus, ScheduleStatus } from './shapes.js';
import type { AcceptedJob } from './submission.js';

/** A job that was submitted. Its methods may be called at any time, by whoever has it, for as long as its client is open. */
export class JobHandle<Result = unknown, Yield = unknown> implements AcceptedJob {
  /** Its id: any client of the cluster can ask for the job by it. */
  readonly id: string;
  /** How many nodes hold it. */
  readonly copies: number;
  /** Whether each of them has it on disk. */
  readonly durable: boolean;
  readonly #calls: Calls;

  /** @internal */
  constructor(calls: Calls, { id, copies, durable }: AcceptedJob) {
    this.#calls = calls;
    this.id = id;
    this.copies = copies;
    this.durable = durable;
  }

  /** As `client.wait`: resolves to its result, once it has ended. An abort ends the waiting, not the job. */
  async wait(options: WaitOptions = {}): Promise<Result> {
    return (await waitFor(this.#calls, this.id, options)) as Result;
  }

  /** As `client.watch`: what happens to it, and what it yields. */
  watch(options: CallOptions = {}): JobWatch<Yield, Result> {
    return watchJob(this.#calls, this.id, options);
  }

  /** As `client.status`: what is known of it now. */
  async status(options: CallOptions = {}): Promise<JobStatus> {
    return (await statusOf(this.#calls, this.id, options)) as JobStatus;
  }

  /** As `client.cancel`: resolves once it has really stopped. */
  cancel(options: CallOptions = {}): Promise<void> {
    return tell(this.#calls, 'CANCEL', this.id, options);
  }

  /** As `client.retry`: puts it back to the queue when it has failed or was cancelled. */
  retry(options: CallOptions = {}): Promise<void> {
    return tell(this.#calls, 'RETRY', this.id, options);
  }
}

/** A schedule that was made. It goes on until it is cancelled, whether this program runs or not. */
export class ScheduleHandle implements AcceptedJob {
  /** Its id. */
  readonly id: string;
  /** How many nodes hold it. */
  readonly copies: number;
  /** Whether each of them has it on disk. */
  readonly durable: boolean;
  readonly #calls: Calls;

  /** @internal */
  constructor(calls: Calls, { id, copies, durable }: AcceptedJob) {
    this.#calls = calls;
    this.id = id;
    this.copies = copies;
    this.durable = durable;
  }

  /** When it fires next, when it last did, and what else is known of it. */
  async status(options: CallOptions = {}): Promise<ScheduleStatus> {
    return (await statusOf(this.#calls, this.id, options)) as ScheduleStatus;
  }

  /** Ends it. Jobs that it has submitted go on. */
  cancel(options: CallOptions = {}): Promise<void> {
    return tell(this.#calls, 'CANCEL', this.id, options);
  }

  /** Has a cancelled one begin anew, from now on. */
  retry(options: CallOptions = {}): Promise<void> {
    return tell(this.#calls, 'RETRY', this.id, options);
  }
}
