import { assertNever } from '../assert.js';
import type { SubmitCommand } from '../commands.js';
import { Deadlines } from '../deadlines.js';
import type { JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobMessage } from '../messages.js';
import type { Outbox } from '../outbox.js';
import type { Random } from '../random.js';
import { okReply, type Reply } from '../reply.js';
import { Acceptances, keptReply, unknownReply, unwrittenReply } from './acceptances.js';
import { acceptedReply, outcomeReply } from './answers.js';
import { AttemptEnds } from './attempt-ends.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { Dispatcher } from './dispatcher.js';
import { type HeldBack, isHeldBack } from './held-back.js';
import type { JobStreams } from './job-streams.js';
import type { Ledger } from './ledger.js';
import type { Placement } from './placement.js';
import {
  type Asker,
  addReleased,
  addStep,
  forgetAnnounced,
  isFinished,
  isShortOfHolders,
  type JobError,
  type JobOutcome,
  type JobRecord,
  keyOf,
  type PendingStep,
} from './record.js';
import type { Replicator } from './replicator.js';
import type { SpecTerms } from './spec.js';
import { buildRecord } from './submission.js';
import { cancelReply, type Waits } from './waits.js';

export interface OwnerOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly dispatcher: Dispatcher;
  readonly waits: Waits;
  readonly streams: JobStreams;
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

const pairsMax = 1_024;

/** The owner's side of a job's life: accepted, started, retried, finished, told to whoever waits. */
export class Owner {
  readonly totals: JobTotals = { submitted: 0, done: 0, failed: 0, cancelled: 0, retried: 0, reassigned: 0 };
  private readonly starts = new Deadlines<JobRecord>();
  readonly acceptances: Acceptances;
  readonly ends: AttemptEnds;
  private settling = 0;
  /** Shared by all records that nobody else holds. */
  private readonly selfAlone: readonly NodeId[];
  private readonly pairs = new Map<NodeId, readonly NodeId[]>();

  constructor(private readonly options: OwnerOptions) {
    this.selfAlone = [options.self];
    this.acceptances = new Acceptances(options);
    this.ends = new AttemptEnds({
      ...options,
      totals: this.totals,
      finish: (record, outcome, now) => this.finish(record, outcome, now),
      delay: (record, delayMs, now) => this.delay(record, delayMs, now),
    });
  }

  /**
   * Takes a job whose limits and demands have been checked. It is on its way to an executor at once; its client is answered when all
   * holders have it, or with the outcome.
   */
  accept(command: SubmitCommand, id: JobId, asker: Asker, terms: SpecTerms, now: Instant): void {
    const { self, ledger, replicator, placement } = this.options;
    const others = placement.choose(id, terms.copies - 1, terms.isDurable);
    const holders = this.holdersWith(others);
    const record = buildRecord({ command, id, owner: self, holders, terms, now });
    ledger.insert(record);
    this.totals.submitted++;
    if (command.wait) {
      this.follow(record, command, asker, now);
      replicator.begun(record, now);
    } else if (others.length === 0 && !terms.isDurable) {
      // Nobody else has to have it, and no disk.
      replicator.changed(record);
      this.options.answer(asker, keptReply(record, command.options.copies ?? 1));
    } else {
      this.acceptances.answerWhenKept(record, asker, command.options.copies ?? 1, now);
      replicator.changed(record);
    }
    this.begin(record, now);
  }

  /** This node, and others after it; shared by all jobs that the same two hold. */
  private holdersWith(others: readonly NodeId[]): readonly NodeId[] {
    const [first] = others;
    if (first === undefined) return this.selfAlone;
    const { self } = this.options;
    if (others.length > 1) return [self, ...others];
    let both = this.pairs.get(first);
    if (both === undefined) {
      // Nodes come and go: those that are gone are not kept for ever.
      if (this.pairs.size >= pairsMax) this.pairs.clear();
      both = [self, first];
      this.pairs.set(first, both);
    }
    return both;
  }

