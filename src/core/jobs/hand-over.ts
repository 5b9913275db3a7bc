import type { InstanceId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import type { Copies } from './copies.js';
import { type Custody, isForgotten, leavingOf } from './custody.js';
import type { Debt } from './debts.js';
import type { JournalLog } from './journal-log.js';
import type { Ledger } from './ledger.js';
import { isThere, type MemberView } from './member-view.js';
import type { Owner } from './owner.js';
import type { Placement } from './placement.js';
import { isFinished, type JobRecord } from './record.js';
import { copyOf } from './record-copy.js';
import type { Replicator } from './replicator.js';
import { recordOf } from './submission.js';

export interface HandOverOptions {
  readonly self: NodeId;
  readonly instance: InstanceId;
  readonly members: MemberView;
  readonly ledger: Ledger;
  readonly copies: Copies;
  readonly owner: () => Owner;
  readonly replicator: Replicator;
  readonly placement: Placement;
  readonly journal: JournalLog;
  readonly custody: Custody;
}

export interface HandedJobs {
  readonly onlyDurable: boolean;
  readonly running: boolean;
}

/** Jobs on their way to other owners; the next ones go soon. */
const handingMax = 10_000;
const intervalMs = 50;
/** Where there was nothing to hand over, or nobody to take it. A disk may be broken for days. */
const idleIntervalMs = 1_000;

/** Jobs that this node can't answer for any more go to other owners: it drains, leaves, or can't write them down. */
export class HandOver {
  private drainDueMs = Number.POSITIVE_INFINITY;
  private failedDueMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: HandOverOptions) {}

  /** Whether another node could own this one's jobs. */
  get hasHeirs(): boolean {
    return this.options.placement.othersFor(false) > 0;
  }

  get handingCount(): number {
    return this.options.custody.handing.size;
  }

  /** Whether unfinished jobs of others are held here that these are about to have held elsewhere, so that this node should not go yet. */
  get isHolding(): boolean {
    const { copies, members, placement } = this.options;
    if (copies.handedCount > 0) return true;
    // Outcomes stay with their other holders.
    for (const { copy } of copies.values())
      if (
        copy.state === 'waiting' &&
        placement.othersFor(copy.spec.durable) >= copy.spec.copies &&
        isThere(members, copy.owner)
      )
        return true;
    return false;
  }

  /** While it drains, jobs that don't run go to other owners. */
  setDraining(draining: boolean, now: Instant): void {
    this.drainDueMs = draining ? now.monotonicMs : Number.POSITIVE_INFINITY;
  }

  tick(now: Instant): void {
    if (now.monotonicMs >= this.drainDueMs) {
      this.drainDueMs = now.monotonicMs + intervalMs;
      this.begin(now, { onlyDurable: false, running: false });
    }
    if (this.options.journal.state === 'failed' && now.monotonicMs >= this.failedDueMs) {
      const count = this.begin(now, { onlyDurable: true, running: true });
      const isIdle = count === 0 && this.handingCount === 0;
      this.failedDueMs = now.monotonicMs + (isIdle ? idleIntervalMs : intervalMs);
    }
  }

  nextDeadlineMs(): number {
    return this.options.journal.state === 'failed'
      ? Math.min(this.drainDueMs, this.failedDueMs)
      : this.drainDueMs;
  }

  /** Others own them from now on. Those that run go on here, unless `running` is asked for. Returns how many there were. */
  begin(now: Instant, what: HandedJobs): number {
    const { self, ledger } = this.options;
    let room = handingMax - this.handingCount;
    let count = 0;
    if (room <= 0) return count;
    for (const record of ledger.values()) {
      if (record.owner !== self || isForgotten(record)) continue;
      if (what.onlyDurable && !record.spec.durable) continue;
      // Whoever waits to hear that the job is kept, hears it first.
      if (!what.running && (record.state === 'running' || record.missing !== 0)) continue;
      // Whoever holds an outcome owns it once this node is gone.
      if (isFinished(record.state)) continue;
      if (this.hand(record, now)) count++;
      if (--room === 0) break;
    }
    return count;
  }

  private hand(record: JobRecord, now: Instant): boolean {
    const { placement, replicator, custody } = this.options;
    const { id, durable } = record.spec;
    const holder = record.holders.find((node, index) => index > 0 && placement.mayKeep(node, durable));
    const next = holder ?? placement.choose(id, 1, durable)[0] ?? placement.choose(id, 1, false)[0];
    if (next === undefined) return false;
    const { outcome, holders: before, missing } = record;
    const left = leavingOf(record).filter((node) => !before.includes(node));
    this.options.owner().release(record, now);
    record.outcome = outcome;
    record.owner = next;
    record.epoch++;
    record.holders = [...new Set([next, ...before, ...left])].slice(0, limits.copiesMax);
    record.based = havingOf(record.holders, before, missing);
    record.pending = [{ type: 'handed' }];
    custody.handing.add(record);
    replicator.changed(record);
    return true;
  }

  /** The next owner has it. Its other holders may not yet: until they do, and it says so, this node is one of them. */
  handed(record: JobRecord, now: Instant): void {
    const { instance: own, members, copies, custody } = this.options;
    // The process that has it: from now on it is the one that may say that the job is over.
    const instance = members.get(record.owner)?.instance ?? own;
    const copy = copyOf(record, instance);
    copies.putHanded(copy, custody.supersede(record, now), now);
  }

  /** Its next owner is gone, or refuses it. If all are full, they are not asked again at once. */
  takeBack(record: JobRecord, now: Instant): void {
    const { self, replicator, custody } = this.options;
    const copy = replicator.copyOf(record);
    const slot = custody.supersede(record, now);
    const back = { ...copy, owner: self, epoch: copy.epoch + 1 };
    custody.own(back, recordOf(back, slot, now), now);
    this.failedDueMs = Math.max(this.failedDueMs, now.monotonicMs + idleIntervalMs);
  }

  debts(): Debt[] {
    return [{ kind: 'jobs handed over', count: this.handingCount, node: null }];
  }
}

/** Which of these nodes have the latest state of a job: bits by their position. */
function havingOf(holders: readonly NodeId[], before: readonly NodeId[], missing: number): number {
  let having = 0;
  for (const [position, node] of holders.entries()) {
    const earlier = before.indexOf(node);
    if (earlier >= 0 && (missing & (1 << earlier)) === 0) having |= 1 << position;
  }
  return having;
}
