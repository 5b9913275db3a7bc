/** Something to be done at a moment; cancelled by `Deadlines.cancel`, never by taking it out of the heap. */
export interface Deadline<Subject> {
  readonly atMs: number;
  /** Null once it is over: a cancelled entry may stay in the heap for long, and must not keep what it was for. */
  subject: Subject | null;
}

/** Below this many cancelled entries a rebuild is not worth its pass over the heap. */
const staleCountMin = 1024;

/**
 * Deadlines as data: a binary heap on `atMs`. Cancelling marks an entry and leaves it where it is; once more than
 * half of the heap is such entries it is rebuilt, so a million cancelled deadlines cost no memory for long.
 */
export class Deadlines<Subject> {
  private heap: Deadline<Subject>[] = [];
  private stale = 0;

  get size(): number {
    return this.heap.length - this.stale;
  }

  add(atMs: number, subject: Subject): Deadline<Subject> {
    const entry: Deadline<Subject> = { atMs, subject };
    this.heap.push(entry);
    this.siftUp(this.heap.length - 1);
    return entry;
  }

  cancel(entry: Deadline<Subject>): void {
    if (entry.subject === null) return;
    entry.subject = null;
    this.stale++;
    if (this.stale > staleCountMin && this.stale * 2 > this.heap.length) this.rebuild();
  }

  /** The earliest deadline, or Infinity. */
  nextMs(): number {
    this.dropCancelled();
    return this.heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** The next subject whose deadline is not after `nowMs`, or undefined. */
  takeDue(nowMs: number): Subject | undefined {
    this.dropCancelled();
    const first = this.heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.removeFirst();
    const { subject } = first;
    // A later cancel of what has been taken must not be counted as stale.
    first.subject = null;
    return subject as Subject;
  }

  private dropCancelled(): void {
    while (this.heap[0]?.subject === null) {
      this.removeFirst();
      this.stale--;
    }
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.siftDown(0);
  }

  private rebuild(): void {
    this.heap = this.heap.filter(({ subject }) => subject !== null);
    this.stale = 0;
    for (let index = (this.heap.length >> 1) - 1; index >= 0; index--) this.siftDown(index);
  }

  private siftUp(start: number): void {
    const heap = this.heap;
    const entry = heap[start] as Deadline<Subject>;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Deadline<Subject>;
      if (above.atMs <= entry.atMs) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  private siftDown(start: number): void {
    const heap = this.heap;
    const entry = heap[start] as Deadline<Subject>;
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && right.atMs < (heap[child] as Deadline<Subject>).atMs) child++;
      const below = heap[child] as Deadline<Subject>;
      if (below.atMs >= entry.atMs) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = entry;
  }
}
