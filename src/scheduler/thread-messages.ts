import { Fifo } from '../core/fifo.js';
import type { RunId } from '../core/ids.js';
import { type Payload, payloadBytes } from '../core/payload.js';
import type { Reply } from '../core/reply.js';
import type { HandlerRequest } from '../protocol/handler-request.js';
import { isSound, reportKinds, reportLengths } from './report-kinds.js';
import type { AttemptLogEntry } from './scheduler.js';
import { type TextUnits, textOf, unitsOf } from './thread-text.js';

/**
 * What passes between the node's thread and a handler thread:
 *
 *     node ─run─► thread          thread ─progress, log─► node           thread ─done | failed | aborted─► node
 *     thread ─chunk─► node        a generator has yielded         node ─room(run, upTo)─► thread   it may yield so many bytes in all
 *     thread ─call─► node         a handler asks something of the cluster        node ─answer─► thread
 *     node ─abort(run)─► thread   the attempt's signal fires; it still ends in one of the three
 *     node ─ping─► thread         thread ─pong(heapBytes)─► node         only a loop that turns can answer
 *
 *     at its start     thread ─importing(path)─► node, then ─learned | rejected─►, for each file; at last ─ready─►
 *     before its end   thread ─fault(name, message)─► node               if it still can
 *
 * All that one turn of the loop produces crosses in one postMessage of one flat array, `[kind, ...fields, kind, ...]`:
 * cloning that costs a third of an array of objects, and a sixth of a message each.
 *
 * A large text ends its batch and goes out at once, in memory that changes hands, as raw bytes do: the receiver clones nothing and turns it
 * into text when there is time. Large arguments end their batch too, and a turn hands over one such batch.
 */
export interface Orders {
  run(run: RunId, job: string, attempt: number, task: string, args: Payload): void;
  abort(run: RunId): void;
  room(run: RunId, upTo: number): void;
  /** To what a handler has asked by that number. */
  answer(run: RunId, call: number, reply: Reply): void;
  ping(): void;
}

export interface Reports {
  done(run: RunId, result: Payload): void;
  chunk(run: RunId, chunk: Payload): void;
  failed(run: RunId, name: string, message: string, final: boolean): void;
  /** It failed after its signal had fired. */
  aborted(run: RunId): void;
  /** A handler asks something of the cluster, by a number of its own. */
  call(run: RunId, call: number, request: HandlerRequest): void;
  progress(run: RunId, value: string): void;
  log(run: RunId, level: AttemptLogEntry['level'], text: string): void;
  /** `heapBytes`: what its heap has of the system. */
  pong(heapBytes: number): void;
  fault(name: string, message: string): void;
  importing(path: string): void;
  learned(path: string, options: TaskOptions): void;
  rejected(path: string, reason: string): void;
  ready(): void;
}

/** What a task's author set by `export const options`. */
export interface TaskOptions {
  readonly concurrency?: number;
  readonly timeoutMs?: number;
  readonly retries?: number;
}

/** A file that holds a task. */
export interface TaskFile {
  readonly name: string;
  readonly path: string;
}

/** What a thread is there for: to run attempts, importing a file when its task is first needed; or to learn what files offer. */
export interface ThreadStart {
  readonly purpose: 'run' | 'learn';
  readonly node: string;
  readonly files: readonly TaskFile[];
}

/** One message: fields by position, in the order of the methods' parameters. */
export type Batch = unknown[];

/** A text of more than this crosses as bytes. */
const textLengthMax = 64 * 1024;

/** Hands a batch over; `moved` changes hands with it. */
export type Deliver = (batch: Batch, moved: readonly ArrayBuffer[]) => void;

const nothingMoved: readonly ArrayBuffer[] = [];

/** Gathers calls until the loop turns, then hands them over as one batch. */
class Gatherer {
  protected batch: Batch = [];
  protected moved: ArrayBuffer[] = [];
  private readonly deliver: Deliver;
  /** Those before `batch`, each ended by something large. */
  private readonly ended = new Fifo<Batch>();
  private scheduled: NodeJS.Immediate | null = null;

  constructor(deliver: Deliver) {
    this.deliver = deliver;
  }

