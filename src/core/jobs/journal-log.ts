import { Fifo } from '../fifo.js';
import type { Outbox } from '../outbox.js';
import { type JobCopy, payloadBytesOf } from './copy.js';
import type { Debt } from './debts.js';

/** One change of the journal: what a slot holds from now on; null: nothing. */
export interface JournalWrite {
  readonly slot: number;
  readonly copy: JobCopy | null;
}

/** Is told once all that was written before is on disk, or that it isn't. */
export type Journaled = (isOnDisk: boolean) => void;

/** Slots written in one batch at most. A batch with so many bytes takes no further one. */
const batchSlotsMax = 256;
const bytesPerBatch = 1024 * 1024;

interface Batch {
  readonly seq: number;
  readonly waiting: readonly Journaled[];
  readonly erased: readonly number[];
}

/**
 * What this node wants of its journal. Writes of one turn go out together, and only the last one of each slot; whoever has to
 * know is told when they are synced. Without a journal nothing is written, and nobody should wait.
 */
export class JournalLog {
  private lastSlot = 0;
  private lastSeq = 0;
  private readonly writes = new Map<number, JobCopy | null>();
  private waiting: Journaled[] = [];
  private readonly batches = new Fifo<Batch>();
  private takesWrites: boolean;
  private known: 'absent' | 'open' | 'failed';

  constructor(
    private readonly outbox: Outbox,
    state: 'absent' | 'open',
  ) {
    this.takesWrites = state === 'open';
    this.known = state;
  }

  /** absent: this node has none. failed: until all that it has missed is on disk, too. */
  get state(): 'absent' | 'open' | 'failed' {
    return this.known;
  }

  /** Slots up to this one are in use from an earlier start. */
  reserve(slot: number): void {
    this.lastSlot = Math.max(this.lastSlot, slot);
  }

  /** The slot that it is in; 0 where nothing can be written. */
  write(slot: number, copy: JobCopy): number {
    if (!this.takesWrites) return slot;
    const used = slot === 0 ? ++this.lastSlot : slot;
    this.writes.set(used, copy);
    return used;
  }

  erase(slot: number): void {
    if (slot === 0 || this.state === 'absent') return;
    // Also one that has failed: what it still holds it must not bring back.
    this.writes.set(slot, null);
  }

  /** `journaled` comes once all that was written before now is synced. Of what was written before a failure it says nothing until `open`. */
  after(journaled: Journaled): void {
    if (this.takesWrites) this.waiting.push(journaled);
    else journaled(false);
  }

  get wantsFlush(): boolean {
    return this.takesWrites && (this.writes.size > 0 || this.waiting.length > 0);
  }

  /** At the end of a turn. */
  flush(): void {
    if (!this.wantsFlush) return;
    const all = [...this.writes].map(([slot, copy]) => ({ slot, copy }));
    // A job that changes its slot must not be without one between two batches.
    const writes = [...all.filter(({ copy }) => copy !== null), ...all.filter(({ copy }) => copy === null)];
    this.writes.clear();
    const { waiting } = this;
    this.waiting = [];
    // One commit of all that thousands of jobs have changed in would take as much room a second time.
    for (let start = 0, isLast = false; !isLast; ) {
      const part = batchFrom(writes, start);
      start += part.length;
      isLast = start === writes.length;
      const erased = part.flatMap(({ slot, copy }) => (copy === null ? [slot] : []));
      const seq = ++this.lastSeq;
      this.batches.push({ seq, waiting: isLast ? waiting : [], erased });
      this.outbox.push({ type: 'journal', seq, writes: part });
    }
  }

  written(seq: number): void {
    for (
      let batch = this.batches.peek();
      batch !== undefined && batch.seq <= seq;
      batch = this.batches.peek()
    ) {
      this.batches.shift();
      for (const journaled of batch.waiting) journaled(true);
    }
  }

  /** Everything that is not on disk yet isn't going to be. */
  failed(): void {
    this.known = 'failed';
    this.takesWrites = false;
    const batches = [...this.batches];
    const lost = [...batches.flatMap(({ waiting }) => waiting), ...this.waiting];
    this.batches.retain(() => false);
    this.waiting = [];
    for (const [slot, copy] of this.writes) if (copy !== null) this.writes.delete(slot);
    // What is over must not come back with the next start.
    for (const { erased } of batches) for (const slot of erased) this.writes.set(slot, null);
    for (const journaled of lost) journaled(false);
  }

  /** It takes writes again, and counts as failed until it has what it has missed. */
  resume(): void {
    this.takesWrites = true;
  }

  /** It has all. */
  recovered(): void {
    this.known = 'open';
  }

  debts(): Debt[] {
    return [{ kind: 'writes to the journal', count: this.batches.length + this.writes.size, node: null }];
  }
}

/** At least one write, where one is left. */
function batchFrom(writes: readonly JournalWrite[], start: number): JournalWrite[] {
  const batch: JournalWrite[] = [];
  let bytes = 0;
  for (let at = start; at < writes.length && batch.length < batchSlotsMax && bytes < bytesPerBatch; at++) {
    const write = writes[at] as JournalWrite;
    batch.push(write);
    if (write.copy !== null) bytes += payloadBytesOf(write.copy);
  }
  return batch;
}
