import type { InstanceId, JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JournalState, MemberRecord } from '../member.js';
import type { AttemptKey, JobMessage } from '../messages.js';
import type { Outbox } from '../outbox.js';
import { AbsentNodes } from './absent-nodes.js';
import type { Asks } from './asks.js';
import type { JobsConfig } from './config.js';
import { Copies } from './copies.js';
import { compareRanks, type JobCopy } from './copy.js';
import { Custody } from './custody.js';
import type { Debt } from './debts.js';
import type { Dispatcher } from './dispatcher.js';
import { Doubt } from './doubt.js';
import { HandOver } from './hand-over.js';
import { Inquiries } from './inquiries.js';
import type { JobsEvent } from './jobs-contract.js';
import { JournalLog } from './journal-log.js';
import { Ledger } from './ledger.js';
import { isThere, type MemberView } from './member-view.js';
import { MissedWrites } from './missed-writes.js';
import type { Owner } from './owner.js';
import { Placement } from './placement.js';
import type { Reach } from './reach.js';
import type { JobRecord, Waiter } from './record.js';
import { Repair } from './repair.js';
import { Replicator } from './replicator.js';
import { Takeover } from './takeover.js';
import type { Waits } from './waits.js';

/** What a node's journal held when it was opened. */
export interface JournalStart {
  readonly copies: readonly { readonly slot: number; readonly copy: JobCopy }[];
  /** Processes of this node, the latest last, since which nothing has been lost. */
  readonly lineage: readonly InstanceId[];
  /** The process before this one was killed, or took the machine down. */
  readonly isAfterCrash?: boolean;
}

export interface KeepingOptions {
  readonly self: NodeId;
  readonly instance: InstanceId;
  readonly config: JobsConfig;
  readonly outbox: Outbox;
  readonly members: MemberView;
  readonly reach: Reach;
  /** Null: it keeps nothing on disk. */
  readonly journal: JournalStart | null;
  readonly journalChanged: (state: JournalState) => void;
  readonly waits: Waits;
  readonly asks: Asks;
  readonly dispatcher: () => Dispatcher;
  readonly owner: () => Owner;
  readonly now: () => Instant;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  /** Who has waited here for a job finds it again. */
  readonly moved: (record: JobRecord, waiters: readonly Waiter[], now: Instant) => void;
}

type JournalEvent = Extract<JobsEvent, { type: `journal_${string}` }>;

/** After so long without a turn, a node may have been declared dead. */
const stoodStillMs = 1_500;

/** How jobs outlive nodes: this node's own, their copies with others, the copies that it holds, and its journal. */
export class Keeping {
  private journalFailures = 0;
  /** How often this node stood still: what it asked before may have been decided elsewhere meanwhile. */
  standstills = 0;
  readonly ledger: Ledger;
  readonly copies: Copies;
  readonly placement: Placement;
  readonly replicator: Replicator;
  readonly custody: Custody;
  readonly handOver: HandOver;
  readonly takeover: Takeover;
  readonly inquiries: Inquiries;
  readonly absent: AbsentNodes;
  private readonly journal: JournalLog;
  private readonly doubt: Doubt;
  private readonly missedWrites: MissedWrites;
  readonly repair: Repair;

  constructor(private readonly options: KeepingOptions) {
    const { self, config, outbox, members, now } = options;
    this.journal = new JournalLog(outbox, options.journal === null ? 'absent' : 'open');
    this.ledger = new Ledger(config, (record) => this.custody.dropped(record));
    this.copies = new Copies({ config, journal: this.journal });
    this.placement = new Placement({ self, members });
    this.absent = new AbsentNodes({ self, members });
    this.replicator = new Replicator({
      ...options,
      journal: this.journal,
      reached: (record, isOnDisk) => options.owner().reached(record, isOnDisk),
      refused: (record, node) => this.custody.refused(record, node, now(), true),
      fenced: (record, node) => this.custody.fenced(record, node, now()),
      isMember: (node) => members.get(node) !== undefined,
      isHere: (record) => this.ledger.get(record.spec.id) === record,
    });
    const { ledger, copies, replicator, placement, journal } = this;
    const shared = { ...options, ledger, copies, replicator, placement, journal };
    this.custody = new Custody({
      ...shared,
      fatalitiesMax: config.fatalitiesMax,
      isThere: (node) => isThere(members, node),
      deposed: (held, by) => this.takeover.deposed(held, by),
      ownerAway: (held, now) => this.takeover.reviewLater(held, now),
      takeBack: (record, now) => this.handOver.takeBack(record, now),
    });
    this.missedWrites = new MissedWrites(shared);
    const { custody } = this;
    this.handOver = new HandOver({ ...shared, custody });
    this.repair = new Repair({ ...shared, custody, isThere: (node) => isThere(members, node) });
    this.takeover = new Takeover({ ...shared, custody });
    this.inquiries = new Inquiries({ ...shared, lineage: options.journal?.lineage ?? [] });
    this.doubt = new Doubt({ ...shared, custody });
  }

  /** What own jobs and copies of others' take: alive for as long as they are kept. */
  get keptBytes(): number {
    return this.ledger.bytes + this.copies.bytes;
  }