  /** Hands over all at once; for a thread that is about to end. */
  flush(): void {
    if (this.scheduled !== null) clearImmediate(this.scheduled);
    this.scheduled = null;
    for (let batch = this.ended.shift(); batch !== undefined; batch = this.ended.shift()) {
      this.deliver(batch, nothingMoved);
    }
    if (this.batch.length === 0) return;
    const { batch, moved } = this;
    this.batch = [];
    this.moved = [];
    this.deliver(batch, moved);
  }

  protected flushSoon(): void {
    this.scheduled ??= setImmediate(() => this.flushOne());
  }

  /** What comes next goes into another batch, and so into another turn. */
  protected endBatch(): void {
    this.ended.push(this.batch);
    this.batch = [];
  }

  private flushOne(): void {
    this.scheduled = null;
    const ended = this.ended.shift();
    if (ended === undefined) return this.flush();
    this.deliver(ended, nothingMoved);
    if (this.ended.length > 0 || this.batch.length > 0) this.flushSoon();
  }
}

const orderKinds = { run: 0, abort: 1, ping: 2, room: 3, answer: 4 } as const;

/** Orders on their way to a thread. */
export class OrderBatch extends Gatherer implements Orders {
  run(run: RunId, job: string, attempt: number, task: string, args: Payload): void {
    this.batch.push(orderKinds.run, run, job, attempt, task, args);
    if (payloadBytes(args) > textLengthMax) this.endBatch();
    this.flushSoon();
  }

  abort(run: RunId): void {
    this.batch.push(orderKinds.abort, run);
    this.flushSoon();
  }

  room(run: RunId, upTo: number): void {
    this.batch.push(orderKinds.room, run, upTo);
    this.flushSoon();
  }

  answer(run: RunId, call: number, reply: Reply): void {
    this.batch.push(orderKinds.answer, run, call, reply);
    this.flushSoon();
  }

  ping(): void {
    this.batch.push(orderKinds.ping);
    this.flushSoon();
  }
}

/** Calls `orders` as the sender of the batch called its OrderBatch. */
export function replayOrders(batch: Batch, orders: Orders): void {
  let at = 0;
  while (at < batch.length) {
    switch (batch[at]) {
      case orderKinds.run:
        orders.run(
          batch[at + 1] as RunId,
          batch[at + 2] as string,
          batch[at + 3] as number,
          batch[at + 4] as string,
          batch[at + 5] as Payload,
        );
        at += 6;
        break;
      case orderKinds.abort:
        orders.abort(batch[at + 1] as RunId);
        at += 2;
        break;
      case orderKinds.room:
        orders.room(batch[at + 1] as RunId, batch[at + 2] as number);
        at += 3;
        break;
      case orderKinds.answer:
        orders.answer(batch[at + 1] as RunId, batch[at + 2] as number, batch[at + 3] as Reply);
        at += 4;
        break;
      case orderKinds.ping:
        orders.ping();
        at += 1;
        break;
      default:
        throw new Error(`not an order: ${String(batch[at])}`);
    }
  }
}

/** Reports on their way to the node. */
export class ReportBatch extends Gatherer implements Reports {
  done(run: RunId, result: Payload): void {
    this.payload(run, result, reportKinds.done, reportKinds.doneBytes);
  }

  chunk(run: RunId, chunk: Payload): void {
    this.payload(run, chunk, reportKinds.chunk, reportKinds.chunkBytes);
  }

  /** Bytes are copied: they are the handler's, which may use their memory again. */
  private payload(run: RunId, payload: Payload, textKind: number, bytesKind: number): void {
    if (typeof payload === 'string' && payload.length <= textLengthMax) {
      this.batch.push(textKind, run, payload);
      this.flushSoon();
      return;
    }
    const isText = typeof payload === 'string';
    const moved = isText ? unitsOf(payload) : new Uint8Array(payload);
    this.batch.push(isText ? textKind : bytesKind, run, moved);
    this.moved.push(moved.buffer as ArrayBuffer);
    if (moved.byteLength > textLengthMax) this.flush();
    else this.flushSoon();
  }

