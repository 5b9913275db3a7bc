import { assertNever } from '../assert.js';
import { backoffMs } from '../backoff.js';
import type { SubmitCommand } from '../commands.js';
import { Deadlines } from '../deadlines.js';
import type { JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { MemberState } from '../member.js';
import type { AttemptKey, JobMessage } from '../messages.js';
import type { Outbox } from '../outbox.js';
import type { Random } from '../random.js';
import type { Reply } from '../reply.js';
import { acceptedReply, outcomeReply } from './answers.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { Dispatcher } from './dispatcher.js';
import { type HeldBack, isHeldBack } from './held-back.js';
import type { Ledger } from './ledger.js';
import {
  type Asker,
  type AttemptOutcome,
  isFinished,
  type JobError,
  type JobOutcome,
  type JobRecord,
  keyOf,
} from './record.js';
import type { JobSpecDefaults } from './submission.js';
import { buildRecord } from './submission.js';
import { cancelReply, type Waits } from './waits.js';

type HoldingMessage = Extract<JobMessage, { type: 'holding' }>;

export interface OwnerOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly dispatcher: Dispatcher;
  readonly waits: Waits;
  readonly heldBack: HeldBack;
  readonly outbox: Outbox;
  readonly answer: (asker: Asker, reply: Reply) => void;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
}

/** Totals since the start, for metrics. */
export interface JobTotals {
  submitted: number;
  done: number;
  failed: number;
  cancelled: number;
  retried: number;
  /** Attempts that were given to another executor because theirs was lost. */
  reassigned: number;
}

/** The owner's side of a job's life: accepted, started, retried, finished, told to whoever waits. */
export class Owner {
  readonly totals: JobTotals = { submitted: 0, done: 0, failed: 0, cancelled: 0, retried: 0, reassigned: 0 };
  private readonly starts = new Deadlines<JobRecord>();

  private readonly selfAlone: readonly NodeId[];

  constructor(private readonly options: OwnerOptions) {
    this.selfAlone = [options.self];
  }

  /** Takes a job whose limits and demands have been checked, and answers as its client asked. */
  accept(command: SubmitCommand, id: JobId, asker: Asker, defaults: JobSpecDefaults, now: Instant): void {
    const { self, ledger, dispatcher, waits, answer } = this.options;
    const record = buildRecord({ command, id, owner: self, holders: this.selfAlone, defaults, now });
    ledger.insert(record);
    this.totals.submitted++;
    if (command.wait) waits.add(record, asker, 'outcome', null);
    else answer(asker, acceptedReply(record));
    if (isHeldBack(record)) this.options.heldBack.hold(record, now);
    else if (record.state === 'delayed') this.delay(record, record.notBeforeMs - now.wallMs, now);
    else dispatcher.enqueue(record, now);
  }

  wait(
    record: JobRecord,
    asker: Asker,
    timeoutMs: number | null,
    now: Instant,
    wants: 'outcome' | 'end' = 'outcome',
  ): void {
    if (isFinished(record.state)) this.options.answer(asker, outcomeReply(record, wants));
    else {
      const endsAtMs = timeoutMs === null ? null : now.monotonicMs + timeoutMs;
      this.options.waits.add(record, asker, wants, endsAtMs);
    }
  }

  cancel(record: JobRecord, asker: Asker, now: Instant): void {
    const { waits, answer, dispatcher, deliver } = this.options;
    switch (record.state) {
      case 'done':
      case 'failed':
      case 'cancelled':
        answer(asker, cancelReply(record));
        return;
      case 'delayed':
      case 'queued': {
        const wasQueued = record.state === 'queued';
        this.clearStart(record);
        this.options.heldBack.letGo(record);
        this.finish(record, { type: 'cancelled' }, now);
        if (wasQueued) dispatcher.forget(record);
        answer(asker, cancelReply(record));
        return;
      }
      case 'running':
        waits.add(record, asker, 'cancelled', null);
        if (record.cancelling) return;
        record.cancelling = true;
        deliver(record.executor as NodeId, { type: 'stop', key: keyOf(record), reason: 'cancelled' });
        return;
      default:
        assertNever(record.state);
    }
  }

  /** Puts a failed or cancelled job back in the queue, with its retries counted anew. */
  retry(record: JobRecord, now: Instant): void {
    const isWaiting = isHeldBack(record);
    this.options.ledger.reopen(record, isWaiting ? 'delayed' : 'queued');
    record.failures = 0;
    record.fatalities = 0;
    if (isWaiting) this.options.heldBack.holdAnew(record, now);
    else this.options.dispatcher.enqueue(record, now);
  }

