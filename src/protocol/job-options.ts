/** A number of milliseconds, whole and not negative, or a text like `'250ms'`, `'30s'`, `'5m'`, `'2h'`; at most ten years. */
export type Duration = number | string;

/** A job, by its id or as `submit` gave it. */
export type JobReference = string | JobWithId;

/** What `submit`, `jobs` and `status` give: its id counts. */
export interface JobWithId {
  /** Its id. */
  readonly id: string;
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
