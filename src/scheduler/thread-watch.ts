import type { PoolThread } from './pool-thread.js';
import type { ThreadPoolTuning } from './pool-tuning.js';

export interface ThreadWatchOptions {
  readonly tuning: ThreadPoolTuning;
  readonly threads: ReadonlySet<PoolThread>;
  /** It owes an answer for too long: a handler blocks its event loop. */
  readonly silent: (thread: PoolThread) => void;
  /** It has had no work for long, and is not the last. */
  readonly idle: (thread: PoolThread) => void;
}

/** Asks busy threads whether they answer, and finds those that have been idle for long. Its timer runs only while there is one of either. */
export class ThreadWatch {
  private readonly options: ThreadWatchOptions;
  private timer: NodeJS.Timeout | null = null;
  private checkedAtMs = 0;

  constructor(options: ThreadWatchOptions) {
    this.options = options;
  }

  start(): void {
    if (this.timer !== null) return;
    this.checkedAtMs = performance.now();
    this.timer = setInterval(() => {
      if (!this.check(performance.now())) this.stop();
    }, this.options.tuning.pingIntervalMs);
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** One look at all threads; `nowMs` is monotonic. False when there is nothing left to watch. */
  check(nowMs: number): boolean {
    // This loop was late itself: the answers may lie unread, so nobody is judged by this window.
    const isLate = nowMs - this.checkedAtMs > 2 * this.options.tuning.pingIntervalMs;
    this.checkedAtMs = nowMs;
    let isBusy = false;
    for (const thread of this.options.threads) {
      if (thread.attempts.size === 0) continue;
      isBusy = true;
      if (thread.state === 'ready') this.ask(thread, nowMs, isLate);
    }
    const shared = this.endIdle(nowMs);
    return isBusy || shared > 1;
  }

  private ask(thread: PoolThread, nowMs: number, isLate: boolean): void {
    if (thread.pingedAtMs === null || isLate) {
      thread.pingedAtMs = nowMs;
      thread.orders.ping();
    } else if (nowMs - thread.pingedAtMs >= this.options.tuning.silentAfterMs) {
      this.options.silent(thread);
    }
  }

  /** Returns how many shared threads are left. */
  private endIdle(nowMs: number): number {
    const shared = [...this.options.threads].filter((thread) => !thread.isolated);
    let left = shared.length;
    for (const thread of shared) {
      if (left <= 1) break;
      if (thread.state !== 'ready' || thread.attempts.size > 0) continue;
      if (nowMs - thread.idleSinceMs < this.options.tuning.idleThreadMs) continue;
      left--;
      this.options.idle(thread);
    }
    return left;
  }
}
