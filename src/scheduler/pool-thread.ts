import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import type { JobError } from '../core/jobs/record.js';
import { NumberTable } from '../core/number-table.js';
import type { Attempt } from './attempt.js';
import { describeError } from './handler-result.js';
import { OrderBatch, type ThreadStart } from './thread-messages.js';

export interface ThreadOptions {
  readonly entry: URL;
  readonly start: ThreadStart;
  readonly memoryMbMax: number;
  readonly env: NodeJS.ProcessEnv;
}

/** What a thread tells its pool. `exited` comes once and last. */
export interface ThreadListener {
  batch(thread: PoolThread, batch: unknown): void;
  output(thread: PoolThread, line: string): void;
  exited(thread: PoolThread): void;
}

/**
 * booting: not heard of yet · ready: takes attempts · silent: its loop has stopped turning, so it gets no more ·
 * ending: told to end, or has ended.
 */
export type ThreadState = 'booting' | 'ready' | 'silent' | 'ending';

/** One worker thread, and what the pool knows of it. */
export class PoolThread {
  readonly id: number;
  /** For a single attempt that may take its thread down. */
  readonly isolated: boolean;
  /** What it was given, and it has not reported the end of. */
  readonly attempts = new NumberTable<Attempt>();
  readonly orders: OrderBatch;
  state: ThreadState = 'booting';
  /** False until its first sign of life: one that ends before could not start at all. */
  hasAnswered = false;
  /** When the ping was sent that it owes an answer to; monotonic milliseconds, as below. */
  pingedAtMs: number | null = null;
  idleSinceMs = 0;
  /** What its heap had of the system when it last answered a ping. */
  heapBytes = 0;
  /** Why it is ending by itself, as far as it is known. */
  fault: JobError | null = null;
  /** The node ended it: what still runs there is displaced, not crashed. */
  endedByNode = false;
  private readonly worker: Worker;

  constructor(id: number, isolated: boolean, options: ThreadOptions, listener: ThreadListener) {
    this.id = id;
    this.isolated = isolated;
    this.worker = new Worker(options.entry, {
      name: `rondo-handlers-${id}`,
      workerData: options.start,
      env: options.env,
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMbMax },
    });
    this.orders = new OrderBatch((batch) => this.worker.postMessage(batch));
    this.worker.on('message', (batch) => listener.batch(this, batch));
    this.worker.on('messageerror', (error) => listener.output(this, `a message was lost: ${error.message}`));
    this.worker.on('error', (error) => {
      this.fault ??= faultOf(error);
    });
    this.worker.on('exit', (code) => {
      this.state = 'ending';
      this.fault ??= {
        name: 'ThreadExit',
        message: `process.exit(${code}) was called, which ends the thread`,
      };
      listener.exited(this);
    });
    readLines(this.worker.stdout, (line) => listener.output(this, line));
    readLines(this.worker.stderr, (line) => listener.output(this, line));
  }

  get takesAttempts(): boolean {
    return this.state === 'booting' || this.state === 'ready';
  }

  /** Ends it now, whatever it does; `exited` follows. */
  end(): void {
    this.endedByNode = true;
    this.state = 'ending';
    void this.worker.terminate();
  }
}

function faultOf(error: Error & { code?: string }): JobError {
  if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { name: 'OutOfMemory', message: `the thread ran out of memory: ${error.message}` };
  }
  const { name, message } = describeError(error);
  return { name: 'UncaughtException', message: name === 'Error' ? message : `${name}: ${message}` };
}

/** Longer lines of a handler's output are cut here. */
const outputLineLengthMax = 8 * 1024;

function readLines(stream: Readable, tell: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) tell(line.slice(0, outputLineLengthMax));
    if (rest.length <= outputLineLengthMax) return;
    tell(rest.slice(0, outputLineLengthMax));
    rest = '';
  });
  stream.on('end', () => {
    if (rest !== '') tell(rest);
  });
}
