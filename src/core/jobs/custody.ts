import type { JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobMessage, KeepEntry, KeepRefusal, KeepRefusalReason } from '../messages.js';
import { payloadBytes } from '../payload.js';
import { fatalError } from './attempt-ends.js';
import type { Copies, Held } from './copies.js';
import { type CopyRank, compareRanks, copyFrom, type JobCopy } from './copy.js';
import type { JournalLog } from './journal-log.js';
import type { Ledger } from './ledger.js';
import type { Owner } from './owner.js';
import type { Placement } from './placement.js';
import { addReleased, isFinished, type JobError, type JobRecord, type Waiter } from './record.js';
import { rankOf } from './record-copy.js';
import type { Replicator } from './replicator.js';
import { outcomeToSettle, recordOf } from './submission.js';
import type { Waits } from './waits.js';

type KeepMessage = Extract<JobMessage, { type: 'keep' }>;

export interface CustodyOptions {
  readonly self: NodeId;
  readonly ledger: Ledger;
  readonly copies: Copies;
  readonly owner: () => Owner;
  readonly waits: Waits;
  readonly replicator: Replicator;
  readonly placement: Placement;
  readonly journal: JournalLog;
  readonly fatalitiesMax: number;
  /** A job that this node owned, and who knows its newer state. */
  readonly deposed: (held: Held, by: NodeId) => void;
  /** It has come from an owner that is taken for dead: nothing that happens later would have it looked at. */
  readonly ownerAway: (held: Held, now: Instant) => void;
  /** Whether a node is a member that takes part. */
  readonly isThere: (node: NodeId) => boolean;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  /** Its next owner is gone, or refuses it. */
  readonly takeBack: (record: JobRecord, now: Instant) => void;
  /** Who has waited here for a job finds it again. */
  readonly moved: (record: JobRecord, waiters: readonly Waiter[], now: Instant) => void;
}

/** Which node owns a job and which ones hold it, as members come, go, and find each other again. */
export class Custody {
  /** Jobs on their way to other owners. */
  readonly handing = new Set<JobRecord>();

  constructor(private readonly options: CustodyOptions) {}

  /** An owner has news of jobs that this node is to hold. It is answered once they are stored. */
  handleKeep(from: NodeId, { seq, entries }: KeepMessage, now: Instant): void {
    const refused: KeepRefusal[] = [];
    let isDurable = false;
    for (const [index, entry] of entries.entries()) {
      const reason = seq === 0 ? this.receiveOffered(from, entry, now) : this.receive(from, entry, now);
      if (reason !== null) refused.push({ index, reason });
      if (reason === 'fenced' && seq === 0) this.tellFenced(from, entry);
      else isDurable ||= entry.type === 'update' || (entry.type === 'copy' && entry.copy.spec.durable);
    }
    const { journal, deliver } = this.options;
    const kept = (isOnDisk: boolean): void => {
      deliver(from, { type: 'kept', seq, refused: isOnDisk ? refused : refusingDurable(entries, refused) });
    };
    if (!isDurable || journal.state === 'absent') kept(true);
    else if (journal.state === 'open') journal.after(kept);
    // What is here already may be among what it has missed.
    else kept(false);
  }

  /** A state that its owner has not asked this node to hold: it matters where another one is here, and whether it is to stay the owner says. */
  private receiveOffered(from: NodeId, entry: KeepEntry, now: Instant): KeepRefusalReason | null {
    if (entry.type === 'drop') return this.receive(from, entry, now);
    if (entry.type !== 'copy') return null;
    const { ledger, copies, self } = this.options;
    const { id } = entry.copy.spec;
    if (ledger.get(id) === undefined && copies.get(id) === undefined && entry.copy.owner !== self)
      return null;
    const reason = this.merge(entry.copy, now);
    const held = copies.get(id);
    if (held !== undefined) this.options.deposed(held, from);
    return reason;
  }

  /** Whoever holds a job for this node, which doesn't own it any more, is to forget that state of it. */
  releaseHolders(copy: JobCopy, except: readonly NodeId[]): void {
    const { self, isThere, replicator } = this.options;
    for (const node of copy.holders)
      if (node !== self && !except.includes(node) && isThere(node))
        replicator.dropState(node, copy.spec.id, copy);
  }

  /** Another owner's state holds. Who holds both has this node's in its place, of which that owner knows nothing. */
  private giveUp(own: JobCopy, copy: JobCopy): void {
    const { self, isThere, replicator } = this.options;
    this.releaseHolders(own, copy.holders);
    for (const node of copy.holders)
      if (node !== self && node !== copy.owner && own.holders.includes(node) && isThere(node))
        replicator.push(node, copy);
  }

  /** Two owners, as after a partition: the one that has lost learns it from whoever they both have it held by. */
  private tellDeposed(node: NodeId, { job, rank }: { readonly job: JobId; readonly rank: CopyRank }): void {
    const { self, isThere, replicator, deliver } = this.options;
    if (node === self) return;
    if (isThere(node)) replicator.dropState(node, job, rank);
    // It is back, and not known to be: its link, if it has one, is all that can tell it.
    else deliver(node, { type: 'keep', seq: 0, entries: [{ type: 'drop', job, rank }] });
  }