  /** The first step: what the journal had is looked at again, since others may have gone on with it. */
  start(now: Instant): void {
    const kept = this.options.journal?.copies ?? [];
    for (const { slot, copy } of kept) {
      this.journal.reserve(slot);
      this.restore(slot, copy, now);
    }
    this.absent.start(
      kept.map(({ copy }) => copy),
      now,
    );
    this.takeover.start(now, this.options.journal?.isAfterCrash ?? false);
  }

  /** A crash between two batches may have left two states of a job. */
  private restore(slot: number, copy: JobCopy, now: Instant): void {
    const other = this.copies.get(copy.spec.id);
    if (other !== undefined && compareRanks(other.copy, copy) >= 0) return this.journal.erase(slot);
    if (other !== undefined) this.copies.remove(other);
    this.copies.restore(slot, copy, now);
  }

  /** Something waits for the end of the turn. */
  get wantsFlush(): boolean {
    return this.journal.wantsFlush || this.replicator.wantsFlush;
  }

  flush(): void {
    this.replicator.flush();
    this.journal.flush();
  }

  tick(now: Instant): void {
    this.ledger.expire(now.monotonicMs);
    this.copies.expire(now.monotonicMs);
    this.replicator.tick(now);
    this.handOver.tick(now);
    this.repair.tick(now);
    this.takeover.tick(now);
    this.doubt.tick(now);
  }

  nextDeadlineMs(): number {
    return Math.min(
      this.ledger.nextExpiryMs(),
      this.copies.nextExpiryMs(),
      this.replicator.nextDeadlineMs(),
      this.handOver.nextDeadlineMs(),
      this.repair.nextDeadlineMs(),
      this.takeover.nextDeadlineMs(),
      this.doubt.nextDeadlineMs(),
    );
  }

  /** It may have stood still for so long that others have taken it for dead. */
  noteLate(lateMs: number, now: Instant): void {
    if (lateMs >= stoodStillMs) this.standStill(now);
  }

  /** This node stood still, or was taken for dead: others may have its jobs by now. */
  standStill(now: Instant): void {
    this.standstills++;
    this.doubt.begin(now);
    this.takeover.stoodStill(now);
  }

  handleJournal(event: JournalEvent, now: Instant): void {
    switch (event.type) {
      case 'journal_written':
        return this.journal.written(event.seq);
      case 'journal_failed':
        return this.journalFailed(event.code, event.message, now);
      case 'journal_recovered':
        return this.missedWrites.write(() => this.journalRecovered());
    }
  }

  private journalFailed(code: string, message: string, now: Instant): void {
    if (this.options.members.self().journal !== 'failed') {
      const count = ++this.journalFailures;
      const again = count === 1 ? '' : `; ${count} times since its start`;
      const text = `the journal can't be written (${message})${again}: durable jobs are refused here, and go to other nodes`;
      this.options.outbox.log('error', text, { code });
    }
    this.journal.failed();
    this.options.journalChanged('failed');
    this.handOver.begin(now, { onlyDurable: true, running: true });
  }

  /** It works, and what was not written in the meantime is. Not before: there may be room for a little, and not for all that. */
  private journalRecovered(): void {
    this.options.outbox.log('info', 'the journal takes writes again', {});
    this.journal.recovered();
    this.options.journalChanged('open');
    this.repair.membersChanged(this.options.now());
  }

  membersChanged(now: Instant): void {
    this.placement.membersChanged();
    this.repair.membersChanged(now);
  }

  /** A process of that node is gone; `broke`: as it goes when a job takes it down. Another one may be there in its place. */
  processGone({ id, name, state }: MemberRecord, broke: boolean, now: Instant): void {
    this.custody.holderGone(id, now);
    const suspect = broke && state !== 'left' ? `node ${name}` : null;
    if (state === 'dead' || state === 'left') this.takeover.ownerGone(id, suspect, now);
    else {
      this.takeover.ownerBack(id, suspect, now);
      this.doubt.holderBack(id);
    }
  }

  /** It was only silent. */
  nodeBack(node: NodeId, now: Instant): void {
    this.takeover.ownerBack(node, null, now);
    this.doubt.holderBack(node);
  }

  /** It was gone for so long that nobody expects it back, or was no member at all. */
  forgetNode(node: NodeId): void {
    this.replicator.forgetNode(node);
    this.takeover.memberForgotten(node);
  }

  /**
   * Whether this node holds an outcome of the job that an earlier owner has heard, and this later one has not: it hears it now. Where it has put
   * the job back since, that comes to nothing, and it hands the attempt out again.
   */
  knowsEnd(owner: NodeId, { job, epoch }: AttemptKey): boolean {
    const copy = this.copies.get(job)?.copy;
    if (copy === undefined || copy.state === 'waiting' || copy.owner === owner || copy.epoch >= epoch)
      return false;
    this.replicator.push(owner, copy);
    return true;
  }

  /** The owner that this node holds the job for; null: it doesn't. */
  ownerOf(job: JobId): NodeId | null {
    return this.copies.get(job)?.copy.owner ?? null;
  }

  debts(): Debt[] {
    const { copies, journal, replicator, handOver, takeover, doubt } = this;
    return [copies, journal, replicator, handOver, takeover, doubt].flatMap((part) => part.debts());
  }
}
