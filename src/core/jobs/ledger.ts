import { fail } from '../assert.js';
import { type Deadline, Deadlines } from '../deadlines.js';
import { Fifo } from '../fifo.js';
import type { JobId } from '../ids.js';
import type { Instant } from '../instant.js';
import { payloadBytes } from '../payload.js';
import { Arrivals } from './arrivals.js';
import type { JobsConfig } from './config.js';
import { afterBytes, isFinished, type JobOutcome, type JobRecord, type JobState } from './record.js';

/** What a record costs beside its arguments and result; measured with 10^5 records on Node 20. */
const recordBytes = 600;

/**
 * The state machine of a job. Every change of `state` goes through `Ledger.transition`, and one that is not in this
 * table is a programmer's error.
 */
const transitions: Readonly<Record<JobState, readonly JobState[]>> = {
  delayed: ['queued', 'failed', 'cancelled'],
  // Done, where another owner knew its outcome and could not tell it any more.
  queued: ['running', 'done', 'failed', 'cancelled'],
  running: ['done', 'failed', 'cancelled', 'queued', 'delayed'],
  done: [],
  failed: ['queued', 'delayed'],
  cancelled: ['queued', 'delayed'],
};

/** The jobs that this node owns: unfinished ones until they finish, outcomes for as long and as many as the limits allow. */
export class Ledger {
  readonly counts: Record<JobState, number> = {
    delayed: 0,
    queued: 0,
    running: 0,
    done: 0,
    failed: 0,
    cancelled: 0,
  };
  private readonly records = new Map<JobId, JobRecord>();
  private readonly arrivals = new Arrivals();
  /** The expiries of outcomes, the oldest outcome first. That of a job that was retried stays here until its turn comes. */
  private readonly finished = new Fifo<Deadline<JobRecord>>();
  private readonly expiries = new Deadlines<JobRecord>();
  private unfinishedBytes = 0;
  private outcomeBytes = 0;

  /** Is told of each change of state; what goes with it may follow. */
  changed: (record: JobRecord) => void = () => {};

  /** `dropped`: an outcome is no longer kept. */
  constructor(
    private readonly config: JobsConfig,
    private readonly dropped: (record: JobRecord) => void = () => {},
  ) {}

  get unfinished(): number {
    return this.counts.delayed + this.counts.queued + this.counts.running;
  }

  private get keptCount(): number {
    return this.counts.done + this.counts.failed + this.counts.cancelled;
  }

  /** What unfinished jobs take. */
  get queueBytes(): number {
    return this.unfinishedBytes;
  }

  get bytes(): number {
    return this.unfinishedBytes + this.outcomeBytes;
  }

  get(id: JobId): JobRecord | undefined {
    return this.records.get(id);
  }

  /** Where a walk over the records begins: each leads to the next older one. */
  get newest(): JobRecord | null {
    return this.arrivals.newest;
  }

  values(): Iterable<JobRecord> {
    return this.records.values();
  }

  /** Whether one more job with so many bytes of arguments may be taken. */
  hasRoomFor(argsBytes: number): boolean {
    return (
      this.unfinished < this.config.queueLengthMax &&
      this.unfinishedBytes + argsBytes + recordBytes <= this.config.queueBytesMax
    );
  }

  /** A finished one is kept until `endsAtMs`, monotonic. */
  insert(record: JobRecord, endsAtMs = 0): void {
    const { size } = this.records;
    this.records.set(record.spec.id, record);
    if (this.records.size === size) fail(`job ${record.spec.id} was there already`);
    this.arrivals.push(record);
    this.counts[record.state]++;
    if (isFinished(record.state)) this.keep(record, endsAtMs);
    else this.unfinishedBytes += sizeOf(record);
  }

  /** Another node owns it from now on. */
  withdraw(record: JobRecord): void {
    if (isFinished(record.state)) this.outcomeBytes -= sizeOf(record);
    else this.unfinishedBytes -= sizeOf(record);
    this.counts[record.state]--;
    this.remove(record);
    if (isFinished(record.state) && record.deadline !== null) {
      this.expiries.cancel(record.deadline);
      record.deadline = null;
    }
  }

  transition(record: JobRecord, to: JobState): void {
    const from = record.state;
    if (!transitions[from].includes(to)) fail(`job ${record.spec.id}: ${from} to ${to}`);
    this.counts[from]--;
    this.counts[to]++;
    record.state = to;
    this.changed(record);
  }