  /** That node has lost this state of a job, or never heard of it. */
  private tellNewer(node: NodeId, record: JobRecord): void {
    const { replicator } = this.options;
    if (record.holders.includes(node)) replicator.again(node, record);
    else replicator.push(node, replicator.copyOf(record));
  }

  /** Nobody waits for the answer to what was only offered: it has to come by itself. */
  private tellFenced(from: NodeId, entry: KeepEntry): void {
    const { ledger, replicator, self } = this.options;
    const record = entry.type === 'copy' ? ledger.get(entry.copy.spec.id) : undefined;
    if (record === undefined || record.owner !== self) return;
    if (record.holders.includes(from)) replicator.again(from, record);
    else replicator.drop([from], record);
  }

  private receive(from: NodeId, entry: KeepEntry, now: Instant): KeepRefusalReason | null {
    const { self, copies } = this.options;
    switch (entry.type) {
      case 'copy':
        return this.merge(entry.copy, now);
      case 'update': {
        const held = copies.get(entry.job);
        const { spec, args } = held?.copy ?? this.options.ledger.get(entry.job) ?? {};
        if (spec === undefined || args === undefined) return 'lacking';
        return this.merge(copyFrom(entry.update, spec, args), now);
      }
      case 'drop': {
        const held = copies.get(entry.job);
        // Only its owner releases a holder, or a later one; from another node it is news for that owner.
        if (held !== undefined && compareRanks(held.copy, entry.rank) <= 0) {
          const isLater = entry.rank.owner === from && entry.rank.epoch > held.copy.epoch;
          if (held.copy.owner === from || isLater) {
            // Those that hold it for this node learn of the later owner from nobody else.
            if (held.copy.owner === self) this.releaseHolders(held.copy, [from]);
            copies.remove(held);
          }
          if (held.copy.owner !== from) this.tellDeposed(held.copy.owner, entry);
        }
        const record = this.options.ledger.get(entry.job);
        // The sender has taken it over from this node. Where the outcome is known here, it is to stop.
        if (record !== undefined && compareRanks(rankOf(record), entry.rank) < 0)
          this.fenced(record, entry.rank.owner, now);
        else if (record !== undefined) this.tellNewer(from, record);
        return null;
      }
    }
  }

  /** Of two states of a job the greater holds, whoever brings it. */
  merge(copy: JobCopy, now: Instant): KeepRefusalReason | null {
    const { self, ledger, copies, journal } = this.options;
    const record = ledger.get(copy.spec.id);
    const held = copies.get(copy.spec.id);
    const known = record === undefined ? held?.copy : rankOf(record);
    const order = known === undefined ? -1 : compareRanks(known, copy);
    if (order > 0) return 'fenced';
    if (order === 0) return null;
    if (copy.spec.durable && journal.state === 'failed') {
      // It can't hold the job, nor does it own it any more.
      if (record !== undefined && copy.owner !== self) this.fenced(record, copy.owner, now);
      return 'failed';
    }
    if (known === undefined && !copies.hasRoomFor(copy.args === null ? 0 : payloadBytes(copy.args)))
      return 'full';
    let slot = 0;
    const own = record === undefined ? held?.copy : this.options.replicator.copyOf(record);
    if (own?.owner === self && copy.owner !== self) this.giveUp(own, copy);
    if (record !== undefined) slot = this.supersede(record, now);
    if (copy.owner === self) {
      const before = copies.get(copy.spec.id);
      if (before !== undefined) slot = copies.take(before);
      if (before !== undefined && before.copy.owner !== self)
        this.tellDeposed(before.copy.owner, { job: copy.spec.id, rank: copy });
      const next = recordOf(copy, slot, now);
      this.own(copy, next, now);
      // Of the state that it had here, nobody else knows who holds it.
      if (record !== undefined && own !== undefined) this.releaseHolders(own, next.holders);
    } else {
      const before = held?.copy.owner ?? copy.owner;
      if (before !== copy.owner) this.tellDeposed(before, { job: copy.spec.id, rank: copy });
      const next = copies.put(copy, now);
      if (slot !== 0) journal.erase(slot);
      if (!this.options.isThere(copy.owner)) this.options.ownerAway(next, now);
    }
    return null;
  }

