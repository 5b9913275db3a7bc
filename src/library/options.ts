import type { JobState } from '../core/jobs/record.js';
import type { Duration, JobOptions, RunningOptions } from '../protocol/job-options.js';

export type {
  Duration,
  JobOptions,
  JobReference,
  JobWithId,
  RunningOptions,
} from '../protocol/job-options.js';

/** What every call takes. */
export interface CallOptions {
  /** Once it fires, the call rejects with its `reason`. What that means for a job stands at each call. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `submit`. */
export interface SubmitOptions extends JobOptions, CallOptions {}

/** Options of `run`. */
export interface RunOptions extends JobOptions, CallOptions {}

/** Options of `stream`. */
export interface StreamOptions extends JobOptions, CallOptions {
  /** False: the job goes on when its loop is left early, by `break`, an error or an abort. Default true: it is cancelled. */
  readonly cancel?: boolean | undefined;
  /**
   * Called before the first value of an attempt where an earlier one has given values: it has failed and is retried, or its node was lost. What
   * was given before is to be thrown away. Without it the loop throws a `StreamBrokenError` then.
   */
  readonly onRestart?: ((attempt: number) => void) | undefined;
  /**
   * Called where so many values are missing, since no node keeps them any more; null where nobody knows how many, nor whether there were any.
   * Without it the loop throws a `StreamBrokenError` then.
   */
  readonly onMissed?: ((count: number | null) => void) | undefined;
}

/** Options of `subscribe`. */
export interface SubscribeOptions extends CallOptions {
  /** First the last so many messages of each topic, as far as nodes keep them; from 0 to 100. Default 0. */
  readonly replay?: number | undefined;
  /** Called once the subscription holds again after its node was lost: what was published meanwhile may be missed. */
  readonly onGap?: (() => void) | undefined;
}

/** Options of `schedule`. */
export interface ScheduleOptions extends RunningOptions, CallOptions {
  /** The time zone of the cron expression, an IANA name. Default UTC. */
  readonly zone?: string | undefined;
  /** The same key gives the same schedule. */
  readonly key?: string | undefined;
}

/** Options of `wait`. */
export interface WaitOptions extends CallOptions {
  /** After this time the call rejects with a `TimeoutError`, and the job goes on. At least 1 ms. Default: as long as it takes. */
  readonly timeout?: Duration | undefined;
}

/** Which jobs `jobs` gives. */
export interface JobFilter extends CallOptions {
  /** Only those in this state. */
  readonly state?: JobState | undefined;
  /** Only those of this task. */
  readonly task?: string | undefined;
  /** At most so many, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined;
}

/** Which schedules `schedules` gives. */
export interface ScheduleFilter extends CallOptions {
  /** Only those of this task. */
  readonly task?: string | undefined;
  /** At most so many, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined;
}

/** Options of `map`. Those of a job hold for each. */
export interface MapOptions extends Omit<JobOptions, 'key'>, CallOptions {
  /** Jobs under way at once, 1 to 9,000. Default 1,000. */
  readonly window?: number | undefined;
  /** False: results come as they are there, not in the order of the input. Default true. */
  readonly ordered?: boolean | undefined;
  /** Only `SettledMapOptions` has it. */
  readonly settle?: false | undefined;
  /**
   * False: jobs get no keys. They come through two to five times as fast where they do next to nothing; but one whose node is lost may run
   * twice, and those under way can't be cancelled when the run is ended early. Default true.
   */
  readonly keys?: boolean | undefined;
}

/** Options of `map` where each job gives how it ended, and a failed one doesn't end the run. */
export interface SettledMapOptions extends Omit<MapOptions, 'settle'> {
  /** Each job gives a `Settled`. */
  readonly settle: true;
}

/** How one job of `map` with `settle: true` ended. */
export type Settled<Result> = SettledResult<Result> | SettledError;

/** A job of `map` that is done. */
export interface SettledResult<Result> {
  /** The place of its item in the input, from 0. */
  readonly index: number;
  /** It is done. */
  readonly ok: true;
  /** What it resulted in. */
  readonly result: Result;
}

/** A job of `map` that has failed, was cancelled, or could not be submitted. */
export interface SettledError {
  /** The place of its item in the input, from 0. */
  readonly index: number;
  /** It is not done. */
  readonly ok: false;
  /** A `JobFailedError`, a `JobCancelledError`, or why it could not be submitted. */
  readonly error: Error;
}
