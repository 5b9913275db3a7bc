import type { NodeCommand } from '../commands.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import type { Outbox } from '../outbox.js';
import type { Random } from '../random.js';
import type { Reply } from '../reply.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import { Dependencies } from './dependencies.js';
import type { Ledger } from './ledger.js';
import { OwnRequests } from './own-requests.js';
import type { Placement } from './placement.js';
import type { Asker, JobError, JobRecord } from './record.js';
import { type NextTime, Schedules } from './schedules.js';

export interface HeldBackOptions {
  readonly config: JobsConfig;
  readonly ledger: Ledger;
  readonly placement: Placement;
  readonly random: Random;
  readonly outbox: Outbox;
  readonly nextTimeMs: NextTime;
  readonly request: (command: NodeCommand, asker: Asker, now: Instant) => void;
  readonly abandoned: (asker: Asker) => void;
  /** Whether a node that is not there may know jobs that those that are don't. */
  readonly mayComeBack: (now: Instant) => boolean;
  /** All jobs that it comes after are done. */
  readonly released: (record: JobRecord, now: Instant) => void;
  /** It can't run any more. */
  readonly failed: (record: JobRecord, error: JobError, now: Instant) => void;
  /** `awaits` or `notBeforeMs` has changed, which its holders must know. */
  readonly changed: (record: JobRecord, now: Instant) => void;
}

/** Delayed jobs of this node that no mere delay holds back: they wait for other jobs, or are schedules. */
export class HeldBack {
  readonly dependencies: Dependencies;
  readonly schedules: Schedules;
  private readonly own: OwnRequests;

  constructor(options: HeldBackOptions) {
    const { random } = options;
    this.own = new OwnRequests(options);
    this.dependencies = new Dependencies({
      ...options,
      own: this.own,
      random: random.fork('dependencies'),
    });
    this.schedules = new Schedules({
      ...options,
      own: this.own,
      random: random.fork('schedules'),
      ended: options.failed,
    });
  }

  /** Begins to wait for what holds the job back, or goes on; as often as it is told to, from the record alone. */
  hold(record: JobRecord, now: Instant): void {
    if (record.spec.cron !== null) this.schedules.begin(record, now);
    else this.dependencies.begin(record, now);
  }

  /** The same for a job that had ended and is wanted again. */
  holdAnew(record: JobRecord, now: Instant): void {
    if (record.spec.cron !== null) this.schedules.beginAnew(record, now);
    else this.dependencies.begin(record, now);
  }

  /** The job is cancelled, or another node's from now on. */
  letGo(record: JobRecord): void {
    if (record.spec.cron !== null) this.schedules.forget(record);
    else this.dependencies.forget(record);
  }

  /** The answer to what this node asked on its own account. */
  handleAnswer(seq: number, reply: Reply): void {
    this.own.handleAnswer(seq, reply);
  }

  /** What follows from answers that have come, within bounds; the rest comes with the next step. */
  followUp(now: Instant): void {
    for (let count = 0; count < limits.followUpsPerStepMax; count++) {
      if (!this.own.next(now) && !this.dependencies.next(now)) return;
    }
  }

  tick(now: Instant): void {
    this.dependencies.tick(now);
    this.schedules.tick(now);
  }

  nextDeadlineMs(): number {
    if (this.own.hasAnswers || this.dependencies.hasSettled) return Number.NEGATIVE_INFINITY;
    return Math.min(this.dependencies.nextDeadlineMs(), this.schedules.nextDeadlineMs());
  }

  debts(): Debt[] {
    return [...this.own.debts(), ...this.dependencies.debts(), ...this.schedules.debts()];
  }
}

/** Whether the job, when it is not finished, waits for something that `HeldBack` watches. */
export function isHeldBack({ spec, awaits }: JobRecord): boolean {
  return spec.cron !== null || awaits.length > 0;
}