  call(run: RunId, call: number, { verb, name, payload, options }: HandlerRequest): void {
    // Bytes are a view of memory that may be much larger, all of which would be cloned.
    const own = typeof payload === 'string' ? payload : new Uint8Array(payload);
    this.append(reportKinds.call, run, call, verb, name, own, options);
  }

  failed(run: RunId, name: string, message: string, final: boolean): void {
    this.append(reportKinds.failed, run, name, message, final);
  }

  aborted(run: RunId): void {
    this.append(reportKinds.aborted, run);
  }

  progress(run: RunId, value: string): void {
    this.append(reportKinds.progress, run, value);
  }

  log(run: RunId, level: AttemptLogEntry['level'], text: string): void {
    this.append(reportKinds.log, run, level, text);
  }

  pong(heapBytes: number): void {
    this.append(reportKinds.pong, heapBytes);
  }

  fault(name: string, message: string): void {
    this.append(reportKinds.fault, name, message);
  }

  /** Goes out at once: the import that follows may never give the loop back. */
  importing(path: string): void {
    this.append(reportKinds.importing, path);
    this.flush();
  }

  learned(path: string, options: TaskOptions): void {
    this.append(reportKinds.learned, path, options);
  }

  rejected(path: string, reason: string): void {
    this.append(reportKinds.rejected, path, reason);
  }

  /** Goes out at once: if the thread ends after this, the handlers are to blame and not its start. */
  ready(): void {
    this.append(reportKinds.ready);
    this.flush();
  }

  private append(...items: unknown[]): void {
    this.batch.push(...items);
    this.flushSoon();
  }
}

/**
 * Calls `reports` as the thread called its ReportBatch. False if there is something else in the batch: a handler can
 * reach the port and post what it likes.
 */
export function replayReports(batch: unknown, reports: Reports): boolean {
  if (!Array.isArray(batch)) return false;
  for (let at = 0; at < batch.length; ) {
    const length = reportLengths[batch[at] as number];
    if (length === undefined || at + length > batch.length) return false;
    if (!isSound(batch, at)) return false;
    replayReport(batch, at, reports);
    at += length;
  }
  return true;
}

/** How much there is to convert in a batch of reports: what is large is last. */
export function largeBytesOf(batch: unknown): number {
  const last: unknown = Array.isArray(batch) ? batch.at(-1) : undefined;
  return last instanceof Uint8Array || last instanceof Uint16Array ? last.byteLength : 0;
}

function replayReport(batch: Batch, at: number, reports: Reports): void {
  const run = batch[at + 1] as RunId;
  const text = batch[at + 1] as string;
  const second = batch[at + 2] as string;
  switch (batch[at]) {
    case reportKinds.done:
      reports.done(run, textOf(batch[at + 2] as string | TextUnits));
      break;
    case reportKinds.chunk:
      reports.chunk(run, textOf(batch[at + 2] as string | TextUnits));
      break;
    case reportKinds.doneBytes:
      reports.done(run, batch[at + 2] as Uint8Array);
      break;
    case reportKinds.chunkBytes:
      reports.chunk(run, batch[at + 2] as Uint8Array);
      break;
    case reportKinds.call: {
      const [verb, name, payload, options] = batch.slice(at + 3, at + 7);
      reports.call(run, batch[at + 2] as number, { verb, name, payload, options } as HandlerRequest);
      break;
    }
    case reportKinds.failed:
      reports.failed(run, second, batch[at + 3] as string, batch[at + 4] as boolean);
      break;
    case reportKinds.aborted:
      reports.aborted(run);
      break;
    case reportKinds.progress:
      reports.progress(run, second);
      break;
    case reportKinds.log:
      reports.log(run, second as AttemptLogEntry['level'], batch[at + 3] as string);
      break;
    case reportKinds.pong:
      reports.pong(batch[at + 1] as number);
      break;
    case reportKinds.fault:
      reports.fault(text, second);
      break;
    case reportKinds.importing:
      reports.importing(text);
      break;
    case reportKinds.learned:
      reports.learned(text, batch[at + 2] as TaskOptions);
      break;
    case reportKinds.rejected:
      reports.rejected(text, second);
      break;
    case reportKinds.ready:
      reports.ready();
      break;
  }
}