  /** This node goes on with a job whose owner is gone. `suspect`: its last run may have been that node's end. */
  adopt(held: Held, suspect: JobError | null, now: Instant): void {
    const { self, copies, fatalitiesMax } = this.options;
    const { copy } = held;
    const leftMs = copies.leftMs(held, now);
    const slot = copies.take(held);
    const adopted = { ...copy, owner: self, epoch: copy.epoch + 1 };
    const record = recordOf(adopted, slot, now);
    if (suspect !== null && copy.state === 'waiting') {
      // Where one that was lost before runs is known; any of the others may have run there.
      record.fatalities = copy.executor === copy.owner ? copy.fatalities + 1 : Math.max(1, copy.fatalities);
      record.error = suspect;
    }
    if (record.fatalities >= fatalitiesMax && copy.state === 'waiting')
      this.own(
        { ...adopted, state: 'failed', error: fatalError(record.fatalities, record.error) },
        record,
        now,
      );
    else this.own(adopted, record, now, leftMs);
  }

  /** Its holders are those that are to be, from now on; those that were are told once these have it. */
  own(copy: JobCopy, record: JobRecord, now: Instant, leftMs = copy.spec.ttlMs): void {
    const { self, placement } = this.options;
    const before = [...new Set(record.holders)];
    const { id, copies, durable } = record.spec;
    const chosen = placement.choose(id, copies - 1, durable);
    // One that drains, and has it, goes on holding it as long as there is nobody in its place.
    const staying = before.filter((node) => !chosen.includes(node) && placement.mayStay(node, durable));
    record.holders = [self, ...chosen, ...staying.slice(0, Math.max(0, copies - 1 - chosen.length))];
    const released = before.filter((node) => node !== self && !record.holders.includes(node));
    if (released.length > 0) record.pending = [{ type: 'released', nodes: released }];
    this.options.owner().takeOver(record, outcomeToSettle(copy), now, leftMs);
  }

  /** Another node has a newer state: this one owns it no longer. Returns the slot that it had. */
  supersede(record: JobRecord, now: Instant): number {
    const { ledger, replicator, moved } = this.options;
    this.handing.delete(record);
    replicator.forget(record);
    // Nobody else knows of these.
    const left = leavingOf(record);
    this.options.owner().release(record, now);
    ledger.withdraw(record);
    if (left.length > 0) replicator.drop(left, record);
    const { slot } = record;
    record.slot = 0;
    moved(record, this.options.waits.take(record), now);
    return slot;
  }

  /** That node knows of a newer state: this one is not the owner any more. What it has it keeps until it has heard that it may not. */
  fenced(record: JobRecord, by: NodeId, now: Instant): void {
    const { copies, replicator, journal } = this.options;
    const copy = replicator.copyOf(record);
    journal.erase(this.supersede(record, now));
    this.options.deposed(copies.put(copy, now), by);
  }

  /** It can't hold the job: another node, if there is one. `tell`: it may have it all the same, and is to forget it. */
  refused(record: JobRecord, node: NodeId, now: Instant, tell = false): void {
    const { replicator } = this.options;
    if (record.owner !== this.options.self) {
      this.options.takeBack(record, now);
      return;
    }
    const { id, copies, durable } = record.spec;
    const rest = record.holders.filter((holder) => holder !== node);
    const more = this.options.placement.choose(id, copies - rest.length, durable, [node, ...rest]);
    this.setHolders(record, [...rest, ...more], tell);
    replicator.changed(record);
  }

  /** Its process is gone. What it had not answered for goes elsewhere at once; the rest is found by the walk. */
  holderGone(node: NodeId, now: Instant): void {
    // Where another process is there already, it may have been sent some of it before this node knew that it is another one.
    const isBack = this.options.isThere(node);
    for (const record of this.options.replicator.nodeGone(node)) this.refused(record, node, now, isBack);
  }

  /** An outcome is no longer kept. */
  dropped(record: JobRecord): void {
    this.handing.delete(record);
    this.options.journal.erase(record.slot);
  }

  /** `tell`: those that were holders and are not any more are told, once the new ones have it. */
  setHolders(record: JobRecord, holders: readonly NodeId[], tell: boolean): void {
    const before = record.holders;
    let based = 0;
    for (const [position, node] of holders.entries()) {
      const earlier = before.indexOf(node);
      if (position > 0 && earlier > 0 && (record.based & (1 << earlier)) !== 0) based |= 1 << position;
    }
    record.holders = holders;
    record.based = based;
    const nodes = before.filter((node) => !holders.includes(node));
    if (!tell || nodes.length === 0) return;
    addReleased(record, nodes);
  }
}

export function isForgotten(record: JobRecord): boolean {
  return isFinished(record.state) && record.spec.ttlMs === 0;
}

/** Nodes that hold it and are to be told, once others do, that they need not. */
export function leavingOf({ pending }: JobRecord): NodeId[] {
  return (pending ?? []).flatMap((step) => (step.type === 'released' ? step.nodes : []));
}

/** The journal took none of it: what is durable is not held. */
function refusingDurable(entries: readonly KeepEntry[], refused: readonly KeepRefusal[]): KeepRefusal[] {
  const known = new Set(refused.map(({ index }) => index));
  const failed = entries.flatMap((entry, index): KeepRefusal[] =>
    known.has(index) || entry.type === 'drop' ? [] : [{ index, reason: 'failed' }],
  );
  return [...refused, ...failed];
}
