import type { InstanceId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import { isPresent } from '../member.js';
import type { Reply } from '../reply.js';
import type { Asks } from './asks.js';
import type { Custody } from './custody.js';
import type { Debt } from './debts.js';
import type { Dispatcher } from './dispatcher.js';
import type { Ledger } from './ledger.js';
import type { MemberView } from './member-view.js';
import { isFinished, type JobRecord } from './record.js';
import { rankOf } from './record-copy.js';
import type { Replicator } from './replicator.js';
import { type InquiryAnswer, parseInquiryAnswers } from './takeover.js';

export interface DoubtOptions {
  readonly self: NodeId;
  readonly instance: InstanceId;
  readonly members: MemberView;
  readonly ledger: Ledger;
  readonly dispatcher: () => Dispatcher;
  readonly custody: Custody;
  readonly replicator: Replicator;
  readonly asks: Asks;
}

/** How long nothing is handed out while holders are silent. */
const doubtMs = 5_000;
const inquiryTimeoutMs = 3_000;
/** Records looked at in one turn. */
const walkStep = 2_000;
/** News of this node's own death may come from many at once. */
const gapMs = 2_000;

/**
 * A node that stood still, or that others took for dead, may not own its jobs any more. It hands out nothing until their other
 * holders have said what they know. And a holder that was away may have lost what it held: it is asked for it.
 */
export class Doubt {
  private walkAt: JobRecord | null = null;
  private readonly perHolder = new Map<NodeId, JobRecord[]>();
  private open = 0;
  private isWalking = false;
  /** Holders that were away; they are asked in the next walk, which is this one for those in `asking`. Null: all are. */
  private returned = new Set<NodeId>();
  private asking: ReadonlySet<NodeId> | null = null;
  private endsMs = Number.POSITIVE_INFINITY;
  private lastMs = Number.NEGATIVE_INFINITY;
  /** It has to be done over, no sooner than then. */
  private againMs = Number.POSITIVE_INFINITY;

  constructor(private readonly options: DoubtOptions) {}

  begin(now: Instant): void {
    if (this.isWalking || this.open > 0 || now.monotonicMs < this.lastMs + gapMs) {
      this.againMs = Math.min(this.againMs, this.lastMs + gapMs);
      return;
    }
    this.lastMs = now.monotonicMs;
    this.againMs = Number.POSITIVE_INFINITY;
    this.walkAt = this.options.ledger.newest;
    if (this.walkAt === null) return;
    this.isWalking = true;
    this.asking = null;
    this.returned.clear();
    this.endsMs = now.monotonicMs + doubtMs;
    this.options.dispatcher().isFrozen = true;
  }

  /** It is there again, and may have lost what it held. */
  holderBack(node: NodeId): void {
    if (this.options.ledger.newest !== null) this.returned.add(node);
  }

  private askReturned(): void {
    this.asking = this.returned;
    this.returned = new Set();
    this.walkAt = this.options.ledger.newest;
    this.isWalking = this.walkAt !== null;
  }

  tick(now: Instant): void {
    if (now.monotonicMs >= this.againMs && !this.isWalking && this.open === 0) this.begin(now);
    if (this.returned.size > 0 && !this.isWalking && this.open === 0) this.askReturned();
    if (this.isWalking) this.walk(now);
    const isOver = !this.isWalking && (this.open === 0 || now.monotonicMs >= this.endsMs);
    if (!isOver || !this.options.dispatcher().isFrozen) return;
    this.endsMs = Number.POSITIVE_INFINITY;
    this.options.dispatcher().isFrozen = false;
    this.options.dispatcher().dispatchAll(now);
  }

  nextDeadlineMs(): number {
    if (this.isWalking || (this.returned.size > 0 && this.open === 0)) return Number.NEGATIVE_INFINITY;
    return Math.min(this.endsMs, this.open === 0 ? this.againMs : Number.POSITIVE_INFINITY);
  }

  private walk(now: Instant): void {
    let record = this.walkAt;
    for (let count = 0; record !== null && count < walkStep; count++) {
      this.look(record, now);
      record = record.older;
    }
    this.walkAt = record;
    if (record !== null) return;
    this.isWalking = false;
    for (const [node, records] of this.perHolder) this.inquire(node, records, now);
    this.perHolder.clear();
  }

  private look(record: JobRecord, now: Instant): void {
    if (record.owner !== this.options.self || (isFinished(record.state) && record.spec.ttlMs === 0)) return;
    for (const node of record.holders) {
      const member = this.options.members.get(node);
      if (node === this.options.self || member === undefined || !isPresent(member)) continue;
      if (this.asking !== null && !this.asking.has(node)) continue;
      const records = this.perHolder.get(node) ?? [];
      records.push(record);
      if (records.length < limits.inquiryItemsMax) this.perHolder.set(node, records);
      else {
        this.perHolder.delete(node);
        this.inquire(node, records, now);
      }
    }
  }

  private inquire(node: NodeId, records: readonly JobRecord[], now: Instant): void {
    const items = records.map((record) => ({
      ...rankOf(record),
      job: record.spec.id,
      instance: this.options.instance,
      isDurable: record.spec.durable,
    }));
    this.open++;
    const answered = (reply: Reply, now: Instant): void => {
      this.open--;
      const answers = reply.ok ? parseInquiryAnswers(reply.text, records.length) : null;
      for (const [index, answer] of (answers ?? []).entries())
        this.heard(node, records[index] as JobRecord, answer, now);
      this.tick(now);
    };
    const command = { type: 'inquire', items } as const;
    this.options.asks.ask({ to: node, command, now, timeoutMs: inquiryTimeoutMs, answered });
  }

  private heard(node: NodeId, record: JobRecord, answer: InquiryAnswer, now: Instant): void {
    const { self, ledger, custody, replicator } = this.options;
    if (ledger.get(record.spec.id) !== record) return;
    if (answer === 'older' || answer === 'unknown') replicator.again(node, record);
    // A newer state of this node's own is one that it has made since it asked.
    else if (answer === 'released' || (answer.startsWith('newer ') && answer !== `newer ${self}`))
      custody.fenced(record, node, now);
  }

  debts(): Debt[] {
    return [{ kind: 'jobs in doubt', count: this.open + (this.isWalking ? 1 : 0), node: null }];
  }
}
