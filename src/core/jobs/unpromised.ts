import { Fifo } from '../fifo.js';
import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobRecord } from './record.js';

/** For so long such a job is its owner's alone: longer than most that are done at once take, also in a crowd. */
const unpromisedMs = 100;

interface Entry {
  readonly record: JobRecord;
  readonly dueMs: number;
}

/** New jobs that nobody has been promised yet, and when they are copied all the same. */
export class Unpromised {
  /** The first is due first. Those of jobs that have left stay until then, or until nothing else is there. */
  private readonly entries = new Fifo<Entry>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** A job is added once in its life. */
  add(record: JobRecord, now: Instant): void {
    record.isUnpromised = true;
    this.count++;
    this.entries.push({ record, dueMs: now.monotonicMs + unpromisedMs });
  }

  has(record: JobRecord): boolean {
    return record.isUnpromised;
  }

  /** Whether it was one of them. */
  remove(record: JobRecord): boolean {
    if (!record.isUnpromised) return false;
    record.isUnpromised = false;
    this.count--;
    this.dropLeft();
    return true;
  }

  /** One whose time is over, or undefined. */
  takeDue(now: Instant): JobRecord | undefined {
    const first = this.entries.peek();
    if (first === undefined || first.dueMs > now.monotonicMs) return undefined;
    this.remove(first.record);
    return first.record;
  }

  /** Those that this node is to hold. */
  heldBy(node: NodeId): JobRecord[] {
    const held: JobRecord[] = [];
    for (const { record } of this.entries)
      if (record.isUnpromised && record.holders.includes(node)) held.push(record);
    return held;
  }

  nextDeadlineMs(): number {
    return this.entries.peek()?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  private dropLeft(): void {
    for (
      let first = this.entries.peek();
      first !== undefined && !first.record.isUnpromised;
      first = this.entries.peek()
    )
      this.entries.shift();
  }
}
