import type { AttemptOutcome } from '../core/jobs/record.js';
import type { Reply } from '../core/reply.js';
import type { Together } from '../core/together.js';
import {
  type Attempt,
  type Runner,
  type RunnerListener,
  type SchedulerLog,
  stoppedOutcome,
} from './attempt.js';
import { AttemptReports } from './attempt-reports.js';
import { describeError } from './handler-result.js';
import { PoolThread, type ThreadListener } from './pool-thread.js';
import type { ThreadPoolTuning } from './pool-tuning.js';
import { ReportLine } from './report-line.js';
import { replayReports, type TaskFile } from './thread-messages.js';
import { ThreadWatch } from './thread-watch.js';

export interface ThreadPoolOptions {
  readonly node: string;
  /** Threads that attempts share, those that have gone silent not counted. */
  readonly threads: number;
  /** Old-generation heap of one thread. */
  readonly memoryMbMax: number;
  /** From the AbortSignal to the end of the thread. */
  readonly abortGraceMs: number;
  readonly env: NodeJS.ProcessEnv;
  readonly listener: RunnerListener;
  readonly log: SchedulerLog;
  /** What a thread reports at once is handed over in it. */
  readonly together: Together;
  readonly tuning: ThreadPoolTuning;
}

/** After this many threads in a row that could not start, the attempts that wait for one fail with the reason. */
const bootFailuresMax = 3;

/**
 * Worker threads, each running many attempts at once on its own event loop. They start when there is work for them.
 * Bounds: `threads` that answer, as many again that are silent, and `threads` that hold one isolated attempt each.
 */
export class ThreadPool implements Runner {
  private readonly options: ThreadPoolOptions;
  private readonly threads = new Set<PoolThread>();
  /** Begun, but with no thread to go to yet; in order. */
  private waiting = new Set<Attempt>();
  private readonly graceTimers = new Map<Attempt, NodeJS.Timeout>();
  private files: readonly TaskFile[] = [];
  private readonly watch: ThreadWatch;
  private readonly reports = new ReportLine<PoolThread>((thread, batch) => this.replay(thread, batch));
  private bootTimer: NodeJS.Timeout | null = null;
  private bootFailures = 0;
  private lastThreadId = 0;
  private whenEmpty: (() => void) | null = null;
  /** Threads that faults or stops have ended. */
  threadsEnded = 0;

  constructor(options: ThreadPoolOptions) {
    this.options = options;
    this.watch = new ThreadWatch({
      tuning: options.tuning,
      threads: this.threads,
      silent: (thread) => this.becomeSilent(thread),
      idle: (thread) => this.endIdle(thread),
    });
  }

  get threadCount(): number {
    return this.threads.size;
  }

  /** Of the thread with the largest heap. */
  get heapBytesMax(): number {
    let largest = 0;
    for (const { heapBytes } of this.threads) largest = Math.max(largest, heapBytes);
    return largest;
  }

  /** Makes tasks known to the threads that start from now on. */
  offer(files: readonly TaskFile[]): void {
    this.files = files;
  }

  begin(attempt: Attempt): void {
    const thread = attempt.start.isolate ? this.chooseIsolated() : this.chooseShared();
    if (thread === null) this.waiting.add(attempt);
    else this.give(thread, attempt);
  }

  stop(attempt: Attempt): void {
    if (this.waiting.delete(attempt)) {
      setImmediate(() =>
        this.options.listener.ended(attempt, stoppedOutcome(attempt.stopping ?? 'cancelled')),
      );
      return;
    }
    const { run } = attempt.start;
    for (const thread of this.threads) {
      if (!thread.attempts.has(run)) continue;
      thread.orders.abort(run);
      this.graceTimers.set(
        attempt,
        setTimeout(() => this.endUnder(thread, attempt), this.options.abortGraceMs),
      );
    }
  }

  answer({ start: { run } }: Attempt, call: number, reply: Reply): void {
    for (const thread of this.threads) if (thread.attempts.has(run)) thread.orders.answer(run, call, reply);
  }

  giveRoom({ start: { run } }: Attempt, upTo: number): void {
    for (const thread of this.threads) if (thread.attempts.has(run)) thread.orders.room(run, upTo);
  }

