import { assertNever } from '../assert.js';
import { backoffMs } from '../backoff.js';
import type { JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { MemberState } from '../member.js';
import type { AttemptKey, JobMessage } from '../messages.js';
import type { Outbox } from '../outbox.js';
import type { Random } from '../random.js';
import type { JobsConfig } from './config.js';
import type { Dispatcher } from './dispatcher.js';
import type { JobStreams } from './job-streams.js';
import type { Ledger } from './ledger.js';
import type { JobTotals } from './owner.js';
import {
  type AttemptOutcome,
  forgetAnnounced,
  isDangerous,
  type JobError,
  type JobOutcome,
  type JobRecord,
  keyOf,
} from './record.js';
import type { Replicator } from './replicator.js';

type HoldingMessage = Extract<JobMessage, { type: 'holding' }>;

export interface AttemptEndsOptions {
  readonly self: NodeId;
  readonly config: JobsConfig;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly dispatcher: Dispatcher;
  readonly replicator: Replicator;
  readonly outbox: Outbox;
  readonly totals: JobTotals;
  readonly streams: JobStreams;
  readonly deliver: (to: NodeId, message: JobMessage) => void;
  /** The job has its outcome. */
  readonly finish: (record: JobRecord, outcome: JobOutcome, now: Instant) => void;
  /** It starts again after a pause. */
  readonly delay: (record: JobRecord, delayMs: number, now: Instant) => void;
}

/** What an owner makes of the ends of attempts, and of executors that end: done, failed, tried again, or run elsewhere. */
export class AttemptEnds {
  constructor(private readonly options: AttemptEndsOptions) {}

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
    if (record === null) return;
    record.hasStarted = true;
    record.progress = value;
    this.options.streams.recordChanged(record);
  }

  handleChunk(from: NodeId, message: Extract<JobMessage, { type: 'stream_chunk' }>): void {
    const record = this.current(from, message.key);
    if (record === null) return;
    record.hasStarted = true;
    if (this.options.streams.handleChunk(record, message)) return;
    // On a link that is whole they would never come by themselves.
    this.options.dispatcher.resyncAnew(from);
  }

  /**
   * After a new link: what the executor doesn't have never arrived there, or was stopped when it took this node for dead; what it should
   * not have, it stops.
   */
  handleHolding(from: NodeId, { seq, attempts, window }: HoldingMessage, now: Instant): void {
    if (!this.options.dispatcher.resynced(from, seq)) return;
    const held = new Set<JobId>();
    for (const key of attempts) {
      const record = this.current(from, key);
      if (record !== null) {
        held.add(key.job);
        this.options.streams.tellRoomAgain(record);
      } else this.options.deliver(from, { type: 'stop', key, reason: 'fenced' });
    }
    for (const record of [...this.options.dispatcher.outstandingAt(from)]) {
      if (!held.has(record.spec.id)) this.runAgain(record, from, now);
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
    // Each goes to the front of its line, so the oldest goes last.
    for (const record of records.reverse()) {
      const error = { name: 'NodeLost', message: `node ${name} was lost while running it` };
      // Of all that a node held, only few had started; which ones is told from a second loss on, when they are isolated. Should that word be
      // lost with the node, there is a next time: a job that only waited must never fail for it.
      if (isBlamed && (!isDangerous(record) || record.hasStarted)) this.blame(record, error, now);
      else this.requeue(record, now);
    }
  }

  private tellReassigned({ length: count }: readonly JobRecord[], node: NodeId, where: string): void {
    if (count === 0) return;
    this.options.totals.reassigned += count;
    this.options.outbox.log('warn', `${count} jobs that ran ${where} run elsewhere`, { node, count });
  }

  private conclude(record: JobRecord, outcome: AttemptOutcome, now: Instant): void {
    if (record.cancelling && outcome.type !== 'done') {
      this.options.finish(record, { type: 'cancelled' }, now);
      return;
    }
    switch (outcome.type) {
      case 'done':
        this.options.finish(record, outcome, now);
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
      this.options.finish(record, { type: 'failed', error }, now);
      return;
    }
    const { config, random, ledger } = this.options;
    this.options.totals.retried++;
    ledger.transition(record, 'delayed');
    // A pause that was asked for is kept, however long; the limit is for what doubling makes of it.
    const range = {
      minMs: record.spec.backoffMs,
      maxMs: Math.max(record.spec.backoffMs, config.backoffMsMax),
    };
    this.options.delay(record, Math.round(backoffMs(record.failures, range, random)), now);
    this.options.replicator.changed(record);
  }

  /** It took a node or a thread down with it: again elsewhere and by itself, but not for ever. */
  private blame(record: JobRecord, error: JobError, now: Instant): void {
    record.fatalities++;
    record.error = error;
    if (record.cancelling) this.options.finish(record, { type: 'cancelled' }, now);
    else if (record.fatalities >= this.options.config.fatalitiesMax) {
      this.options.finish(record, { type: 'failed', error: fatalError(record.fatalities, error) }, now);
    } else this.requeue(record, now);
  }

  /** It shared a thread that ended, so it may or may not be to blame: its next run is by itself, and tells. */
  private suspectAttempt(record: JobRecord, error: JobError, now: Instant): void {
    record.error = error;
    record.needsThread = true;
    record.fatalities = Math.max(1, record.fatalities);
    this.requeue(record, now);
  }

  /** One that has begun counts: what it told its followers was another attempt's than what comes next. */
  private runAgain(record: JobRecord, from: NodeId, now: Instant): void {
    if (!this.hasBegun(record)) {
      this.takeBack(record, from, now);
      return;
    }
    this.options.dispatcher.settled(from, record);
    this.requeue(record, now);
  }

  /** As far as its executor has told. */
  hasBegun(record: JobRecord): boolean {
    return record.hasStarted;
  }

  private takeBack(record: JobRecord, from: NodeId, now: Instant): void {
    this.options.dispatcher.settled(from, record);
    record.attempt--;
    this.requeue(record, now);
  }

  private requeue(record: JobRecord, now: Instant): void {
    if (record.cancelling) {
      this.options.finish(record, { type: 'cancelled' }, now);
      return;
    }
    forgetAnnounced(record);
    this.options.ledger.transition(record, 'queued');
    record.executor = null;
    this.options.dispatcher.enqueue(record, now, 'front');
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

  /** Executors that can't be reached any more: what they had runs elsewhere. */
  tick(now: Instant): void {
    const { dispatcher } = this.options;
    for (const node of dispatcher.unreached.takeDue(now)) {
      const { records } = dispatcher.executorGone(node);
      this.tellReassigned(records, node, `on ${node}, which can't be reached,`);
      for (const record of records.reverse()) this.requeue(record, now);
    }
  }
}

/** A job that has taken too many nodes or threads down, with what happened the last time. */
export function fatalError(count: number, last: JobError | null): JobError {
  const message = `its runs took ${count} nodes or threads down; the last time: ${last?.message ?? ''}`;
  return { name: last?.name ?? 'NodeLost', message };
}
