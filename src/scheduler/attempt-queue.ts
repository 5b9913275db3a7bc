import type { Attempt } from './attempt.js';

/** Holds back a task whose author limited it: at most `concurrency` of its attempts are in the line or running. */
export class TaskGate {
  readonly concurrency: number;
  admitted = 0;
  readonly waiting = new PriorityHeap();

  constructor(concurrency: number) {
    this.concurrency = concurrency;
  }
}

/** An attempt's place in the line. Each is used once. */
export class QueueEntry {
  readonly priority: number;
  readonly gate: TaskGate | null;
  /** Whose place it is; set by whoever makes both. */
  attempt: Attempt | null = null;
  /** Order of arrival, which decides between equal priorities. */
  sequence = 0;
  /** The heap it stands in and where, so that it can be taken out without a search. */
  heap: PriorityHeap | null = null;
  index = 0;

  constructor(priority: number, gate: TaskGate | null) {
    this.priority = priority;
    this.gate = gate;
  }
}

/**
 * The line in which attempts wait for a place: higher priority first, then first come first served, any entry removable. All take
 * O(log n).
 *
 * Attempts of a gated task that is full wait beside the line, so they never hold a slot that others could use.
 * Once let into the line they keep their place: a gated task's newer attempt of higher priority may start after at
 * most `concurrency` older ones of its own task.
 */
export class AttemptQueue {
  private readonly line = new PriorityHeap();
  private sequence = 0;

  /** Entries in the line, those at their gates aside. */
  get size(): number {
    return this.line.size;
  }

  /** The next in line. */
  get first(): QueueEntry | undefined {
    return this.line.first;
  }

  enqueue(entry: QueueEntry): void {
    entry.sequence = this.sequence++;
    if (entry.gate !== null && entry.gate.admitted >= entry.gate.concurrency) entry.gate.waiting.push(entry);
    else this.admit(entry);
  }

  dequeue(): QueueEntry | undefined {
    return this.line.shift();
  }

  /** Takes out an entry that waits; false if it has been dequeued before. */
  withdraw(entry: QueueEntry): boolean {
    const { heap } = entry;
    if (heap === null) return false;
    heap.remove(entry);
    if (heap === this.line) this.release(entry);
    return true;
  }

  /** A dequeued entry's work has ended: lets in the next of its task. */
  release(entry: QueueEntry): void {
    const { gate } = entry;
    if (gate === null) return;
    gate.admitted--;
    const next = gate.waiting.shift();
    if (next !== undefined) this.admit(next);
  }

  private admit(entry: QueueEntry): void {
    if (entry.gate !== null) entry.gate.admitted++;
    this.line.push(entry);
  }
}

/** A binary heap of entries, each of which knows its index. */
class PriorityHeap {
  private readonly entries: QueueEntry[] = [];

  get first(): QueueEntry | undefined {
    return this.entries[0];
  }

  get size(): number {
    return this.entries.length;
  }

  push(entry: QueueEntry): void {
    entry.heap = this;
    this.entries.push(entry);
    this.rise(entry, this.entries.length - 1);
  }

  shift(): QueueEntry | undefined {
    const first = this.entries[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  remove(entry: QueueEntry): void {
    const { index } = entry;
    const last = this.entries.pop() as QueueEntry;
    entry.heap = null;
    if (last === entry) return;
    this.rise(last, index);
    if (last.index === index) this.sink(last, index);
  }

  private rise(entry: QueueEntry, from: number): void {
    let index = from;
    while (index > 0) {
      const parent = this.entries[(index - 1) >> 1] as QueueEntry;
      if (!goesBefore(entry, parent)) break;
      this.place(parent, index);
      index = (index - 1) >> 1;
    }
    this.place(entry, index);
  }

  private sink(entry: QueueEntry, from: number): void {
    const { entries } = this;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= entries.length) break;
      const right = child + 1;
      if (right < entries.length && goesBefore(entries[right] as QueueEntry, entries[child] as QueueEntry)) {
        child = right;
      }
      if (!goesBefore(entries[child] as QueueEntry, entry)) break;
      this.place(entries[child] as QueueEntry, index);
      index = child;
    }
    this.place(entry, index);
  }

  private place(entry: QueueEntry, index: number): void {
    this.entries[index] = entry;
    entry.index = index;
  }
}

function goesBefore(a: QueueEntry, b: QueueEntry): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.sequence < b.sequence);
}
