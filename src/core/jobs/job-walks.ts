import type { NodeCommand } from '../commands.js';
import type { Instant } from '../instant.js';
import type { MemberRecord } from '../member.js';
import { whyNobody } from '../routing/candidates.js';
import { isoTime, statusText } from './answers.js';
import { type JobRow, takesMore } from './job-rows.js';
import type { Ledger } from './ledger.js';
import type { MemberView } from './member-view.js';
import type { JobRecord } from './record.js';
import type { Schedules } from './schedules.js';

export type ListCommand = Extract<NodeCommand, { type: 'jobs' }>;

export interface JobWalksOptions {
  readonly ledger: Ledger;
  readonly members: MemberView;
  readonly heldBack: { readonly schedules: Pick<Schedules, 'factsOf'> };
}

/** The way back through this node's records for one list. */
export interface Walk {
  readonly command: ListCommand;
  readonly whole: (rows: JobRow[], now: Instant) => void;
  readonly rows: JobRow[];
  length: number;
  /** The next record to look at; null at the end. */
  next: JobRecord | null;
}

/** Looks at records that all walks together may have in one share of work: a millisecond or two. */
const lookCountMax = 40_000;
/** How often there is a share. A list that takes several leaves most of the time to everything else. */
const shareIntervalMs = 10;
/** What a walk, a row, and the reason why a job waits cost, in looks at a record; measured with 10^5 records on Node 20. */
const walkLooks = 50;
const rowLooks = 130;
const reasonLooks = 50;

/** Lists the jobs of this node, the newest first: one walk after the other, and no more of them at a time than a node has to spare. */
export class JobWalks {
  private readonly walks = new Set<Walk>();
  private looksLeft = 0;
  private nextShareMs = Number.NEGATIVE_INFINITY;
  private isWalking = false;
  /** Why jobs with the same demands wait, and who could run them; kept for one share, as members change. */
  private readonly reasons = new Map<string, string | null>();
  private present: readonly MemberRecord[] | null = null;

  constructor(private readonly options: JobWalksOptions) {}

  /** `whole` is called once it is, which may be before this returns. */
  start(command: ListCommand, whole: Walk['whole'], now: Instant): Walk {
    const walk: Walk = { command, whole, rows: [], length: 0, next: this.options.ledger.newest };
    this.walks.add(walk);
    this.tick(now);
    return walk;
  }

  abandon(walk: Walk): void {
    this.walks.delete(walk);
  }

  tick(now: Instant): void {
    if (this.isWalking) return;
    if (now.monotonicMs >= this.nextShareMs) {
      this.looksLeft = lookCountMax;
      this.nextShareMs = now.monotonicMs + shareIntervalMs;
    }
    this.isWalking = true;
    for (const walk of this.walks) {
      if (!this.advance(walk)) break;
      this.walks.delete(walk);
      walk.whole(walk.rows, now);
    }
    this.isWalking = false;
    this.reasons.clear();
    this.present = null;
  }

  nextDeadlineMs(): number {
    return this.walks.size > 0 ? this.nextShareMs : Number.POSITIVE_INFINITY;
  }

  /** Whether the list is whole; else the share is used up. */
  private advance(walk: Walk): boolean {
    const { command, rows } = walk;
    for (this.looksLeft -= walkLooks; this.looksLeft > 0; this.looksLeft--) {
      const record = walk.next;
      if (record === null || !takesMore({ count: rows.length, length: walk.length }, command.limit))
        return true;
      walk.next = record.older;
      if (!this.isWanted(record, command)) continue;
      const row = this.rowOf(record);
      rows.push(row);
      walk.length += row.text.length;
      this.looksLeft -= rowLooks;
    }
    return false;
  }

  private isWanted(record: JobRecord, { state, task, schedules }: ListCommand): boolean {
    if (schedules && record.spec.cron === null) return false;
    if (state !== null && record.state !== state) return false;
    if (task !== null && record.spec.task !== task) return false;
    // It may have gone since the walk came to it.
    return this.options.ledger.get(record.spec.id) === record;
  }

  private rowOf(record: JobRecord): JobRow {
    const { members, heldBack } = this.options;
    const text = statusText(record, members, heldBack.schedules, () => this.reasonFor(record));
    return { createdAt: isoTime(record.spec.createdAtMs), text };
  }

  private reasonFor(record: JobRecord): string | null {
    const { task, on, node } = record.spec;
    const demand = JSON.stringify([task, node, on]);
    let reason = this.reasons.get(demand);
    if (reason === undefined) {
      this.present ??= [...this.options.members.all()];
      reason = whyNobody(record.spec, this.present);
      this.reasons.set(demand, reason);
      this.looksLeft -= reasonLooks + this.present.length;
    }
    return reason;
  }
}