  /** All jobs that it comes after are done: it starts, or waits for its time. */
  release(record: JobRecord, now: Instant): void {
    const pauseMs = record.notBeforeMs - now.wallMs;
    if (pauseMs > 0) {
      this.delay(record, pauseMs, now);
      return;
    }
    this.options.ledger.transition(record, 'queued');
    this.options.dispatcher.enqueue(record, now);
  }

  /** A job that was held back can't run any more. */
  failHeldBack(record: JobRecord, error: JobError, now: Instant): void {
    this.finish(record, { type: 'failed', error }, now);
  }

  /** An executor tells how an attempt ended. An outcome of an attempt that is not the current one is fenced off. */
  handleRan(from: NodeId, key: AttemptKey, outcome: AttemptOutcome, now: Instant): void {
    const record = this.current(from, key);
    if (record === null) return;
    const { dispatcher } = this.options;
    dispatcher.settled(from, record);
    this.conclude(record, outcome, now);
    dispatcher.dispatchWaiting(now);
  }

  /** The executor never started it: the attempt doesn't count. Its room is asked for again by its next grant. */
  handleRefuse(from: NodeId, key: AttemptKey, now: Instant): void {
    const record = this.current(from, key);
    if (record === null) return;
    this.options.dispatcher.refused(from);
    this.takeBack(record, from, now);
  }

  handleStarted(from: NodeId, key: AttemptKey): void {
    const record = this.current(from, key);
    if (record !== null) record.hasStarted = true;
  }

  handleProgress(from: NodeId, key: AttemptKey, value: string): void {
    const record = this.current(from, key);
    if (record !== null) record.progress = value;
  }

  /** After a new link: what the executor doesn't have never arrived there; what it should not have, it stops. */
  handleHolding(from: NodeId, { seq, attempts, window }: HoldingMessage, now: Instant): void {
    if (!this.options.dispatcher.resynced(from, seq)) return;
    const held = new Set<JobId>();
    for (const key of attempts) {
      if (this.current(from, key) !== null) held.add(key.job);
      else this.options.deliver(from, { type: 'stop', key, reason: 'fenced' });
    }
    for (const record of [...this.options.dispatcher.outstandingAt(from)]) {
      if (!held.has(record.spec.id)) this.takeBack(record, from, now);
      else if (record.cancelling) {
        this.options.deliver(from, { type: 'stop', key: keyOf(record), reason: 'cancelled' });
      }
    }
    this.options.dispatcher.granted(from, window, now);
  }

  /**
   * The executor's process is gone, or taken for dead: its jobs run elsewhere at once. Only an end that broke its links can
   * have been a job's doing; silence is the network's, or a machine's.
   */
  executorGone(node: NodeId, name: string, how: MemberState | 'restarted', now: Instant): void {
    const { records, broke } = this.options.dispatcher.executorGone(node);
    this.tellReassigned(records, node, `on ${name} (${how})`);
    const isBlamed = how === 'restarted' || (how === 'dead' && broke);
    const isolated = records.filter(({ fatalities }) => fatalities > 0);
    // What it had to tell may have been lost with it; then the one that it was sent first is the likeliest.
    const suspect = isolated.some(({ hasStarted }) => hasStarted) ? null : isolated[0];
    // Each goes to the front of its line, so the oldest goes last.
    for (const record of records.reverse()) {
      const error = { name: 'NodeLost', message: `node ${name} was lost while running it` };
      // Of all that a node held, only few had started; which ones is told from a first loss on, when they are isolated.
      if (isBlamed && record.fatalities === 0) this.suspectAttempt(record, error, now);
      else if (isBlamed && (record.hasStarted || record === suspect)) this.blame(record, error, now);
      else this.requeue(record, now);
    }
  }

  private tellReassigned({ length: count }: readonly JobRecord[], node: NodeId, where: string): void {
    if (count === 0) return;
    this.totals.reassigned += count;
    this.options.outbox.log('warn', `${count} jobs that ran ${where} run elsewhere`, { node, count });
  }

  /** Starts what is due. */
  tick(now: Instant): void {
    const { ledger, dispatcher } = this.options;
    for (
      let record = this.starts.takeDue(now.monotonicMs);
      record !== undefined;
      record = this.starts.takeDue(now.monotonicMs)
    ) {
      record.deadline = null;
      ledger.transition(record, 'queued');
      dispatcher.enqueue(record, now);
    }
    for (const node of dispatcher.unreached.takeDue(now)) {
      const { records } = dispatcher.executorGone(node);
      this.tellReassigned(records, node, `on ${node}, which can't be reached,`);
      for (const record of records.reverse()) this.requeue(record, now);
    }
    if (dispatcher.hasManyWaiting) dispatcher.dispatchWaiting(now);
  }

