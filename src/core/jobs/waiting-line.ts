import { Fifo } from '../fifo.js';
import type { JobRecord } from './record.js';

/** Cancelled entries are taken out in one pass once there are this many and they are half of the line. */
const staleRecordsMin = 1024;

/**
 * Queued jobs that ask for the same nodes, by priority and then in order of arrival: a first-in, first-out queue for
 * each priority in use. A cancelled job stays where it is and is passed over.
 */
export class WaitingLine {
  private readonly queues = new Map<number, Fifo<JobRecord>>();
  /** Priorities in use, the highest last. */
  private priorities: number[] = [];
  private count = 0;
  private stale = 0;

  /** Jobs that wait here. */
  get length(): number {
    return this.count;
  }

  push(record: JobRecord): void {
    this.queueFor(record.spec.priority).push(record);
    this.count++;
  }

  /** Ahead of its equals: it had its turn already, and could not be run. */
  pushFront(record: JobRecord): void {
    this.queueFor(record.spec.priority).pushFront(record);
    this.count++;
  }

  peek(): JobRecord | undefined {
    for (;;) {
      const queue = this.first();
      if (queue === undefined) return undefined;
      const record = queue.peek();
      if (record === undefined) this.dropFirst();
      else if (record.state === 'queued') return record;
      else {
        queue.shift();
        this.stale--;
      }
    }
  }

  shift(): JobRecord | undefined {
    const record = this.peek();
    if (record === undefined) return undefined;
    this.first()?.shift();
    this.count--;
    return record;
  }

  /** A job in this line is no longer queued. */
  cancelled(): void {
    this.count--;
    this.stale++;
    if (this.stale < staleRecordsMin || this.stale < this.count) return;
    for (const queue of this.queues.values()) queue.retain((record) => record.state === 'queued');
    this.stale = 0;
  }

  private first(): Fifo<JobRecord> | undefined {
    const priority = this.priorities[this.priorities.length - 1];
    return priority === undefined ? undefined : this.queues.get(priority);
  }

  private dropFirst(): void {
    const priority = this.priorities.pop();
    if (priority !== undefined) this.queues.delete(priority);
  }

  private queueFor(priority: number): Fifo<JobRecord> {
    let queue = this.queues.get(priority);
    if (queue === undefined) {
      queue = new Fifo();
      this.queues.set(priority, queue);
      let index = this.priorities.length;
      while (index > 0 && (this.priorities[index - 1] as number) > priority) index--;
      this.priorities.splice(index, 0, priority);
    }
    return queue;
  }
}
