import { Fifo } from '../core/fifo.js';
import type { RunId } from '../core/ids.js';
import type { Payload } from '../core/payload.js';
import type { Reply } from '../core/reply.js';
import type { Orders, Reports } from './thread-messages.js';

type RunOrder = Parameters<Orders['run']>;

/**
 * Handlers that have kept the loop for longer have the next one wait for the loop to turn. A turn costs some hundred microseconds, here and
 * in the node.
 */
const turnMsMax = 10;

/**
 * Begins the runs of a batch one after the other, and lets the loop turn where they have kept it: what those have come to goes out,
 * and pings and stops are heard, before the next begins. Without this a batch of handlers that compute would be over at
 * once, and nobody would hear of any before the last.
 */
export class PacedOrders implements Orders {
  /** In order; some may have been stopped meanwhile. */
  private readonly waiting = new Fifo<RunOrder>();
  private readonly stopped = new Set<RunId>();
  private isPausing = false;
  private beganAtMs = 0;

  constructor(
    private readonly host: Orders,
    private readonly reports: Pick<Reports, 'aborted'>,
  ) {}

  /** A batch has come. */
  begin(): void {
    this.beganAtMs = performance.now();
  }

  run(run: RunId, job: string, attempt: number, task: string, args: Payload): void {
    if (this.isPausing) this.waiting.push([run, job, attempt, task, args]);
    else this.start(run, job, attempt, task, args);
  }

  abort(run: RunId): void {
    if (this.isWaiting(run)) this.stopped.add(run);
    else this.host.abort(run);
  }

  room(run: RunId, upTo: number): void {
    this.host.room(run, upTo);
  }

  answer(run: RunId, call: number, reply: Reply): void {
    this.host.answer(run, call, reply);
  }

  ping(): void {
    this.host.ping();
  }

  private start(run: RunId, job: string, attempt: number, task: string, args: Payload): void {
    this.host.run(run, job, attempt, task, args);
    if (performance.now() - this.beganAtMs > turnMsMax) this.pause();
  }

  /** Two turns of the loop: what is to go out at the end of this one goes before the next run begins. */
  private pause(): void {
    this.isPausing = true;
    setImmediate(() => setImmediate(() => this.goOn()));
  }

  private goOn(): void {
    this.isPausing = false;
    this.begin();
    while (!this.isPausing) {
      const order = this.waiting.shift();
      if (order === undefined) return;
      if (this.stopped.delete(order[0])) this.reports.aborted(order[0]);
      else this.start(...order);
    }
  }

  private isWaiting(run: RunId): boolean {
    for (const [waiting] of this.waiting) if (waiting === run) return true;
    return false;
  }
}
