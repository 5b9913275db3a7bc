import { Fifo } from '../fifo.js';
import type { JobRecord } from './record.js';

/** A place in a line; null once its job has left, so that an empty place keeps no job's arguments. */
export interface QueuePlace {
  record: JobRecord | null;
}

/** Empty places are taken out in one pass once there are this many and they are half of the line. */
const emptyPlacesMin = 1024;

/**
 * Queued jobs that ask for the same nodes, by priority and then in order of arrival: a first-in, first-out queue for
 * each priority in use. A cancelled job leaves its place empty, and empty places are passed over.
 */
export class WaitingLine {
  private readonly queues = new Map<number, Fifo<QueuePlace>>();
  /** Priorities in use, the highest last. */
  private priorities: number[] = [];
  private count = 0;
  private empty = 0;

  /** Jobs that wait here. */
  get length(): number {
    return this.count;
  }

  /** Of the job that is first in line; -Infinity when there is none. A cancelled one's may stand for the next, which has none higher. */
  get firstPriority(): number {
    return this.priorities[this.priorities.length - 1] ?? Number.NEGATIVE_INFINITY;
  }

  push(record: JobRecord): void {
    record.place = { record };
    this.queueFor(record.spec.priority).push(record.place);
    this.count++;
  }

  /** Ahead of its equals: it had its turn already, and could not be run. */
  pushFront(record: JobRecord): void {
    record.place = { record };
    this.queueFor(record.spec.priority).pushFront(record.place);
    this.count++;
  }

  shift(): JobRecord | undefined {
    for (let queue = this.first(); queue !== undefined; queue = this.first()) {
      const place = queue.shift();
      if (place === undefined) this.dropFirst();
      else if (place.record === null) this.empty--;
      else {
        this.count--;
        place.record.place = null;
        return place.record;
      }
    }
    return undefined;
  }

  remove(record: JobRecord): void {
    if (record.place === null) return;
    record.place.record = null;
    record.place = null;
    this.count--;
    this.empty++;
    if (this.empty < emptyPlacesMin || this.empty < this.count) return;
    for (const queue of this.queues.values()) queue.retain((place) => place.record !== null);
    this.empty = 0;
  }

  private first(): Fifo<QueuePlace> | undefined {
    const priority = this.priorities[this.priorities.length - 1];
    return priority === undefined ? undefined : this.queues.get(priority);
  }

  private dropFirst(): void {
    const priority = this.priorities.pop();
    if (priority !== undefined) this.queues.delete(priority);
  }

  private queueFor(priority: number): Fifo<QueuePlace> {
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
