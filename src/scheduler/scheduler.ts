import type { ClientCommand } from '../core/commands.js';
import type { AttemptStart } from '../core/effects.js';
import type { RunId } from '../core/ids.js';
import type { AttemptOutcome } from '../core/jobs/record.js';
import type { TaskOffer } from '../core/member.js';
import type { StopReason } from '../core/messages.js';
import type { Payload } from '../core/payload.js';
import type { Reply } from '../core/reply.js';

/** Runs attempts on this machine: p-queue in front, handlers in worker threads behind it. */
export interface Scheduler {
  /**
   * Learns the tasks in a thread that is ended afterwards; resolves to what this node offers, built-ins included.
   * A file at fault is logged and left out. Rejects with a RondoError `BAD_TASK_DIRECTORY`, `THREAD_START_FAILED` or
   * `CLOSED`.
   */
  load(): Promise<readonly TaskOffer[]>;
  /** Queues an attempt; ends in exactly one `attemptEnded`. */
  start(attempt: AttemptStart): void;
  /**
   * Stops an attempt: out of the queue at once; a running one by its AbortSignal, then after a grace period by
   * ending its thread. `attemptEnded` follows once the work has really stopped (`timed_out` for that reason, otherwise
   * `stopped`), or says `done` or `failed` if it ended by itself first. Unknown runs are ignored.
   */
  stop(run: RunId, reason: StopReason): void;
  /** The attempt may have told chunks of `upTo` bytes in all, by `chunkBytes`; it begins with `limits.streamWindowBytesMin`. */
  giveRoom(run: RunId, upTo: number): void;
  /** To what a handler has asked; `call` as `attemptCall` gave it. One of an attempt that has ended is ignored. */
  answer(call: number, reply: Reply): void;
  stats(): SchedulerStats;
  /** What the largest heap of a thread has of the system, as of its last answer to a ping; 0 without threads. */
  threadHeapBytesMax(): number;
  /**
   * Ends all threads, and programs after their grace, or `atOnce`, which a second call may still ask for. Attempts that
   * are still there end as `displaced`.
   */
  close(how?: { readonly atOnce?: boolean }): Promise<void>;
}

export interface SchedulerStats {
  readonly threads: number;
  readonly running: number;
  readonly queued: number;
  readonly threadsEnded: number;
}

/** Called from the event loop, never from inside `start` or `stop`; `attemptStarted` alone may come from inside `start`. */
export interface SchedulerListener {
  /** It left the queue: the handler has it now, and its time-out counts from here. */
  attemptStarted(run: RunId): void;
  attemptEnded(run: RunId, outcome: AttemptOutcome): void;
  /** `value` is JSON text. */
  attemptProgress(run: RunId, value: string): void;
  /** A value that a generator has yielded, as JSON text or bytes, or a part of a program's output. */
  attemptChunk(run: RunId, chunk: Payload): void;
  /** A handler asks something of the cluster. `call` is never used twice. */
  attemptCall(run: RunId, call: number, command: ClientCommand): void;
  /** A line that a handler logged with `ctx.log`. */
  attemptLog(entry: AttemptLogEntry): void;
}

export interface AttemptLogEntry {
  readonly job: string;
  readonly task: string;
  readonly attempt: number;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
}