  /** The job has its outcome: from now on it is kept for its ttl, within the limits. */
  finish(record: JobRecord, outcome: JobOutcome, now: Instant): void {
    this.unfinishedBytes -= sizeOf(record);
    this.transition(record, outcome.type);
    record.finishedAtMs ??= now.wallMs;
    record.cancelling = false;
    if (outcome.type === 'done') {
      record.args = null;
      record.error = null;
      record.result = outcome.result;
    } else if (outcome.type === 'failed') {
      record.error = outcome.error;
    }
    if (keptMs(record) === 0) {
      this.counts[outcome.type]--;
      this.remove(record);
      this.dropped(record);
      return;
    }
    this.keep(record, now.monotonicMs + keptMs(record));
  }

  private keep(record: JobRecord, endsAtMs: number): void {
    this.outcomeBytes += sizeOf(record);
    record.deadline = this.expiries.add(endsAtMs, record);
    this.finished.push(record.deadline);
    this.dropOverLimit();
  }

  /** A finished job is wanted again. */
  reopen(record: JobRecord, to: 'queued' | 'delayed' = 'queued'): void {
    this.outcomeBytes -= sizeOf(record);
    if (record.deadline !== null) this.expiries.cancel(record.deadline);
    record.deadline = null;
    this.transition(record, to);
    record.executor = null;
    record.startedAtMs = null;
    record.finishedAtMs = null;
    record.progress = null;
    record.error = null;
    this.unfinishedBytes += sizeOf(record);
  }

  expire(nowMs: number): void {
    for (
      let record = this.expiries.takeDue(nowMs);
      record !== undefined;
      record = this.expiries.takeDue(nowMs)
    ) {
      record.deadline = null;
      this.drop(record);
    }
    this.forgetStale();
  }

  nextExpiryMs(): number {
    return this.expiries.nextMs();
  }

  private dropOverLimit(): void {
    const { outcomesMax, outcomeBytesMax } = this.config;
    while (this.keptCount > outcomesMax || this.outcomeBytes > outcomeBytesMax) {
      const oldest = this.finished.shift();
      if (oldest === undefined) return;
      if (oldest.subject !== null) this.drop(oldest.subject);
    }
    this.forgetStale();
  }

  /** Entries hold their record and so its result: those of outcomes that are gone must not stay for long. */
  private forgetStale(): void {
    for (let first = this.finished.peek(); first !== undefined; first = this.finished.peek()) {
      if (isCurrent(first)) break;
      this.finished.shift();
    }
    if (this.finished.length > 2 * this.keptCount + 1024) this.finished.retain(isCurrent);
  }

  private drop(record: JobRecord): void {
    this.outcomeBytes -= sizeOf(record);
    this.counts[record.state]--;
    this.remove(record);
    if (record.deadline !== null) this.expiries.cancel(record.deadline);
    record.deadline = null;
    this.dropped(record);
  }

  private remove(record: JobRecord): void {
    this.records.delete(record.spec.id);
    this.arrivals.remove(record);
  }

  /** What the totals kept beside the records should be, counted anew from the records, for checkers. */
  recount(): Pick<Ledger, 'counts' | 'queueBytes' | 'bytes'> {
    const counts = { delayed: 0, queued: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
    let queueBytes = 0;
    let bytes = 0;
    for (const record of this.records.values()) {
      counts[record.state]++;
      bytes += sizeOf(record);
      if (!isFinished(record.state)) queueBytes += sizeOf(record);
    }
    return { counts, queueBytes, bytes };
  }
}

/**
 * How long its outcome is kept. A job that has had more than one owner is remembered for long, since an earlier one may come back
 * with it and would run it again.
 */
function keptMs({ spec, epoch }: JobRecord): number {
  return epoch === 1 ? spec.ttlMs : Math.max(spec.ttlMs, rememberedMs);
}

const rememberedMs = 24 * 3_600_000;

/** Whether an entry still stands for an outcome: that of a job that was retried, expired or dropped is over. */
function isCurrent({ subject }: Deadline<JobRecord>): boolean {
  return subject !== null;
}

function sizeOf(record: JobRecord): number {
  return (
    recordBytes +
    afterBytes(record.spec) +
    (record.args === null ? 0 : payloadBytes(record.args)) +
    (record.result === null ? 0 : payloadBytes(record.result))
  );
}
