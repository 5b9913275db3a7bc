import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobRecord } from './record.js';

/** For so long such a job is its owner's alone: longer than most that are done at once take, also in a crowd. */
const unpromisedMs = 100;

/** New jobs that nobody has been promised yet, and when they are copied all the same. */
export class Unpromised {
  /** The first is due first. */
  private readonly dueMs = new Map<JobRecord, number>();

  get size(): number {
    return this.dueMs.size;
  }

  add(record: JobRecord, now: Instant): void {
    this.dueMs.set(record, now.monotonicMs + unpromisedMs);
  }

  has(record: JobRecord): boolean {
    return this.dueMs.has(record);
  }

  /** Whether it was one of them. */
  remove(record: JobRecord): boolean {
    return this.dueMs.delete(record);
  }

  /** One whose time is over, or undefined. */
  takeDue(now: Instant): JobRecord | undefined {
    for (const [record, dueMs] of this.dueMs) {
      if (dueMs > now.monotonicMs) return undefined;
      this.dueMs.delete(record);
      return record;
    }
    return undefined;
  }

  /** Those that this node is to hold. */
  heldBy(node: NodeId): JobRecord[] {
    return [...this.dueMs.keys()].filter(({ holders }) => holders.includes(node));
  }

  nextDeadlineMs(): number {
    for (const dueMs of this.dueMs.values()) return dueMs;
    return Number.POSITIVE_INFINITY;
  }
}