  async close(): Promise<void> {
    if (this.bootTimer !== null) clearTimeout(this.bootTimer);
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const attempt of waiting) this.options.listener.ended(attempt, { type: 'displaced' });
    if (this.threads.size > 0) {
      await new Promise<void>((resolve) => {
        this.whenEmpty = resolve;
        for (const thread of this.threads) thread.end();
      });
    }
    this.watch.stop();
  }

  private get isClosing(): boolean {
    return this.whenEmpty !== null;
  }

  // Choosing a thread

  /** The least loaded thread that answers; a new one while none is free and there may be more. */
  private chooseShared(): PoolThread | null {
    let best: PoolThread | null = null;
    let shared = 0;
    let answering = 0;
    for (const thread of this.threads) {
      if (thread.isolated) continue;
      shared++;
      if (!thread.takesAttempts) continue;
      answering++;
      if (best === null || thread.attempts.size < best.attempts.size) best = thread;
    }
    if (best !== null && best.attempts.size === 0) return best;
    const { threads } = this.options;
    return answering < threads && shared < 2 * threads ? (this.startThread(false) ?? best) : best;
  }

  private chooseIsolated(): PoolThread | null {
    let isolated = 0;
    for (const thread of this.threads) if (thread.isolated) isolated++;
    return isolated < this.options.threads ? this.startThread(true) : null;
  }

  private give(thread: PoolThread, attempt: Attempt): void {
    const { run, job, attempt: number, task, args } = attempt.start;
    thread.attempts.set(run, attempt);
    this.options.listener.started(attempt);
    thread.orders.run(run, job, number, task, ownBytes(args));
    this.watch.start();
  }

  /** Something has become free: places those that wait, in order. */
  private placeWaiting(): void {
    if (this.waiting.size === 0 || this.isClosing) return;
    const { waiting } = this;
    this.waiting = new Set();
    for (const attempt of waiting) this.begin(attempt);
  }

  // A thread's life

  private startThread(isolated: boolean): PoolThread | null {
    if (this.bootTimer !== null || this.isClosing) return null;
    const { node, memoryMbMax, env, tuning } = this.options;
    try {
      const thread = new PoolThread(
        ++this.lastThreadId,
        isolated,
        { entry: tuning.entry, memoryMbMax, env, start: { purpose: 'run', node, files: this.files } },
        this.listenerFor(),
      );
      this.threads.add(thread);
      return thread;
    } catch (error) {
      this.bootFailed(describeError(error).message);
      return null;
    }
  }

  private listenerFor(): ThreadListener {
    return {
      batch: (thread, batch) => {
        this.heard(thread);
        this.reports.add(thread, batch);
      },
      output: (thread, text) =>
        this.options.log('info', 'A handler wrote a line.', { thread: thread.id, text }),
      exited: (thread) => this.exited(thread),
    };
  }

  private replay(thread: PoolThread, batch: unknown): void {
    const reports = new ThreadReports(thread, this.options.listener, (attempt, outcome) =>
      this.finish(thread, attempt, outcome),
    );
    let isSound = true;
    this.options.together(() => {
      isSound = replayReports(batch, reports);
    });
    if (isSound) return;
    this.options.log('warn', 'A handler posted a message of its own to the node; it was ignored.', {
      thread: thread.id,
    });
  }

  private heard(thread: PoolThread): void {
    thread.pingedAtMs = null;
    thread.hasAnswered = true;
    if (thread.state !== 'silent' && thread.state !== 'booting') return;
    if (thread.state === 'silent') {
      this.options.log('info', `Thread ${thread.id} answers again.`, { thread: thread.id });
    }
    this.bootFailures = 0;
    thread.state = 'ready';
    this.placeWaiting();
  }

  private finish(thread: PoolThread, attempt: Attempt, outcome: AttemptOutcome): void {
    thread.attempts.delete(attempt.start.run);
    if (thread.attempts.size === 0) {
      thread.idleSinceMs = performance.now();
      if (thread.isolated) thread.end();
    }
    this.settle(attempt, outcome);
  }

  private settle(attempt: Attempt, outcome: AttemptOutcome): void {
    if (attempt.stopping !== null) {
      clearTimeout(this.graceTimers.get(attempt));
      this.graceTimers.delete(attempt);
    }
    this.options.listener.ended(attempt, outcome);
  }

  /** An attempt that was told to stop still runs: the thread goes, and with it the others on it. */
  private endUnder(thread: PoolThread, attempt: Attempt): void {
    const { job, task } = attempt.start;
    const displaced = thread.attempts.size - 1;
    this.options.log(
      'warn',
      `An attempt of ${task} did not stop within ${this.options.abortGraceMs} ms: its thread is ended.`,
      {
        thread: thread.id,
        job,
        task,
        displaced,
      },
    );
    this.threadsEnded++;
    thread.end();
  }

  private exited(thread: PoolThread): void {
    this.reports.finish(thread);
    const { attempts, fault } = thread;
    this.threads.delete(thread);
    const left = [...attempts.values()];
    attempts.clear();
    if (thread.endedByNode) {
      for (const attempt of left) this.settle(attempt, outcomeAtEnd(attempt, { type: 'displaced' }));
    } else if (!thread.hasAnswered) {
      for (const attempt of left) {
        if (attempt.stopping === null) this.waiting.add(attempt);
        else this.settle(attempt, stoppedOutcome(attempt.stopping));
      }
      this.bootFailed(fault?.message ?? 'it ended');
    } else {
      this.crashed(thread, left);
    }
    this.placeWaiting();
    if (this.threads.size === 0) this.whenEmpty?.();
  }

  private crashed(thread: PoolThread, left: readonly Attempt[]): void {
    const error = thread.fault ?? { name: 'ThreadExit', message: 'the thread ended' };
    const alone = left.length === 1;
    this.threadsEnded++;
    this.options.log(
      'warn',
      `Thread ${thread.id} ended under ${left.length} attempts (${error.name}): ${error.message}`,
      {
        thread: thread.id,
        tasks: [...new Set(left.map(({ start }) => start.task))],
      },
    );
    for (const attempt of left)
      this.settle(attempt, outcomeAtEnd(attempt, { type: 'crashed', error, alone }));
  }

  private bootFailed(reason: string): void {
    this.bootFailures++;
    const pauseMs = this.options.tuning.bootBackoffMs * 2 ** Math.min(this.bootFailures - 1, 6);
    this.options.log('error', `A handler thread could not start: ${reason}`, { pauseMs });
    this.bootTimer = setTimeout(() => {
      this.bootTimer = null;
      this.placeWaiting();
    }, pauseMs);
    if (this.bootFailures >= bootFailuresMax) setImmediate(() => this.failWaiting(reason));
  }

  private failWaiting(reason: string): void {
    const message = `the node can start no thread for handlers: ${reason}`;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const attempt of waiting) {
      this.settle(attempt, { type: 'failed', error: { name: 'ThreadStartFailed', message }, final: false });
    }
  }

  // What the watch finds

  private becomeSilent(thread: PoolThread): void {
    thread.state = 'silent';
    const tasks = [...new Set([...thread.attempts.values()].map(({ start }) => start.task))];
    this.options.log(
      'warn',
      `Thread ${thread.id} does not answer: a handler blocks its event loop. It gets no new attempts.`,
      {
        thread: thread.id,
        tasks,
      },
    );
    this.placeWaiting();
  }

  private endIdle(thread: PoolThread): void {
    this.options.log('debug', `Thread ${thread.id} was idle and is ended.`, { thread: thread.id });
    thread.end();
  }
}

/** What a thread reports of its attempts, and of itself. */
class ThreadReports extends AttemptReports {
  private readonly thread: PoolThread;

  constructor(
    thread: PoolThread,
    listener: RunnerListener,
    finish: (attempt: Attempt, outcome: AttemptOutcome) => void,
  ) {
    super(thread.attempts, finish, listener);
    this.thread = thread;
  }

  override pong(heapBytes: number): void {
    this.thread.heapBytes = heapBytes;
  }

  override fault(name: string, message: string): void {
    this.thread.fault = { name, message };
  }
}

/** One that was told to stop has stopped, whatever ended it. */
function outcomeAtEnd(attempt: Attempt, otherwise: AttemptOutcome): AttemptOutcome {
  return attempt.stopping === null ? otherwise : stoppedOutcome(attempt.stopping);
}

/** Cloning a view clones all of the buffer behind it, which may be a frame of many messages. */
function ownBytes(args: string | Uint8Array): string | Uint8Array {
  return typeof args === 'string' || args.byteLength === args.buffer.byteLength ? args : args.slice();
}
