import type { InstanceId, JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import type { JobMessage, KeepEntry } from '../messages.js';
import type { CopyRank, JobCopy } from './copy.js';
import { type Debt, debtsByNode } from './debts.js';
import type { JournalLog } from './journal-log.js';
import type { Reach } from './reach.js';
import type { JobRecord } from './record.js';
import { bytesToCopy, copyOf, rankOf } from './record-copy.js';
import { Unpromised } from './unpromised.js';

type KeptMessage = Extract<JobMessage, { type: 'kept' }>;

/** One thing that a holder was told and has not answered. */
type Sent =
  | { readonly type: 'change'; readonly record: JobRecord; readonly change: number }
  | { readonly type: 'drop'; readonly job: JobId; readonly rank: Rank };

/** A job's rank by the time that it is sent. */
type Rank = () => CopyRank;

interface Batch {
  readonly sent: readonly Sent[];
  readonly bytes: number;
}

/** What one holder has to be told. */
interface Holder {
  readonly changed: Set<JobRecord>;
  /** Jobs that it is to forget, as far as it has no newer state than this node. */
  readonly drops: Map<JobId, Rank>;
  readonly batches: Map<number, Batch>;
  bytesOnTheWay: number;
  /** Since when it has answered nothing, while there is something to answer; Infinity: there is nothing. */
  silentSinceMs: number;
  hasContact: boolean;
}

export interface ReplicatorOptions {
  readonly self: NodeId;
  readonly instance: InstanceId;
  readonly journal: JournalLog;
  readonly reach: Reach;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  /** All holders have the latest change. `isOnDisk`: this node's own journal, too, if the job asks for that. */
  readonly reached: (record: JobRecord, isOnDisk: boolean) => void;
  /** That node can't hold the job: another one is needed. */
  readonly refused: (record: JobRecord, node: NodeId) => void;
  /** That node has a newer state of the job: it isn't this node's any more. */
  readonly fenced: (record: JobRecord, node: NodeId) => void;
  /** Whether a node is a member, there or not: of all others nothing is kept. */
  readonly isMember: (node: NodeId) => boolean;
  /** Whether the record is this node's still. */
  readonly isHere: (record: JobRecord) => boolean;
}

/**
 * Entries of a batch beyond this many bytes wait for the next one; the one that goes over it is in it still. A batch of small jobs so
 * fits in one frame, which costs a quarter of what a message in chunks does.
 */
const batchBytesMax = 48 * 1024;
const entryBytes = 300;

/**
 * Brings every change of this node's jobs to their holders, and to its own journal. What is sent is the job as it stands then,
 * and not each change: so a job is in line for a holder once, however often it changes, and may be sent again at any time.
 */
export class Replicator {
  private readonly holders = new Map<NodeId, Holder>();
  private readonly unpromised = new Unpromised();
  private lastSeq = 0;

  constructor(private readonly options: ReplicatorOptions) {}

  /** The record has changed: `reached` comes once all that hold it know, at once where nobody else does. */
  changed(record: JobRecord): void {
    this.unpromised.remove(record);
    this.count(record);
    this.spread(record);
    if (record.owner === this.options.self && !record.spec.durable && record.missing === 0)
      this.options.reached(record, true);
  }

  /**
   * A new job whose client is told nothing before its outcome. Most end soon, and then the outcome is all that is copied, and written: so
   * the job itself is only once it has taken some time.
   */
  begun(record: JobRecord, now: Instant): void {
    this.count(record);
    if (record.missing !== 0) this.unpromised.add(record, now);
  }

  /** True where nobody else has heard of the job yet: from now on nobody will. */
  withhold(record: JobRecord): boolean {
    if (!this.unpromised.remove(record)) return false;
    record.change++;
    record.missing = 0;
    return true;
  }

  tick(now: Instant): void {
    for (
      let record = this.unpromised.takeDue(now);
      record !== undefined;
      record = this.unpromised.takeDue(now)
    )
      this.spread(record);
  }

  nextDeadlineMs(): number {
    return this.unpromised.nextDeadlineMs();
  }

  /** A new change, which none of its holders has. */
  private count(record: JobRecord): void {
    record.change++;
    const { self } = this.options;
    const holders = ((1 << record.holders.length) - 1) & ~1;
    // A job that is handed over is told to its next owner alone, who tells the rest.
    record.missing = record.owner === self ? holders | (record.spec.durable ? 1 : 0) : 1;
  }

  private spread(record: JobRecord): void {
    const isOwn = record.owner === this.options.self;
    const end = isOwn ? record.holders.length : 1;
    for (let position = isOwn ? 1 : 0; position < end; position++)
      this.tell(record.holders[position] as NodeId, record);
    if (isOwn && record.spec.durable) this.writeDown(record);
  }

  private tell(node: NodeId, record: JobRecord): void {
    const { reach } = this.options;
    const holder = this.holder(node);
    holder.changed.add(record);
    if (!holder.hasContact && reach.isSparse()) reach.want(node);
  }

  /** Where it is durable, this node's journal is one of those that have to have it: position 0. */
  private writeDown(record: JobRecord): void {
    const { journal } = this.options;
    record.slot = journal.write(record.slot, this.copyOf(record));
    const { change } = record;
    journal.after((isOnDisk) => {
      if (record.change === change) this.oneReached(record, 0, isOnDisk);
    });
  }

  /** It holds this job no longer. */
  drop(nodes: readonly NodeId[], record: JobRecord): void {
    for (const node of nodes) {
      if (node === this.options.self || !this.options.isMember(node)) continue;
      const holder = this.holder(node);
      holder.changed.delete(record);
      if (holder.drops.size < dropsMax) holder.drops.set(record.spec.id, () => rankOf(record));
    }
  }

  /** This state of a job has been overtaken: whoever owns or holds it for this node is to know. */
  dropState(node: NodeId, job: JobId, rank: CopyRank): void {
    const holder = this.holder(node);
    if (holder.drops.size < dropsMax) holder.drops.set(job, () => rank);
  }

  /** The job is this node's no longer: nothing more is told of it. */
  forget(record: JobRecord): void {
    this.unpromised.remove(record);
    for (const node of record.holders) this.holders.get(node)?.changed.delete(record);
    record.change++;
  }

  /** The holder has not got it, or an older state. */
  again(node: NodeId, record: JobRecord): void {
    const index = record.holders.indexOf(node);
    // What is promised to nobody, no holder lacks.
    if (index <= 0 || this.unpromised.has(record)) return;
    record.based &= ~(1 << index);
    const holder = this.holder(node);
    if (holder.changed.has(record)) return;
    // Not counted as missing: it was reached, or is on its way still.
    holder.changed.add(record);
  }

  /** Tells a node of a state that it seems not to have; should that be lost, somebody asks again. */
  push(node: NodeId, copy: JobCopy): void {
    this.options.deliver(node, { type: 'keep', seq: 0, entries: [{ type: 'copy', copy }] });
  }

  contactOpened(node: NodeId): void {
    const holder = this.holder(node);
    holder.hasContact = true;
    this.rewind(holder);
  }

  contactLost(node: NodeId): void {
    const holder = this.holders.get(node);
    if (holder === undefined) return;
    holder.hasContact = false;
    this.rewind(holder);
    this.settle(node, holder);
    if (this.waitsFor(node) && this.options.reach.isSparse()) this.options.reach.want(node);
  }

  /** Its process is gone, and with it what it was told, for all that is known here: the jobs whose latest change it has not. */
  nodeGone(node: NodeId): JobRecord[] {
    const unpromised = this.unpromised.heldBy(node);
    const holder = this.holders.get(node);
    if (holder === undefined) return unpromised;
    this.rewind(holder);
    const { isHere } = this.options;
    const records = [...holder.changed, ...unpromised].filter((record) => isHere(record));
    holder.changed.clear();
    holder.drops.clear();
    if (!holder.hasContact) this.holders.delete(node);
    return records;
  }

  /** Nobody expects it back. */
  forgetNode(node: NodeId): void {
    this.holders.get(node)?.drops.clear();
    if (this.holders.get(node)?.hasContact === false) this.holders.delete(node);
  }

  waitsFor(node: NodeId): boolean {
    const holder = this.holders.get(node);
    return (
      holder !== undefined && (holder.changed.size > 0 || holder.drops.size > 0 || holder.batches.size > 0)
    );
  }

  /** Changes that are not everywhere yet. */
  get backlog(): number {
    let count = 0;
    for (const { changed, batches } of this.holders.values()) count += changed.size + batches.size;
    return count;
  }

  handleKept(from: NodeId, { seq, refused }: KeptMessage): void {
    const holder = this.holders.get(from);
    const batch = holder?.batches.get(seq);
    // An answer to what has been sent again since.
    if (holder === undefined || batch === undefined) return;
    holder.batches.delete(seq);
    holder.bytesOnTheWay -= batch.bytes;
    holder.silentSinceMs = Number.POSITIVE_INFINITY;
    const reasons = new Map(refused.map(({ index, reason }) => [index, reason]));
    for (const [index, sent] of batch.sent.entries()) {
      if (sent.type === 'drop' || !this.options.isHere(sent.record)) continue;
      const { record } = sent;
      const position = record.holders.indexOf(from);
      switch (reasons.get(index)) {
        case undefined:
          if (position > 0) record.based |= 1 << position;
          if (record.change === sent.change && position >= 0) this.oneReached(record, position, true);
          break;
        case 'lacking':
          if (position > 0) record.based &= ~(1 << position);
          if (position >= 0) holder.changed.add(record);
          break;
        case 'fenced':
          this.options.fenced(record, from);
          break;
        default:
          if (position >= 0) this.options.refused(record, from);
      }
    }
    this.settle(from, holder);
  }

  /** Holders that have long answered nothing, and the jobs that wait for them: with another one they would be done. */
  takeSilent(now: Instant): { readonly node: NodeId; readonly records: JobRecord[] }[] {
    const silent: { node: NodeId; records: JobRecord[] }[] = [];
    for (const [node, holder] of this.holders) {
      const isWaiting = holder.changed.size > 0 || holder.batches.size > 0;
      if (!isWaiting) holder.silentSinceMs = Number.POSITIVE_INFINITY;
      else if (holder.silentSinceMs === Number.POSITIVE_INFINITY) holder.silentSinceMs = now.monotonicMs;
      else if (now.monotonicMs >= holder.silentSinceMs + silentMs) {
        holder.silentSinceMs = now.monotonicMs;
        const records = new Set(holder.changed);
        for (const { sent } of holder.batches.values())
          for (const each of sent) if (each.type === 'change') records.add(each.record);
        // One that another node owns by now must not be told of any more.
        const isOpen = (record: JobRecord): boolean => record.missing !== 0 && this.options.isHere(record);
        silent.push({ node, records: [...records].filter(isOpen) });
      }
    }
    return silent;
  }

  get wantsFlush(): boolean {
    for (const holder of this.holders.values()) if (canSend(holder)) return true;
    return false;
  }

  /** At the end of a turn. */
  flush(): void {
    for (const [node, holder] of this.holders) {
      while (canSend(holder)) this.sendBatch(node, holder);
    }
  }

  /** All that a holder, or the journal, has to know of a job. */
  copyOf(record: JobRecord): JobCopy {
    return copyOf(record, this.options.instance);
  }

  private sendBatch(node: NodeId, holder: Holder): void {
    const entries: KeepEntry[] = [];
    const sent: Sent[] = [];
    let bytes = 0;
    for (const [job, rank] of holder.drops) {
      if (entries.length >= limits.keepEntriesMax) break;
      holder.drops.delete(job);
      entries.push({ type: 'drop', job, rank: rank() });
      sent.push({ type: 'drop', job, rank });
    }
    for (const record of holder.changed) {
      if (entries.length >= limits.keepEntriesMax || bytes >= batchBytesMax) break;
      holder.changed.delete(record);
      const position = record.holders.indexOf(node);
      // It may be no holder any more since it was in line, or on its way on a link that broke.
      if (position < 0 || !this.options.isHere(record)) continue;
      const isBased = position > 0 && (record.based & (1 << position)) !== 0;
      if (isBased) entries.push({ type: 'update', job: record.spec.id, update: this.copyOf(record) });
      else entries.push({ type: 'copy', copy: this.copyOf(record) });
      bytes += entryBytes + bytesToCopy(record, isBased);
      sent.push({ type: 'change', record, change: record.change });
    }
    const seq = ++this.lastSeq;
    holder.batches.set(seq, { sent, bytes });
    holder.bytesOnTheWay += bytes;
    this.options.deliver(node, { type: 'keep', seq, entries });
  }

  private oneReached(record: JobRecord, position: number, isOnDisk: boolean): void {
    const bit = 1 << position;
    if ((record.missing & bit) === 0) return;
    record.missing &= ~bit;
    if (position === 0 && record.isUnwritten === isOnDisk) record.isUnwritten = !isOnDisk;
    if (!isOnDisk || record.missing === 0) this.options.reached(record, isOnDisk);
  }

  /** What was on its way may be lost: it goes out again, as it stands by then. */
  private rewind(holder: Holder): void {
    for (const { sent } of holder.batches.values()) {
      for (const each of sent) {
        if (each.type === 'drop') holder.drops.set(each.job, each.rank);
        else if (this.options.isHere(each.record)) holder.changed.add(each.record);
      }
    }
    holder.batches.clear();
    holder.bytesOnTheWay = 0;
  }

  /** Of a node without a link, nothing is kept that isn't for it. */
  private settle(node: NodeId, holder: Holder): void {
    if (!holder.hasContact && !this.waitsFor(node)) this.holders.delete(node);
  }

  private holder(node: NodeId): Holder {
    let holder = this.holders.get(node);
    if (holder === undefined) {
      holder = {
        changed: new Set(),
        drops: new Map(),
        batches: new Map(),
        bytesOnTheWay: 0,
        silentSinceMs: Number.POSITIVE_INFINITY,
        hasContact: false,
      };
      this.holders.set(node, holder);
    }
    return holder;
  }

  debts(): Debt[] {
    return [
      { kind: 'new jobs to copy', count: this.unpromised.size, node: null },
      ...debtsByNode('changes to copy', this.holders, ({ changed, drops }) => changed.size + drops.size),
      ...debtsByNode('changes on their way', this.holders, ({ batches }) => batches.size),
      ...debtsByNode('bytes on their way to holders', this.holders, ({ bytesOnTheWay }) => bytesOnTheWay),
    ];
  }
}

function canSend({ hasContact, changed, drops, bytesOnTheWay, batches }: Holder): boolean {
  return (
    hasContact &&
    (changed.size > 0 || drops.size > 0) &&
    bytesOnTheWay < limits.linkWindowBytes &&
    batches.size < batchesMax
  );
}

/** A holder that answers nothing for so long is passed over, where there is another one. */
const silentMs = 3_000;
/** Jobs that one node is to forget. What is over it, the node asks about when it is back. */
const dropsMax = 100_000;
/** Batches that one holder has not answered. */
const batchesMax = 64;
