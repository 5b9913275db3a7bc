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
import { errorReply, okReply, type Reply } from '../reply.js';
import { acceptedReply, outcomeReply } from './answers.js';
import { AskerTable } from './asker-table.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { Dispatcher } from './dispatcher.js';
import { type HeldBack, isHeldBack } from './held-back.js';
import type { Ledger } from './ledger.js';
import type { Placement } from './placement.js';
import {
  type Asker,
  type AttemptOutcome,
  isFinished,
  type JobError,
  type JobOutcome,
  type JobRecord,
  keyOf,
  type LateAccept,
  type PendingStep,
} from './record.js';
import type { Replicator } from './replicator.js';
import { buildRecord, type Terms } from './submission.js';
import { cancelReply, type Waits } from './waits.js';

type HoldingMessage = Extract<JobMessage, { type: 'holding' }>;

export interface OwnerOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly dispatcher: Dispatcher;
  readonly waits: Waits;
  readonly replicator: Replicator;
  readonly placement: Placement;
  readonly heldBack: HeldBack;
  readonly outbox: Outbox;
  readonly answer: (asker: Asker, reply: Reply) => void;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  readonly now: () => Instant;
  /** An outcome has been accepted. */
  readonly settled: (record: JobRecord, isAdopted: boolean) => void;
  /** Its next owner has it. */
  readonly handed: (record: JobRecord) => void;
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
  private readonly lateAccepts = new Deadlines<LateAccept>();
  private readonly accepting = new AskerTable<LateAccept>();
  private settling = 0;
  /** Shared by all records that nobody else holds. */
  private readonly selfAlone: readonly NodeId[];

  constructor(private readonly options: OwnerOptions) {
    this.selfAlone = [options.self];
  }

  /**
   * Takes a job whose limits and demands have been checked. It is on its way to its holders and to an executor at once; its
   * client is answered when all holders have it, or with the outcome.
   */
  accept(command: SubmitCommand, id: JobId, asker: Asker, terms: Terms, now: Instant): void {
    const { self, ledger, waits, replicator, placement } = this.options;
    const others = placement.choose(id, terms.copies - 1, terms.isDurable);
    const holders = others.length === 0 ? this.selfAlone : [self, ...others];
    const record = buildRecord({ command, id, owner: self, holders, terms, now });
    ledger.insert(record);
    this.totals.submitted++;
    if (command.wait) waits.add(record, asker, 'outcome', null);
    else this.answerWhenKept(record, asker, command.options.copies ?? 1, now);
    replicator.changed(record);
    this.begin(record, now);
  }

  /** Another client asks for a job that is here: it is told the same, and no sooner. */
  acceptAgain(record: JobRecord, asker: Asker, copiesMin: number, now: Instant): void {
    if (record.missing === 0 || isFinished(record.state)) this.options.answer(asker, acceptedReply(record));
    else this.answerWhenKept(record, asker, copiesMin, now);
  }

  /** A job that another node has owned: from here on it is this one's. A finished one is kept for `leftMs` more. */
  takeOver(record: JobRecord, outcome: JobOutcome | null, now: Instant, leftMs: number): void {
    this.options.ledger.insert(record, now.monotonicMs + leftMs);
    if (outcome !== null) {
      this.finish(record, outcome, now, true);
      return;
    }
    this.options.replicator.changed(record);
    if (!isFinished(record.state)) this.begin(record, now);
  }

  /** Another node owns the job from now on, or is about to: it leaves every line here. Who waits for it, waits on. */
  release(record: JobRecord, now: Instant): void {
    const { self, dispatcher, deliver, answer } = this.options;
    // It has left them already.
    if (record.owner !== self) return;
    if (!isFinished(record.state)) this.clearStart(record);
    this.options.heldBack.letGo(record);
    if (record.place !== null) dispatcher.forget(record);
    if (record.state === 'running' && record.outcome === null) {
      const executor = record.executor as NodeId;
      dispatcher.settled(executor, record);
      deliver(executor, { type: 'stop', key: keyOf(record), reason: 'fenced' });
    }
    if (record.outcome !== null) this.settling--;
    for (const step of record.pending ?? []) {
      const why = `job ${record.spec.id} has another owner now`;
      if (step.type === 'accepted') this.answerAccept(step, unknownReply(why));
      else if (step.type === 'reopened') answer(step.asker, unknownReply(why));
    }
    record.pending = null;
    record.outcome = null;
    dispatcher.dispatchWaiting(now);
  }

  /** Its holders, and this node's journal, have the latest change; or the journal has failed to take it. */
  reached(record: JobRecord, isOnDisk: boolean): void {
    if (!isOnDisk) this.refuseAccepts(record, 'this node could not write it down');
    if (record.missing !== 0 || record.pending === null) return;
    const steps = record.pending;
    record.pending = null;
    for (const step of steps) this.take(step, record);
  }

  private take(step: PendingStep, record: JobRecord): void {
    const { answer, replicator, dispatcher } = this.options;
    switch (step.type) {
      case 'accepted':
        return this.answerAccept(step, keptReply(record, step.copiesMin));
      case 'settled':
        return this.settle(record, step.isAdopted);
      case 'reopened':
        return answer(step.asker, okReply());
      case 'isolated':
        return dispatcher.sendRun(record, step.attempt);
      case 'released':
        return replicator.drop(
          step.nodes.filter((node) => !record.holders.includes(node)),
          record,
        );
      case 'handed':
        return this.options.handed(record);
      default:
        assertNever(step);
    }
  }

  /** Whoever asked is gone: the job is taken all the same. */
  abandon(asker: Asker): void {
    const accept = this.accepting.get(asker);
    if (accept === undefined) return;
    const { record } = accept;
    this.accepting.delete(asker);
    const isIts = (step: PendingStep): boolean => step.type === 'accepted' && step.asker === accept.asker;
    for (const step of record.pending ?? [])
      if (step.type === 'accepted' && isIts(step)) this.lateAccepts.cancel(step.deadline);
    record.pending = record.pending?.filter((step) => !isIts(step)) ?? null;
  }

  private answerWhenKept(record: JobRecord, asker: Asker, copiesMin: number, now: Instant): void {
    const accept: LateAccept = { record, asker };
    const deadline = this.lateAccepts.add(now.monotonicMs + this.options.config.askTimeoutMs, accept);
    this.accepting.set(asker, accept);
    this.addStep(record, { type: 'accepted', asker, copiesMin, deadline });
  }

  private answerAccept({ asker, deadline }: Extract<PendingStep, { type: 'accepted' }>, reply: Reply): void {
    this.lateAccepts.cancel(deadline);
    this.accepting.delete(asker);
    this.options.answer(asker, reply);
  }

  /** Nobody can promise anything about it; it may run all the same. */
  private refuseAccepts(record: JobRecord, why: string, only: Asker | null = null): void {
    const accepts = (record.pending ?? []).filter(
      (step) => step.type === 'accepted' && (only === null || step.asker === only),
    );
    if (accepts.length === 0) return;
    record.pending = (record.pending ?? []).filter((step) => !accepts.includes(step));
    for (const step of accepts)
      if (step.type === 'accepted') this.answerAccept(step, unknownReply(`job ${record.spec.id}: ${why}`));
  }

  private addStep(record: JobRecord, step: PendingStep): void {
    if (record.pending === null) record.pending = [step];
    else record.pending.push(step);
  }

  /** To the line that its state stands for. */
  private begin(record: JobRecord, now: Instant): void {
    if (isHeldBack(record)) this.options.heldBack.hold(record, now);
    else if (record.state === 'delayed') this.delay(record, record.notBeforeMs - now.wallMs, now);
    else this.options.dispatcher.enqueue(record, now);
  }

  /** An attempt that may take its node down: its holders are told first where it runs, as this may be that node. */
  announce(record: JobRecord): void {
    this.addStep(record, { type: 'isolated', attempt: keyOf(record) });
    this.options.replicator.changed(record);
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
        waits.add(record, asker, 'cancelled', null);
        if (record.outcome !== null || record.owner !== this.options.self) return;
        this.clearStart(record);
        this.options.heldBack.letGo(record);
        if (record.place !== null) dispatcher.forget(record);
        this.finish(record, { type: 'cancelled' }, now);
        return;
      }
      case 'running':
        waits.add(record, asker, 'cancelled', null);
        if (record.cancelling || record.outcome !== null || record.owner !== this.options.self) return;
        record.cancelling = true;
        deliver(record.executor as NodeId, { type: 'stop', key: keyOf(record), reason: 'cancelled' });
        return;
      default:
        assertNever(record.state);
    }
  }

  /** Puts a failed or cancelled job back in the queue, with its retries counted anew. */
  retry(record: JobRecord, asker: Asker, now: Instant): void {
    const isWaiting = isHeldBack(record);
    this.options.ledger.reopen(record, isWaiting ? 'delayed' : 'queued');
    record.generation++;
    record.failures = 0;
    record.fatalities = 0;
    this.addStep(record, { type: 'reopened', asker });
    this.options.replicator.changed(record);
    if (isWaiting) this.options.heldBack.holdAnew(record, now);
    else this.options.dispatcher.enqueue(record, now);
  }

  /** All jobs that it comes after are done: it starts, or waits for its time. */
  letStart(record: JobRecord, now: Instant): void {
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
    this.giveUpAccepts(now);
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

  nextDeadlineMs(): number {
    return Math.min(this.starts.nextMs(), this.lateAccepts.nextMs());
  }

  private giveUpAccepts(now: Instant): void {
    for (
      let late = this.lateAccepts.takeDue(now.monotonicMs);
      late !== undefined;
      late = this.lateAccepts.takeDue(now.monotonicMs)
    ) {
      const { record, asker } = late;
      const missing = record.holders.filter((_, position) => (record.missing & (1 << position)) !== 0).length;
      const had = record.holders.length - missing;
      this.refuseAccepts(record, `only ${had} of ${record.holders.length} copies were there in time`, asker);
    }
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
    this.options.replicator.changed(record);
  }

  /** It took a node or a thread down with it: again elsewhere and by itself, but not for ever. */
  private blame(record: JobRecord, error: JobError, now: Instant): void {
    record.fatalities++;
    record.error = error;
    if (record.cancelling) this.finish(record, { type: 'cancelled' }, now);
    else if (record.fatalities >= this.options.config.fatalitiesMax) {
      this.finish(record, { type: 'failed', error: fatalError(record.fatalities, error) }, now);
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
    this.forgetAnnounced(record);
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

  private forgetAnnounced(record: JobRecord): void {
    if (record.pending !== null) record.pending = record.pending.filter(({ type }) => type !== 'isolated');
  }

  /** The outcome is known, and goes to the holders before anybody else hears of it. */
  private finish(record: JobRecord, outcome: JobOutcome, now: Instant, isAdopted = false): void {
    this.forgetAnnounced(record);
    record.outcome = outcome;
    // An earlier owner has told when.
    record.finishedAtMs ??= now.wallMs;
    this.settling++;
    this.addStep(record, { type: 'settled', isAdopted });
    this.options.replicator.changed(record);
  }

  private settle(record: JobRecord, isAdopted: boolean): void {
    const { ledger, waits, replicator } = this.options;
    const outcome = record.outcome as JobOutcome;
    record.outcome = null;
    this.settling--;
    this.totals[outcome.type]++;
    ledger.finish(record, outcome, this.options.now());
    this.options.settled(record, isAdopted);
    waits.resolve(record);
    // Nobody is to keep an outcome that nobody will ask for.
    if (ledger.get(record.spec.id) !== record) replicator.drop(record.holders, record);
  }

  private current(from: NodeId, key: AttemptKey): JobRecord | null {
    const record = this.options.ledger.get(key.job);
    const isCurrent =
      record !== undefined &&
      record.state === 'running' &&
      record.outcome === null &&
      record.owner === this.options.self &&
      record.executor === from &&
      record.epoch === key.epoch &&
      record.attempt === key.attempt;
    return isCurrent ? record : null;
  }

  /** What is kept for jobs that are not due now, for checkers. */
  debts(): Debt[] {
    return [
      { kind: 'starts to come', count: this.starts.size, node: null },
      { kind: 'outcomes to settle', count: this.settling, node: null },
    ];
  }
}

/** A job that has taken too many nodes or threads down, with what happened the last time. */
export function fatalError(count: number, last: JobError | null): JobError {
  const message = `its runs took ${count} nodes or threads down; the last time: ${last?.message ?? ''}`;
  return { name: last?.name ?? 'NodeLost', message };
}

function keptReply(record: JobRecord, copiesMin: number): Reply {
  const { id } = record.spec;
  const count = record.holders.length;
  if (count >= copiesMin) return acceptedReply(record);
  return unknownReply(`job ${id} is held by ${count} nodes, and copies=${copiesMin} was asked for`);
}

/** Worded as what it is. */
function unknownReply(why: string): Reply {
  return errorReply('UNAVAILABLE', `${why}; it may run all the same, now or later`);
}