  nextStartMs(): number {
    return this.starts.nextMs();
  }

  private conclude(record: JobRecord, outcome: AttemptOutcome, now: Instant): void {
    if (record.cancelling && outcome.type !== 'done') {
      this.finish(record, { type: 'cancelled' }, now);
      return;
    }
    switch (outcome.type) {
      case 'done':
        this.finish(record, outcome, now);
        return;
      case 'failed':
        this.fail(record, outcome.error, outcome.final, now);
        return;
      case 'timed_out':
        this.fail(
          record,
          { name: 'TimeoutError', message: `ran longer than ${record.spec.timeoutMs} ms` },
          false,
          now,
        );
        return;
      case 'crashed':
        if (outcome.alone) this.blame(record, outcome.error, now);
        else this.suspectAttempt(record, outcome.error, now);
        return;
      case 'stopped':
      case 'displaced':
        this.requeue(record, now);
        return;
      default:
        assertNever(outcome);
    }
  }

  /** A failed attempt: another one after a pause, while retries are left. */
  private fail(record: JobRecord, error: JobError, final: boolean, now: Instant): void {
    record.failures++;
    record.error = error;
    if (final || record.failures > record.spec.retries) {
      this.finish(record, { type: 'failed', error }, now);
      return;
    }
    const { config, random, ledger } = this.options;
    this.totals.retried++;
    ledger.transition(record, 'delayed');
    // A pause that was asked for is kept, however long; the limit is for what doubling makes of it.
    const range = {
      minMs: record.spec.backoffMs,
      maxMs: Math.max(record.spec.backoffMs, config.backoffMsMax),
    };
    this.delay(record, Math.round(backoffMs(record.failures, range, random)), now);
  }

  /** It took a node or a thread down with it: again elsewhere and by itself, but not for ever. */
  private blame(record: JobRecord, error: JobError, now: Instant): void {
    record.fatalities++;
    record.error = error;
    if (record.cancelling) this.finish(record, { type: 'cancelled' }, now);
    else if (record.fatalities >= this.options.config.fatalitiesMax) {
      const message = `its runs took ${record.fatalities} nodes or threads down; the last time: ${error.message}`;
      this.finish(record, { type: 'failed', error: { name: error.name, message } }, now);
    } else this.requeue(record, now);
  }

  /** It shared a thread or a node that ended, so it may or may not be to blame: its next run is by itself, and tells. */
  private suspectAttempt(record: JobRecord, error: JobError, now: Instant): void {
    record.error = error;
    record.fatalities = Math.max(1, record.fatalities);
    this.requeue(record, now);
  }

  private takeBack(record: JobRecord, from: NodeId, now: Instant): void {
    this.options.dispatcher.settled(from, record);
    record.attempt--;
    this.requeue(record, now);
  }

  private requeue(record: JobRecord, now: Instant): void {
    if (record.cancelling) {
      this.finish(record, { type: 'cancelled' }, now);
      return;
    }
    this.options.ledger.transition(record, 'queued');
    record.executor = null;
    this.options.dispatcher.enqueue(record, now, 'front');
  }

  private delay(record: JobRecord, delayMs: number, now: Instant): void {
    record.notBeforeMs = now.wallMs + delayMs;
    record.deadline = this.starts.add(now.monotonicMs + delayMs, record);
  }

  private clearStart(record: JobRecord): void {
    if (record.deadline !== null) this.starts.cancel(record.deadline);
    record.deadline = null;
  }

  private finish(record: JobRecord, outcome: JobOutcome, now: Instant): void {
    this.totals[outcome.type]++;
    this.options.ledger.finish(record, outcome, now);
    this.options.waits.resolve(record);
  }

  private current(from: NodeId, key: AttemptKey): JobRecord | null {
    const record = this.options.ledger.get(key.job);
    const isCurrent =
      record !== undefined &&
      record.state === 'running' &&
      record.executor === from &&
      record.epoch === key.epoch &&
      record.attempt === key.attempt;
    return isCurrent ? record : null;
  }

  /** What is kept for jobs that are not due now, for checkers. */
  debts(): Debt[] {
    return [{ kind: 'starts to come', count: this.starts.size, node: null }];
  }
}
