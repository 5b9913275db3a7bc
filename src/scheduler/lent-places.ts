import type { QueueEntry } from './attempt-queue.js';

/**
 * The places of attempts that wait for jobs which they have begun. Such a place is for an attempt of a higher priority than theirs, as that of a job
 * that one waits for is: so whatever waits for whatever, the job that the highest one waits for has a place, and no node fills with jobs
 * that only wait.
 */
export class LentPlaces {
  private readonly counts = new Map<number, number>();
  count = 0;

  lend(priority: number): void {
    this.counts.set(priority, (this.counts.get(priority) ?? 0) + 1);
    this.count++;
  }

  takeBack(priority: number): void {
    const left = (this.counts.get(priority) ?? 0) - 1;
    if (left > 0) this.counts.set(priority, left);
    else this.counts.delete(priority);
    this.count--;
  }

  /** `taken`: attempts that run beyond the places that there are. */
  hasPlaceFor({ priority }: QueueEntry, taken: number): boolean {
    let lent = 0;
    for (const [lender, count] of this.counts) if (lender < priority) lent += count;
    return lent > taken;
  }
}
