/** Times of the thread pool that nobody has to set; tests do. */
export interface ThreadPoolTuning {
  /** The first module of a thread. */
  readonly entry: URL;
  /** A busy thread is asked this often whether its loop turns. */
  readonly pingIntervalMs: number;
  /** One that owes an answer for this long is silent: it gets no new attempts until it is heard of again. */
  readonly silentAfterMs: number;
  /** Threads beyond the first end after this long without work. */
  readonly idleThreadMs: number;
  /** Pause after a thread that could not start; doubles with each in a row, up to 64 times. */
  readonly bootBackoffMs: number;
}

export const defaultThreadPoolTuning: ThreadPoolTuning = {
  entry: new URL('./thread-entry.js', import.meta.url),
  pingIntervalMs: 250,
  silentAfterMs: 500,
  idleThreadMs: 60_000,
  bootBackoffMs: 100,
};
