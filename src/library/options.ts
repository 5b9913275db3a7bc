import type { JobState } from '../core/jobs/record.js';

/** A number of milliseconds, whole and not negative, or a text like `'250ms'`, `'30s'`, `'5m'`, `'2h'`; at most ten years. */
export type Duration = number | string;

/** A job, by its id or as `submit` gave it. */
export type JobReference = string | JobWithId;

/** What `submit`, `jobs` and `status` give: its id counts. */
export interface JobWithId {
  /** Its id. */
  readonly id: string;
}

/** What every call takes. */
export interface CallOptions {
  /** Once it fires, the call rejects with its `reason`. What that means for a job stands at each call. */
  readonly signal?: AbortSignal | undefined;
}

/** How a job is to run, whoever submits it. PROTOCOL.md has each under SUBMIT. What is left out is the task's, else the node's default. */
export interface RunningOptions {
  /** Higher first, from -1,000,000 to 1,000,000. Default 0. */
  readonly priority?: number | undefined;
  /** Limit of one attempt, at least 1 ms. Default 10 minutes, or the task's own. */
  readonly timeout?: Duration | undefined;
  /** Further attempts after a failed one, 0 to 1,000. Default 0, or the task's own. */
  readonly retries?: number | undefined;
  /** Pause before the first retry; it doubles with each. Default 1 s. */
  readonly backoff?: Duration | undefined;
  /** How the node that runs it is chosen. Default `round-robin`. */
  readonly route?: 'round-robin' | 'least-loaded' | 'affinity' | undefined;
  /** Jobs with the same word go to the same node; implies `route: 'affinity'`. 1 to 256 printable ASCII characters. */
  readonly affinity?: string | undefined;
  /** Only nodes that have all these tags: `{ zone: 'eu' }`. */
  readonly on?: Readonly<Record<string, string>> | undefined;
  /** Only the node of this name. */
  readonly node?: string | undefined;
  /** How many nodes hold the job before it is acknowledged, 1 to 16. Default 2 where two are alive. */
  readonly copies?: number | undefined;
  /** Whether each of them has it on disk by then. Default: where enough of them have a journal. */
  readonly durable?: boolean | undefined;
  /** How long the outcome is kept. Default 1 h; 0: not at all. */
  readonly ttl?: Duration | undefined;
}

/** How and when a job is to run. */
export interface JobOptions extends RunningOptions {
  /** It starts no sooner than after this time; not together with `at`. */
  readonly delay?: Duration | undefined;
  /** It starts no sooner than at this time: a Date, or ISO 8601 with its zone. At most ten years from now. */
  readonly at?: Date | string | undefined;
  /** The same key gives the same job, for as long as its record is kept. 1 to 256 printable ASCII characters. */
  readonly key?: string | undefined;
  /** It starts once all these jobs are done, and fails when one of them fails; at most 64. */
  readonly after?: JobReference | readonly JobReference[] | undefined;
}

/** Options of `submit`. */
export interface SubmitOptions extends JobOptions, CallOptions {}

/** Options of `run`. */
export interface RunOptions extends JobOptions, CallOptions {}

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