  /** Another client asks for a job that is here: it is told the same, and no sooner. */
  acceptAgain(record: JobRecord, asker: Asker, copiesMin: number, now: Instant): void {
    if (record.isUnwritten) this.options.answer(asker, unwrittenReply(record));
    else if (record.missing === 0 || isFinished(record.state))
      this.options.answer(asker, acceptedReply(record));
    else this.acceptances.answerWhenKept(record, asker, copiesMin, now);
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
      if (step.type === 'accepted') this.acceptances.answer(step, unknownReply(why));
      else if (step.type === 'reopened') answer(step.asker, unknownReply(why));
    }
    record.pending = null;
    record.outcome = null;
    dispatcher.dispatchWaiting(now);
  }

  /** Its holders, and this node's journal, have the latest change; or the journal has failed to take it. */
  reached(record: JobRecord, isOnDisk: boolean): void {
    if (!isOnDisk) this.acceptances.refuse(record, 'this node could not write it down');
    if (record.missing !== 0 || record.pending === null) return;
    // An outcome that no disk and nobody else has is told once there is a disk, or another holder: until then it could be lost, and told twice.
    if (record.isUnwritten && record.outcome !== null && record.holders.length === 1) return;
    const steps = record.pending;
    record.pending = null;
    for (const step of steps) this.take(step, record);
  }

  private take(step: PendingStep, record: JobRecord): void {
    const { answer, replicator, dispatcher } = this.options;
    switch (step.type) {
      case 'accepted':
        return this.acceptances.kept(record, step);
      case 'settled':
        return this.settle(record, step.isAdopted);
      case 'reopened':
        return answer(step.asker, okReply());
      case 'announced':
        return dispatcher.sendRun(record, step.attempt);
      case 'released':
        if (isShortOfHolders(record)) return addReleased(record, step.nodes);
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

  /** To the line that its state stands for. */
  private begin(record: JobRecord, now: Instant): void {
    if (isHeldBack(record)) this.options.heldBack.hold(record, now);
    else if (record.state === 'delayed') this.delay(record, record.notBeforeMs - now.wallMs, now);
    else this.options.dispatcher.enqueue(record, now);
  }

  /** An attempt that may take its node down: its holders are told first where it runs, as this may be that node. */
  announce(record: JobRecord): void {
    addStep(record, { type: 'announced', attempt: keyOf(record) });
    this.options.replicator.changed(record);
  }

  /** RUN: of a job that was just taken, or of one that is here already. */
  follow(record: JobRecord, { stream }: Pick<SubmitCommand, 'stream'>, asker: Asker, now: Instant): void {
    if (stream === undefined) this.wait(record, asker, null, now);
    else this.options.streams.watch(record, asker);
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
    addStep(record, { type: 'reopened', asker });
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

  /** Starts what is due. */
  tick(now: Instant): void {
    const { ledger, dispatcher } = this.options;
    this.acceptances.tick(now);
    this.ends.tick(now);
    for (
      let record = this.starts.takeDue(now.monotonicMs);
      record !== undefined;
      record = this.starts.takeDue(now.monotonicMs)
    ) {
      record.deadline = null;
      ledger.transition(record, 'queued');
      dispatcher.enqueue(record, now);
    }
    if (dispatcher.hasManyWaiting) dispatcher.dispatchWaiting(now);
  }

  nextStartMs(): number {
    return this.starts.nextMs();
  }

  nextDeadlineMs(): number {
    return Math.min(this.starts.nextMs(), this.acceptances.nextDeadlineMs());
  }

  private delay(record: JobRecord, delayMs: number, now: Instant): void {
    record.notBeforeMs = now.wallMs + delayMs;
    record.deadline = this.starts.add(now.monotonicMs + delayMs, record);
  }

  private clearStart(record: JobRecord): void {
    if (record.deadline !== null) this.starts.cancel(record.deadline);
    record.deadline = null;
  }

  /** The outcome is known, and goes to the holders before anybody else hears of it. */
  private finish(record: JobRecord, outcome: JobOutcome, now: Instant, isAdopted = false): void {
    forgetAnnounced(record);
    record.outcome = outcome;
    // An earlier owner has told when.
    record.finishedAtMs ??= now.wallMs;
    this.settling++;
    if (this.isForgottenAtOnce(record)) return this.settle(record, isAdopted);
    addStep(record, { type: 'settled', isAdopted });
    this.options.replicator.changed(record);
  }

  /** No other node has heard of the job, so none will run it again; and its outcome is kept nowhere. */
  private isForgottenAtOnce(record: JobRecord): boolean {
    if (record.spec.ttlMs > 0 || record.pending !== null || !this.options.replicator.withhold(record))
      return false;
    record.holders = this.selfAlone;
    return true;
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

  /** What is kept for jobs that are not due now, for checkers. */
  debts(): Debt[] {
    return [
      { kind: 'starts to come', count: this.starts.size, node: null },
      { kind: 'outcomes to settle', count: this.settling, node: null },
    ];
  }
}
