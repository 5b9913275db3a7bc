import { format } from 'node:util';
import type { RunId } from '../core/ids.js';
import type { JobOptions } from '../protocol/job-options.js';
import type { ClusterCalls } from './cluster-calls.js';
import { describeError, progressText } from './handler-result.js';
import type { AttemptLogEntry } from './scheduler.js';
import type { Reports } from './thread-messages.js';

/** What a handler gets beside its arguments. */
export interface TaskContext {
  /** The id of the job. */
  readonly jobId: string;
  /** Which attempt at it this is, from 1. */
  readonly attempt: number;
  /** Name of the node it runs on. */
  readonly node: string;
  /** Fires when the attempt is to stop: cancelled, out of time, or the node is going. */
  readonly signal: AbortSignal;
  /** Writes to the log of the node: `ctx.log.info('...')`. */
  readonly log: TaskLog;
  /**
   * Runs a job and gives its result, or rejects with a `RondoError`: `JOB_FAILED`, which is a `JobFailedError` with `id`, `attempts` and as `cause`
   * what its task threw, `JOB_CANCELLED`, or what a SUBMIT may be answered. Once this attempt has ended or is to stop, it rejects with an `AbortError`
   * whose `code` is `ABORT_ERR`, and so do `submit` and `publish`. While it waits, its place on this node is another job's. It goes before jobs of its
   * parent's priority, may run no longer than its parent has left, and is cancelled when its parent ends or is cancelled. With a `key` it is others'
   * job as well: it has its own time, and goes on.
   */
  call<Result = unknown>(task: string, args?: unknown, options?: JobOptions): Promise<Result>;
  /** Hands in a job and gives its id, once it is kept. It goes on whatever becomes of this one. */
  submit(task: string, args?: unknown, options?: JobOptions): Promise<string>;
  /** Publishes to a topic, and gives the number of subscribers it was sent to. */
  publish(topic: string, data: unknown): Promise<number>;
  /**
   * Shows how far it is to whoever asks: any JSON value of at most 16 KiB, nested 64 deep at most. The latest of a moment is sent, the others are
   * not. What is no such value (a function, a BigInt, bytes, a circle) is dropped, and the log of the node says so.
   */
  progress(value: unknown): void;
}

/** Lines for the log of the node, put together as `console.log` does, at most 8 Ki characters each. */
export type TaskLog = Readonly<Record<'debug' | 'info' | 'warn' | 'error', (...parts: unknown[]) => void>>;

/** Length of one log line in characters; the rest is cut. */
const logLengthMax = 8 * 1024;

/**
 * The context of one attempt. All that costs something is made when first asked for: most handlers ask for nothing,
 * and there may be a hundred thousand attempts a second.
 */
export class AttemptContext implements TaskContext {
  readonly jobId: string;
  readonly attempt: number;
  readonly node: string;
  readonly #run: RunId;
  readonly #reports: Reports;
  readonly #progressBoard: ProgressBoard;
  readonly #calls: ClusterCalls;
  #controller: AbortController | null = null;
  #aborted = false;
  #ended = false;

  constructor(fields: {
    readonly run: RunId;
    readonly job: string;
    readonly attempt: number;
    readonly node: string;
    readonly reports: Reports;
    readonly progressBoard: ProgressBoard;
    readonly calls: ClusterCalls;
  }) {
    this.jobId = fields.job;
    this.attempt = fields.attempt;
    this.node = fields.node;
    this.#run = fields.run;
    this.#reports = fields.reports;
    this.#progressBoard = fields.progressBoard;
    this.#calls = fields.calls;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** A function of its own, so that `const { progress } = ctx` works. */
  get progress(): (value: unknown) => void {
    return (value) => {
      if (!this.#ended) this.#progressBoard.set(this.#run, value);
    };
  }

  get call(): TaskContext['call'] {
    return <Result>(task: string, args?: unknown, options: JobOptions = {}) =>
      this.#ask('call', task, args, options) as Promise<Result>;
  }

  get submit(): TaskContext['submit'] {
    return (task, args, options = {}) => this.#ask('submit', task, args, options) as Promise<string>;
  }

  get publish(): TaskContext['publish'] {
    return (topic, data) => this.#ask('publish', topic, data, {}) as Promise<number>;
  }

  #ask(verb: 'call' | 'submit' | 'publish', name: string, value: unknown, options: object): Promise<unknown> {
    if (this.#aborted || this.#ended) return Promise.reject(stopped());
    return this.#calls.ask(this.#run, verb, name, value, options);
  }

  get log(): TaskLog {
    const line =
      (level: AttemptLogEntry['level']) =>
      (...parts: unknown[]) => {
        if (!this.#ended) this.#reports.log(this.#run, level, formatLine(parts));
      };
    return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  }

  /** For the host, not for handlers, whose view of this object is TaskContext. */
  static abort(context: AttemptContext): void {
    context.#aborted = true;
    context.#controller?.abort();
    context.#calls.giveUp(context.#run, stopped);
  }

  static isAborted(context: AttemptContext): boolean {
    return context.#aborted;
  }

  /** From here on `progress` and `log` do nothing. */
  static end(context: AttemptContext): void {
    context.#ended = true;
    context.#calls.giveUp(context.#run, stopped);
    context.#progressBoard.settle(context.#run);
  }
}

/** As Node's own calls reject with an aborted signal. Made only where it is thrown: every attempt ends, and a stack costs something. */
function stopped(): Error {
  const error = new Error('the attempt has ended, or is to stop');
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

/** Holds each attempt's latest progress value until it is due, so that a busy loop of `progress` costs little. */
export class ProgressBoard {
  private readonly values = new Map<RunId, unknown>();
  private timer: NodeJS.Timeout | null = null;
  private readonly reports: Reports;

  constructor(reports: Reports) {
    this.reports = reports;
  }

  set(run: RunId, value: unknown): void {
    this.values.set(run, value);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      for (const each of [...this.values.keys()]) this.settle(each);
    }, progressIntervalMs);
  }

  /** Sends what is held for an attempt, so that it arrives before its outcome. */
  settle(run: RunId): void {
    if (this.values.size === 0 || !this.values.has(run)) return;
    const value = this.values.get(run);
    this.values.delete(run);
    try {
      this.reports.progress(run, progressText(value));
    } catch (error) {
      this.reports.log(run, 'warn', `a progress value was dropped: ${describeError(error).message}`);
    }
  }
}

/** An attempt's progress is sent at most this often. */
const progressIntervalMs = 50;

function formatLine(parts: readonly unknown[]): string {
  try {
    return format(...parts).slice(0, logLengthMax);
  } catch (error) {
    return `a log line that could not be shown: ${describeError(error).message}`;
  }
}
