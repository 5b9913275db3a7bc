import PQueue from 'p-queue';
import type { Attempt } from './attempt.js';
import { AttemptQueue, type QueueEntry } from './attempt-queue.js';
import type { LentPlaces } from './lent-places.js';

/**
 * Which attempts run, and when: a p-queue of slots, each of which takes one attempt after another from the line. A slot that finds none that may
 * start is put aside until one comes. So what p-queue costs, some three microseconds, is paid once for a slot and not for each of the
 * thousands of attempts that go through it.
 */
export class AttemptSlots {
  private readonly line = new AttemptQueue();
  private readonly queue: PQueue;
  /** Slots that were asked for and have not ended; `idle`: of these, the ones that p-queue has not started. */
  private open = 0;
  private idle = 0;
  /** What ends each of those that were put aside. */
  private readonly aside: (() => void)[] = [];
  private runningCount = 0;

  /** `base`: how many run at once, those beside that are in lent places. `begin` starts one, whose end is told to `ended`. */
  constructor(
    private readonly base: number,
    private readonly places: LentPlaces,
    private readonly begin: (attempt: Attempt) => void,
  ) {
    this.queue = new PQueue({ concurrency: base });
  }

  /** Attempts that have begun. */
  get running(): number {
    return this.runningCount;
  }

  add(attempt: Attempt): void {
    this.line.enqueue(attempt.entry);
    this.openSlots();
  }

  /** Takes out one that has not begun. Another of its task may come into the line in its place, before all others. */
  withdraw({ entry }: Attempt): void {
    this.line.withdraw(entry);
    this.openSlots();
  }

  /** Its slot goes on with the next. */
  ended({ entry, release }: Attempt): void {
    this.runningCount--;
    this.line.release(entry);
    if (release !== null) this.goOn(release);
  }

  /** A place was lent, or taken back. */
  placesChanged(): void {
    this.queue.concurrency = this.openMax;
    while (this.open > this.openMax && this.aside.length > 0) this.end(this.aside.pop() as () => void);
    this.openSlots();
  }

  private get openMax(): number {
    return this.base + this.places.count;
  }

  private openSlots(): void {
    while (this.aside.length > 0 && this.mayStart(this.line.first)) this.goOn(this.aside.pop() as () => void);
    while (this.idle < this.line.size && this.open < this.openMax && this.mayStart(this.line.first)) {
      this.open++;
      this.idle++;
      void this.queue.add(this.slot);
    }
  }

  /** Called by p-queue when there is room. Never rejects. */
  private readonly slot = (): Promise<void> => {
    this.idle--;
    return new Promise((resolve) => this.goOn(resolve));
  };

  private goOn(release: () => void): void {
    const entry = this.mayStart(this.line.first) ? this.line.dequeue() : undefined;
    if (entry === undefined) {
      if (this.open > this.openMax) this.end(release);
      else this.aside.push(release);
      return;
    }
    const attempt = entry.attempt as Attempt;
    attempt.release = release;
    this.runningCount++;
    this.begin(attempt);
  }

  private end(release: () => void): void {
    this.open--;
    release();
  }

  private mayStart(first: QueueEntry | undefined): boolean {
    if (first === undefined) return false;
    return this.runningCount < this.base || this.places.hasPlaceFor(first, this.runningCount - this.base);
  }
}
