import { Worker } from 'node:worker_threads';
import { assertNever } from '../core/assert.js';
import { Fifo } from '../core/fifo.js';
import { type JobCopy, payloadBytesOf } from '../core/jobs/copy.js';
import type { JournalListener, JournalWrite } from './journal.js';
import {
  type Change,
  type JournalOrder,
  type JournalReport,
  type JournalThreadStart,
  packChanges,
} from './journal-orders.js';
import { keyOfSlot, type RecordFormat, sealRecord } from './journal-records.js';

export interface JournalWriterOptions {
  readonly directory: string;
  /** Written at each opening, before anything else. */
  readonly opening: readonly Change[];
  /** Keys to be removed with the first commit: what stands there is damaged. */
  readonly leftOver: readonly Buffer[];
  readonly formats: readonly RecordFormat[];
  readonly listener: JournalListener;
}

/** So many slots, or so many bytes of payloads, are written in one commit at most: it is packed in one turn of the event loop. */
const groupSlotsMax = 1_024;
const groupBytesMax = 4 * 1024 * 1024;
const closeTimeoutMs = 5_000;
/** It keeps next to nothing from one commit to the next. */
const maxYoungGenerationSizeMb = 4;
/** A thread that could not start, or ended by itself, is started again after this long. */
const restartDelayMs = 1_000;

/** What is under way in the thread. `opening`: nothing but what it writes when it opens its file. */
type Commit = 'opening' | { readonly first: number; readonly last: number };

interface QueuedWrites {
  readonly seq: number;
  readonly writes: readonly JournalWrite[];
}

/**
 * Group commit: what comes while a commit is under way goes into the next one together, a slot that has changed again with its last
 * state only. A thread does the writing; it starts with the first write, so a node that has no jobs pays nothing for it.
 */
export class JournalWriter {
  readonly #options: JournalWriterOptions;
  readonly #queue = new Fifo<QueuedWrites>();
  #state: 'open' | 'failed' | 'closed' = 'open';
  #commit: Commit | null = null;
  #thread: Worker | null = null;
  #leftOver: readonly Buffer[];
  #hasStarted = false;
  #restart: NodeJS.Timeout | null = null;
  /** Set once it is closing: called when the thread has ended. */
  #tellEnded: (() => void) | null = null;

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#leftOver = options.leftOver;
  }

  write(seq: number, writes: readonly JournalWrite[]): void {
    // What comes after a failure was failed with it.
    if (this.#state !== 'open' || this.#tellEnded !== null) return;
    this.#queue.push({ seq, writes });
    if (this.#commit === null) this.#commitNext();
  }

  /** Calling it again does nothing. */
  async close(): Promise<void> {
    if (this.#state === 'closed' || this.#tellEnded !== null) return;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const thread = this.#thread;
    if (thread !== null) {
      const ended = new Promise<void>((resolve) => {
        this.#tellEnded = resolve;
      });
      if (this.#commit === null) this.#order({ type: 'close' });
      const timer = setTimeout(() => this.#tellEnded?.(), closeTimeoutMs);
      await ended;
      clearTimeout(timer);
    }
    this.#state = 'closed';
    void thread?.terminate();
  }

  #commitNext(): void {
    const first = this.#queue.peek();
    if (first === undefined) return;
    const slots = new Map<number, JobCopy | null>();
    let bytes = 0;
    let last = first.seq;
    for (let next: QueuedWrites | undefined = first; next !== undefined; next = this.#queue.peek()) {
      for (const { slot, copy } of next.writes) {
        slots.set(slot, copy);
        bytes += copy === null ? 0 : payloadBytesOf(copy);
      }
      last = next.seq;
      this.#queue.shift();
      if (slots.size >= groupSlotsMax || bytes >= groupBytesMax) break;
    }
    this.#commit = { first: first.seq, last };
    const written = [...slots].map(([slot, copy]) => this.#changeOf(slot, copy));
    // Where there is little room only a part may be written, and a job that changes its slot must not be without one then.
    const inOrder = [
      ...written.filter(({ value }) => value !== null),
      ...written.filter(({ value }) => value === null),
    ];
    // First, as their slots may be in use again.
    this.#write([...this.#leftOver.map((key): Change => ({ key, value: null })), ...inOrder]);
  }

  #changeOf(slot: number, copy: JobCopy | null): Change {
    const key = keyOfSlot(slot);
    return { key, value: copy === null ? null : sealRecord(key, copy, this.#options.formats) };
  }

  #write(changes: readonly Change[]): void {
    const packed = packChanges(changes);
    this.#order({ type: 'write', changes: packed }, [packed.buffer]);
  }

  #order(order: JournalOrder, transfer: ArrayBuffer[] = []): void {
    this.#thread ??= this.#startThread();
    this.#thread.postMessage(order, transfer);
  }

  #startThread(): Worker {
    const { directory, opening } = this.#options;
    const isTrusted = !this.#hasStarted;
    this.#hasStarted = true;
    const start: JournalThreadStart = { directory, opening: packChanges(opening), isTrusted };
    const thread = new Worker(new URL('./journal-thread.js', import.meta.url), {
      name: 'rondo-journal',
      workerData: start,
      stdin: false,
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    let cause = 'nobody knows why';
    thread.on('message', (report: JournalReport) => this.#take(report));
    thread.on('error', (error) => {
      cause = error.message;
    });
    thread.on('exit', () => this.#handleExit(cause));
    return thread;
  }

  #take(report: JournalReport): void {
    const commit = this.#commit;
    this.#commit = null;
    switch (report.type) {
      case 'written':
        if (commit === 'opening') this.#recover();
        else if (commit !== null) {
          this.#leftOver = [];
          this.#options.listener.written(commit.last);
        }
        break;
      case 'failed':
        this.#fail(commit, report);
        break;
      case 'recovered':
        this.#recover();
        break;
      default:
        assertNever(report);
    }
    // The listener may have written, and so begun the next commit.
    if (this.#commit === null && this.#state === 'open') this.#commitNext();
    if (this.#commit === null && this.#tellEnded !== null) this.#order({ type: 'close' });
  }

  /** From the first number of the commit on: what waits behind it is failed with it. */
  #fail(commit: Commit | null, { code, message }: { code: string; message: string }): void {
    if (this.#state === 'failed' || commit === null || commit === 'opening') return;
    this.#state = 'failed';
    this.#queue.retain(() => false);
    this.#options.listener.failed(commit.first, code, message);
  }

  #recover(): void {
    if (this.#state !== 'failed') return;
    this.#state = 'open';
    this.#options.listener.recovered();
  }

  /** It ended because it was told to, or by itself, which nothing is known to make it do. */
  #handleExit(cause: string): void {
    const commit = this.#commit;
    this.#thread = null;
    this.#commit = null;
    if (this.#tellEnded !== null) return this.#tellEnded();
    if (this.#state === 'open' && commit === null) return;
    this.#fail(commit, { code: 'THREAD_ENDED', message: `the journal's thread has ended: ${cause}` });
    this.#restart = setTimeout(() => {
      this.#commit = 'opening';
      this.#write([]);
    }, restartDelayMs);
  }
}
