import { type Deadline, Deadlines } from '../deadlines.js';
import { Fifo } from '../fifo.js';
import type { JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobsConfig } from './config.js';
import { type JobCopy, payloadBytesOf } from './copy.js';
import type { Debt } from './debts.js';
import type { JournalLog } from './journal-log.js';

/** A job that this node holds for its owner. */
export interface Held {
  copy: JobCopy;
  /** Where it stands in this node's journal; 0: nowhere. */
  slot: number;
  /** When a finished one is forgotten. */
  expiry: Deadline<Held> | null;
  /** Somebody is being asked about it, or will be. */
  inReview: boolean;
}

export interface CopiesOptions {
  readonly config: JobsConfig;
  readonly journal: JournalLog;
}

/** What a copy costs beside its arguments and result. */
const copyBytes = 700;
/** An outcome stays this much longer than with its owner, whose clock decides. */
const expirySlackMs = 5_000;
/** So many entries of copies that are gone may stay beside as many as there are copies. */
const staleExpiriesMax = 1_024;

/** The jobs that this node holds for other owners: unfinished ones within their limits, outcomes for as long as they asked for. */
export class Copies {
  private readonly helds = new Map<JobId, Held>();
  private readonly ofOwner = new Map<NodeId, Set<Held>>();
  /** Expiries of outcomes, the oldest first. Those of copies that have left stay until their turn comes. */
  private readonly finished = new Fifo<Deadline<Held>>();
  private finishedCount = 0;
  /** Those that this node owned until others did. */
  private readonly handed = new Set<Held>();
  private readonly expiries = new Deadlines<Held>();
  private waitingBytes = 0;
  private finishedBytes = 0;

  constructor(private readonly options: CopiesOptions) {}

  get size(): number {
    return this.helds.size;
  }

  get waitingCount(): number {
    return this.helds.size - this.finishedCount;
  }

  get handedCount(): number {
    return this.handed.size;
  }

  get bytes(): number {
    return this.waitingBytes + this.finishedBytes;
  }

  get(job: JobId): Held | undefined {
    return this.helds.get(job);
  }

  values(): Iterable<Held> {
    return this.helds.values();
  }

  ownedBy(node: NodeId): Iterable<Held> {
    return this.ofOwner.get(node) ?? [];
  }

  owners(): Iterable<NodeId> {
    return this.ofOwner.keys();
  }

  /** Whether one more unfinished job with so many bytes of arguments may be held. */
  hasRoomFor(argsBytes: number): boolean {
    const { queueLengthMax, queueBytesMax } = this.options.config;
    return this.waitingCount < queueLengthMax && this.waitingBytes + argsBytes + copyBytes <= queueBytesMax;
  }

  /** Holds this state of a job from now on, in place of an earlier one. */
  put(copy: JobCopy, now: Instant, slot = 0): Held {
    const { journal } = this.options;
    let held = this.helds.get(copy.spec.id);
    if (held === undefined) {
      held = { copy, slot, expiry: null, inReview: false };
      this.helds.set(copy.spec.id, held);
    } else {
      this.unlist(held);
      held.copy = copy;
      this.handed.delete(held);
    }
    if (copy.spec.durable) held.slot = journal.write(held.slot, copy);
    this.list(held, copy.spec.ttlMs, now);
    this.dropOverLimit();
    return held;
  }

  /** A job that was this node's own, in that slot, and that it holds until its next owner says that others do. */
  putHanded(copy: JobCopy, slot: number, now: Instant): void {
    const held = this.put(copy, now, slot);
    if (this.isHere(held)) this.handed.add(held);
  }

  /** What the journal had at the start. */
  restore(slot: number, copy: JobCopy, now: Instant): Held {
    const held: Held = { copy, slot, expiry: null, inReview: false };
    this.helds.set(copy.spec.id, held);
    // Only by the wall clock would it be known for how long the node was away, and that may have jumped.
    this.list(held, copy.spec.ttlMs, now);
    return held;
  }

  remove(held: Held): void {
    this.options.journal.erase(this.take(held));
    held.slot = 0;
  }

  /** Takes it out to be owned: whoever owns it keeps its slot. */
  take(held: Held): number {
    if (this.helds.get(held.copy.spec.id) !== held) return 0;
    this.unlist(held);
    this.handed.delete(held);
    this.helds.delete(held.copy.spec.id);
    return held.slot;
  }

  isHere(held: Held): boolean {
    return this.helds.get(held.copy.spec.id) === held;
  }

  expire(nowMs: number): void {
    for (let held = this.expiries.takeDue(nowMs); held !== undefined; held = this.expiries.takeDue(nowMs)) {
      held.expiry = null;
      this.remove(held);
    }
  }

  nextExpiryMs(): number {
    return this.expiries.nextMs();
  }

  /** For how long a finished one is still to be kept. */
  leftMs({ expiry, copy }: Held, now: Instant): number {
    if (expiry === null) return copy.spec.ttlMs;
    return Math.max(0, expiry.atMs - expirySlackMs - now.monotonicMs);
  }

  private list(held: Held, leftMs: number, now: Instant): void {
    const { copy } = held;
    const owned = this.ofOwner.get(copy.owner);
    if (owned === undefined) this.ofOwner.set(copy.owner, new Set([held]));
    else owned.add(held);
    if (copy.state === 'waiting') {
      this.waitingBytes += bytesOf(copy);
      return;
    }
    this.finishedCount++;
    this.finishedBytes += bytesOf(copy);
    held.expiry = this.expiries.add(now.monotonicMs + leftMs + expirySlackMs, held);
    this.finished.push(held.expiry);
  }

  private unlist(held: Held): void {
    const { copy } = held;
    const owned = this.ofOwner.get(copy.owner);
    owned?.delete(held);
    if (owned?.size === 0) this.ofOwner.delete(copy.owner);
    if (copy.state === 'waiting') this.waitingBytes -= bytesOf(copy);
    else {
      this.finishedCount--;
      this.finishedBytes -= bytesOf(copy);
    }
    if (held.expiry !== null) this.expiries.cancel(held.expiry);
    held.expiry = null;
  }

  private dropOverLimit(): void {
    const { outcomesMax, outcomeBytesMax } = this.options.config;
    while (this.finishedCount > outcomesMax || this.finishedBytes > outcomeBytesMax) {
      const oldest = this.finished.shift();
      if (oldest === undefined) return;
      if (oldest.subject !== null) this.remove(oldest.subject);
    }
    this.forgetStale();
  }

  /** Entries of copies that are gone must not stay for long. */
  private forgetStale(): void {
    while (this.finished.peek()?.subject === null) this.finished.shift();
    if (this.finished.length > 2 * this.finishedCount + staleExpiriesMax)
      this.finished.retain(({ subject }) => subject !== null);
  }

  /** Totals counted anew, for checkers. */
  recount(): { readonly size: number; readonly bytes: number } {
    let bytes = 0;
    for (const { copy } of this.helds.values()) bytes += bytesOf(copy);
    return { size: this.helds.size, bytes };
  }

  debts(): Debt[] {
    return [
      { kind: 'unfinished copies', count: this.waitingCount, node: null },
      { kind: 'copies of jobs handed over', count: this.handed.size, node: null },
    ];
  }
}

function bytesOf(copy: JobCopy): number {
  return copyBytes + payloadBytesOf(copy);
}
