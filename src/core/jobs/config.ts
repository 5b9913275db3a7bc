/** What an operator may set about jobs. Times are milliseconds, sizes bytes. */
export interface JobsConfig {
  /** Attempts that run at once on this node; 0: it takes no jobs. */
  readonly concurrency: number;
  /** Limit of an attempt when neither the job nor its task says one. Every attempt has one, or a hung handler holds its slot for ever. */
  readonly timeoutMs: number;
  readonly retries: number;
  /** Pause before the first retry; doubles up to `backoffMsMax`, or stays as it is where it is longer. */
  readonly backoffMs: number;
  readonly backoffMsMax: number;
  /** How long an outcome is kept when the job doesn't say. */
  readonly ttlMs: number;
  /** Nodes that hold a job when it doesn't say, where so many are alive. */
  readonly copies: number;
  /** Unfinished jobs that this node owns, and again as many that it holds for other owners. */
  readonly queueLengthMax: number;
  readonly queueBytesMax: number;
  /** Finished jobs kept, oldest dropped first. */
  readonly outcomesMax: number;
  readonly outcomeBytesMax: number;
  /** A job whose runs took this many nodes or threads down is failed. */
  readonly fatalitiesMax: number;
  /** An executor keeps this much work ahead of what it runs, measured by what it finished lately. */
  readonly aheadMs: number;
  /** How long a request that another node must answer may take, waiting for outcomes aside. */
  readonly askTimeoutMs: number;
}

export const defaultJobsConfig: JobsConfig = {
  concurrency: 16,
  timeoutMs: 600_000,
  retries: 0,
  backoffMs: 1_000,
  backoffMsMax: 300_000,
  ttlMs: 3_600_000,
  copies: 2,
  queueLengthMax: 1_000_000,
  queueBytesMax: 1024 * 1024 * 1024,
  outcomesMax: 100_000,
  outcomeBytesMax: 64 * 1024 * 1024,
  fatalitiesMax: 3,
  aheadMs: 20,
  askTimeoutMs: 10_000,
};
