import { Fifo } from '../core/fifo.js';
import { limits } from '../core/limits.js';
import { largeBytesOf } from './thread-messages.js';

/**
 * What threads have reported, in order, and no more of it in a turn of the event loop than is looked at in a few milliseconds:
 * a port hands over all that has come in one turn, and sixty large results at once would let no heartbeat through.
 */
export class ReportLine<Thread> {
  private readonly take: (thread: Thread, batch: unknown) => void;
  private readonly waiting = new Fifo<{ readonly thread: Thread; readonly batch: unknown }>();
  /** Large text that was looked at in this turn. */
  private bytes = 0;
  private isTurnSet = false;

  constructor(take: (thread: Thread, batch: unknown) => void) {
    this.take = take;
  }

  add(thread: Thread, batch: unknown): void {
    if (this.waiting.length > 0 || this.bytes >= limits.turnBytes) this.waiting.push({ thread, batch });
    else this.takeOne(thread, batch);
  }

  /** Takes at once what a thread has reported that is no more. */
  finish(thread: Thread): void {
    const left = [...this.waiting].filter((one) => one.thread === thread);
    this.waiting.retain((one) => one.thread !== thread);
    for (const { batch } of left) this.take(thread, batch);
  }

  private takeOne(thread: Thread, batch: unknown): void {
    this.bytes += largeBytesOf(batch);
    if (this.bytes > 0 && !this.isTurnSet) {
      this.isTurnSet = true;
      setImmediate(() => this.turn());
    }
    this.take(thread, batch);
  }

  private turn(): void {
    this.isTurnSet = false;
    this.bytes = 0;
    while (this.bytes < limits.turnBytes) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.takeOne(next.thread, next.batch);
    }
  }
}
