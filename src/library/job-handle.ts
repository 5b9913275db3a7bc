import { type Calls, resultOf } from './calls.js';
import { idOf, spellOptions } from './checked-input.js';
import type { CallOptions, WaitOptions } from './options.js';
import type { JobStatus, ScheduleStatus } from './shapes.js';
import { type AcceptedJob, jobRequest } from './submission.js';

/** What can be asked of a job by its id. */
export async function waitFor(calls: Calls, job: unknown, options: WaitOptions): Promise<unknown> {
  const id = idOf(job);
  const spelled = spellOptions(options, 'wait');
  return resultOf(await calls.reply(jobRequest('WAIT', id, spelled, options.signal)), id);
}

export async function statusOf(calls: Calls, job: unknown, options: CallOptions): Promise<unknown> {
  const id = idOf(job);
  spellOptions(options, 'none');
  return calls.json(jobRequest('STATUS', id, [], options.signal), id);
}

export async function tell(
  calls: Calls,
  verb: 'CANCEL' | 'RETRY',
  job: unknown,
  options: CallOptions,
): Promise<void> {
  const id = idOf(job);
  spellOptions(options, 'none');
  await calls.text(jobRequest(verb, id, [], options.signal), id);
}

/** A job that was submitted. Its methods may be called at any time, by whoever has it, for as long as its client is open. */
export class JobHandle<Result = unknown> implements AcceptedJob {
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
