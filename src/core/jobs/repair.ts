import type { NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { type Custody, isForgotten } from './custody.js';
import type { Ledger } from './ledger.js';
import type { Placement } from './placement.js';
import type { JobRecord } from './record.js';
import type { Replicator } from './replicator.js';

export interface RepairOptions {
  readonly self: NodeId;
  readonly ledger: Ledger;
  readonly placement: Placement;
  readonly replicator: Replicator;
  readonly custody: Custody;
  /** Whether a node is a member that takes part. */
  readonly isThere: (node: NodeId) => boolean;
}

/** How many records one turn looks at, and how many changes may be on their way meanwhile: repair never crowds out work. */
const walkStep = 1_000;
const walkIntervalMs = 5;
const backlogMax = 2_000;
/** After a member came or went, so that a start of many is one walk. */
const walkDelayMs = 500;
const silenceCheckMs = 500;

/** Sees to it that each job of this node is held by as many nodes as it is to be, and by those that rank first for it. */
export class Repair {
  /** The record that the walk looks at next; null: it is over. */
  private walkAt: JobRecord | null = null;
  private walkAgain = false;
  private silenceDueMs = 0;
  private walkDueMs = Number.POSITIVE_INFINITY;

  constructor(private readonly options: RepairOptions) {}

  /** Who is there has changed: every job is looked at, a few at a time. */
  membersChanged(now: Instant): void {
    if (this.options.ledger.newest === null) return;
    this.walkDueMs = Math.min(this.walkDueMs, now.monotonicMs + walkDelayMs);
    // What the walk has passed already, it has to see again; what it has not, it must not be kept from.
    this.walkAgain = this.walkAt !== null;
  }

  tick(now: Instant): void {
    if (now.monotonicMs >= this.silenceDueMs) this.passOverSilent(now);
    if (now.monotonicMs >= this.walkDueMs) this.walk();
    if (this.walkDueMs < now.monotonicMs) this.walkDueMs = now.monotonicMs + walkIntervalMs;
  }

  nextDeadlineMs(): number {
    const silenceDueMs = this.options.replicator.backlog > 0 ? this.silenceDueMs : Number.POSITIVE_INFINITY;
    return Math.min(this.walkDueMs, silenceDueMs);
  }

  private passOverSilent(now: Instant): void {
    this.silenceDueMs = now.monotonicMs + silenceCheckMs;
    for (const { node, records } of this.options.replicator.takeSilent(now)) {
      for (const record of records)
        if (this.hasOther(record, node)) this.options.custody.refused(record, node, now, true);
    }
  }

  /** Whether another node than that one could hold the job, or own it. */
  private hasOther({ spec, holders, owner }: JobRecord, node: NodeId): boolean {
    if (owner !== this.options.self) return true;
    return this.options.placement.choose(spec.id, 1, spec.durable, [node, ...holders]).length > 0;
  }

  private walk(): void {
    const { ledger, replicator } = this.options;
    this.walkDueMs = Number.POSITIVE_INFINITY;
    let record = this.walkAt ?? ledger.newest;
    for (let count = 0; record !== null && count < walkStep && replicator.backlog < backlogMax; count++) {
      this.place(record);
      record = record.older;
    }
    this.walkAt = record;
    if (record === null && !this.walkAgain) return;
    if (record === null) this.walkAgain = false;
    this.walkDueMs = Number.NEGATIVE_INFINITY;
  }

  /** Its holders are the ones that rank first for it, of those that are there. */
  private place(record: JobRecord): void {
    const { self, placement, replicator } = this.options;
    if (record.owner !== self || isForgotten(record)) return;
    const { id, copies, durable } = record.spec;
    const wanted = placement.choose(id, copies - 1, durable);
    // A holder that is suspect is neither chosen nor given up.
    const doubted = record.holders.filter(
      (node) => node !== self && !wanted.includes(node) && placement.isDoubted(node),
    );
    // Nor is one that drains, as long as there is nobody in its place.
    const staying = record.holders.filter((node) => node !== self && this.options.isThere(node));
    const others = [...new Set([...doubted, ...wanted, ...staying])];
    const holders = [self, ...others.slice(0, Math.max(0, copies - 1))];
    if (holders.length === record.holders.length && holders.every((node) => record.holders.includes(node)))
      return;
    this.options.custody.setHolders(record, holders, true);
    replicator.changed(record);
  }
}
