import { Fifo } from '../core/fifo.js';
import type { RunId } from '../core/ids.js';
import { limits } from '../core/limits.js';
import { type Payload, payloadBytes } from '../core/payload.js';
import type { AttemptLogEntry } from './scheduler.js';

/**
 * What passes between the node's thread and a handler thread:
 *
 *     node ─run─► thread          thread ─progress, log─► node           thread ─done | failed | aborted─► node
 *     node ─abort(run)─► thread   the attempt's signal fires; it still ends in one of the three
 *     node ─ping─► thread         thread ─pong─► node                    only a loop that turns can answer
 *
 *     at its start     thread ─importing(path)─► node, then ─learned | rejected─►, for each file; at last ─ready─►
 *     before its end   thread ─fault(name, message)─► node               if it still can
 *
 * All that one turn of the loop produces crosses in one postMessage of one flat array, `[kind, ...fields, kind, ...]`:
 * cloning that costs a third of an array of objects, and a sixth of a message each.
 *
 * A large result ends its batch and goes out at once, in memory that changes hands: the receiver clones nothing and turns it into
 * text when there is time. Large arguments end their batch too, and a turn hands over one such batch.
 */
export interface Orders {
  run(run: RunId, job: string, attempt: number, task: string, args: Payload): void;
  abort(run: RunId): void;
  ping(): void;
}

export interface Reports {
  done(run: RunId, result: string): void;
  failed(run: RunId, name: string, message: string, final: boolean): void;
  /** It failed after its signal had fired. */
  aborted(run: RunId): void;
  progress(run: RunId, value: string): void;
  log(run: RunId, level: AttemptLogEntry['level'], text: string): void;
  pong(): void;
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
  private readonly deliver: Deliver;
  /** Those before `batch`, each ended by something large. */
  private readonly ended = new Fifo<Batch>();
  private scheduled: NodeJS.Immediate | null = null;

  constructor(deliver: Deliver) {
    this.deliver = deliver;
  }

  /** Hands over all at once; for a thread that is about to end. */
  flush(moved = nothingMoved): void {
    if (this.scheduled !== null) clearImmediate(this.scheduled);
    this.scheduled = null;
    for (let batch = this.ended.shift(); batch !== undefined; batch = this.ended.shift()) {
      this.deliver(batch, nothingMoved);
    }
    if (this.batch.length === 0) return;
    const { batch } = this;
    this.batch = [];
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

const orderKinds = { run: 0, abort: 1, ping: 2 } as const;

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
      case orderKinds.ping:
        orders.ping();
        at += 1;
        break;
      default:
        throw new Error(`not an order: ${String(batch[at])}`);
    }
  }
}

const reportKinds = {
  done: 0,
  failed: 1,
  aborted: 2,
  progress: 3,
  log: 4,
  pong: 5,
  fault: 6,
  importing: 7,
  learned: 8,
  rejected: 9,
  ready: 10,
} as const;

/** Reports on their way to the node. */
export class ReportBatch extends Gatherer implements Reports {
  done(run: RunId, result: string): void {
    if (result.length > textLengthMax) {
      const units = unitsOf(result);
      this.batch.push(reportKinds.done, run, units);
      this.flush([units.buffer as ArrayBuffer]);
      return;
    }
    this.batch.push(reportKinds.done, run, result);
    this.flushSoon();
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

  pong(): void {
    this.append(reportKinds.pong);
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

/** Hears every report and does nothing; a receiver overrides those that it is there for. */
export class IgnoredReports implements Reports {
  done(_run: RunId, _result: string): void {}
  failed(_run: RunId, _name: string, _message: string, _final: boolean): void {}
  aborted(_run: RunId): void {}
  progress(_run: RunId, _value: string): void {}
  log(_run: RunId, _level: AttemptLogEntry['level'], _text: string): void {}
  pong(): void {}
  fault(_name: string, _message: string): void {}
  importing(_path: string): void {}
  learned(_path: string, _options: TaskOptions): void {}
  rejected(_path: string, _reason: string): void {}
  ready(): void {}
}

const reportLengths = [3, 5, 2, 3, 4, 1, 3, 2, 3, 3, 1] as const;

/**
 * Calls `reports` as the thread called its ReportBatch. False if there is something else in the batch: a handler can
 * reach the port and post what it likes.
 */
export function replayReports(batch: unknown, reports: Reports): boolean {
  if (!Array.isArray(batch)) return false;
  for (let at = 0; at < batch.length; ) {
    const length = reportLengths[batch[at] as number];
    if (length === undefined || at + length > batch.length) return false;
    if (batch[at] === reportKinds.done && !isText(batch[at + 2])) return false;
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

/** The units of a text in memory of its own: of a byte each where they fit, else of two. Back to text they are only copied. */
function unitsOf(text: string): TextUnits {
  if (!/[\u0100-\uffff]/.test(text)) {
    const bytes = Buffer.allocUnsafeSlow(text.length);
    bytes.write(text, 'latin1');
    return new Uint8Array(bytes.buffer);
  }
  const bytes = Buffer.allocUnsafeSlow(2 * text.length);
  bytes.write(text, 'utf16le');
  return new Uint16Array(bytes.buffer);
}

type TextUnits = Uint8Array | Uint16Array;

/** Of units a handler may have posted any number: far too many could not be made a string at all. */
function isText(value: unknown): boolean {
  if (typeof value === 'string') return true;
  const isUnits = value instanceof Uint8Array || value instanceof Uint16Array;
  return isUnits && value.length <= limits.bodyBytesMax;
}

function textOf(value: string | TextUnits): string {
  if (typeof value === 'string') return value;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return bytes.toString(value instanceof Uint8Array ? 'latin1' : 'utf16le');
}

function replayReport(batch: Batch, at: number, reports: Reports): void {
  const run = batch[at + 1] as RunId;
  const text = batch[at + 1] as string;
  const second = batch[at + 2] as string;
  switch (batch[at]) {
    case reportKinds.done:
      reports.done(run, textOf(batch[at + 2] as string | TextUnits));
      break;
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
      reports.pong();
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
