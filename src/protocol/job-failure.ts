import { RondoError } from '../core/errors.js';

/** What went wrong in a job; `id` and `attempts` are null when the node did not say. */
export interface JobFailure {
  readonly id: string | null;
  readonly name: string;
  readonly message: string;
  readonly attempts: number | null;
}

/** The job failed for good: its attempts are used up, or another try is pointless. `cause` is what its task threw last. */
export class JobFailedError extends RondoError {
  override readonly name: string = 'JobFailedError';
  /** The id of the job, for `status` and `retry`; null where the node didn't say. */
  readonly id: string | null;
  /** How often it ran; 0 when it failed without, as when a job before it failed. Null where the node didn't say. */
  readonly attempts: number | null;
  /** An error with the name and the message of the one that the task threw. It has no stack of that one. */
  override readonly cause: Error;

  /** @internal */
  constructor(text: string, id: string | null = null) {
    const failure = parseFailure(text);
    const { name, message, attempts } = failure;
    const job = failure.id ?? id;
    super('JOB_FAILED', `job ${job ?? '(without an id)'} failed: ${name}: ${message}`);
    this.id = job;
    this.attempts = attempts;
    this.cause = Object.assign(new Error(message), { name, stack: `${name}: ${message}` });
  }
}

/** Reads the message of JOB_FAILED. */
export function parseFailure(text: string): JobFailure {
  try {
    const value = JSON.parse(text) as Partial<JobFailure>;
    return {
      id: typeof value.id === 'string' ? value.id : null,
      name: String(value.name),
      message: String(value.message),
      attempts: typeof value.attempts === 'number' ? value.attempts : null,
    };
  } catch {
    return { id: null, name: 'JOB_FAILED', message: text, attempts: null };
  }
}
