import { assert } from '../assert.js';
import { backoffMs } from '../backoff.js';
import type { SubmitCommand } from '../commands.js';
import { type Deadline, Deadlines } from '../deadlines.js';
import type { JobId } from '../ids.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import type { Outbox } from '../outbox.js';
import type { Random } from '../random.js';
import type { Reply } from '../reply.js';
import type { JobsConfig } from './config.js';
import type { Debt } from './debts.js';
import type { OwnRequests } from './own-requests.js';
import type { Placement } from './placement.js';
import type { JobError, JobRecord } from './record.js';

/**
 * The first time after `afterWallMs` that a cron expression names, in ms since 1970; null where there is none, or it is no
 * expression. Always the same for the same arguments.
 */
export type NextTime = (cron: string, timeZone: string | null, afterWallMs: number) => number | null;

export interface SchedulesOptions {
  readonly config: JobsConfig;
  readonly placement: Placement;
  readonly random: Random;
  readonly own: OwnRequests;
  readonly outbox: Outbox;
  readonly nextTimeMs: NextTime;
  /** `record.notBeforeMs`, its next time, is another one. */
  readonly changed: (record: JobRecord, now: Instant) => void;
  /** No further time comes. */
  readonly ended: (record: JobRecord, error: JobError, now: Instant) => void;
}

/** What its owner knows of a schedule; the next owner begins anew with it. */
export interface ScheduleFacts {
  readonly fired: number;
  /** The time, on the wall, that it fired for last. */
  readonly lastMs: number | null;
  readonly lastJob: JobId | null;
}

interface Plan {
  readonly record: JobRecord;
  deadline: Deadline<Plan> | null;
  /** The submission under way for the time that is due; 0 while there is none. */
  request: number;
  /** Submissions in a row that were not taken. */
  failures: number;
  facts: ScheduleFacts;
}

/** Times that are no later than this are made up for one by one; when one is later, it stands for all that were missed. */
const catchUpMs = 60_000;
/** Pauses between submissions for one time that were not taken. */
const retryRange = { minMs: 200, maxMs: 30_000 };
/** How often the wall clock is looked at, and how far it may be off before all times are looked at anew. */
const clockCheckMs = 10_000;
const clockToleranceMs = 200;

const nothingFired: ScheduleFacts = { fired: 0, lastMs: null, lastJob: null };

/**
 * Schedules that this node owns: each submits a job at each of its times. The job has a key made of the schedule and the time,
 * so that two owners, one after the other or in two halves of a cluster that meet again, make one job of it.
 */
export class Schedules {
  private readonly plans = new Map<JobId, Plan>();
  private readonly deadlines = new Deadlines<Plan>();
  /** Wall time less monotonic time, when the deadlines were set. */
  private clockMs = 0;
  private checkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: SchedulesOptions) {}

  nextTimeMs(cron: string, timeZone: string | null, now: Instant): number | null {
    return this.options.nextTimeMs(cron, timeZone, now.wallMs);
  }

  /** Fires at `record.notBeforeMs` and on; as often as it is told to, from the record alone. */
  begin(record: JobRecord, now: Instant): void {
    const known = this.plans.get(record.spec.id);
    if (known?.record === record) return;
    if (known !== undefined) this.forget(known.record);
    if (this.plans.size === 0) this.noteClock(now);
    const plan: Plan = { record, deadline: null, request: 0, failures: 0, facts: nothingFired };
    this.plans.set(record.spec.id, plan);
    this.plan(plan, now);
  }

  /** The next time is the first from now on: what it would have fired for until now is left out. */
  beginAnew(record: JobRecord, now: Instant): void {
    const { cron, timeZone } = record.spec;
    record.notBeforeMs = this.nextTimeMs(cron as string, timeZone, now) ?? record.notBeforeMs;
    this.begin(record, now);
  }

  /** It is cancelled, or another node's from now on. A job that is being submitted may still be taken. */
  forget(record: JobRecord): void {
    const plan = this.plans.get(record.spec.id);
    if (plan === undefined) return;
    this.plans.delete(record.spec.id);
    if (plan.deadline !== null) this.deadlines.cancel(plan.deadline);
    if (plan.request !== 0) this.options.own.abandon(plan.request);
  }

  factsOf(record: JobRecord): ScheduleFacts {
    return this.plans.get(record.spec.id)?.facts ?? nothingFired;
  }

  tick(now: Instant): void {
    if (this.plans.size === 0) return;
    this.followClock(now);
    for (let count = 0; count < limits.followUpsPerStepMax; count++) {
      const plan = this.deadlines.takeDue(now.monotonicMs);
      if (plan === undefined) return;
      plan.deadline = null;
      if (plan.record.notBeforeMs > now.wallMs) this.plan(plan, now);
      else this.fire(plan, now);
    }
  }

  nextDeadlineMs(): number {
    if (this.plans.size === 0) return Number.POSITIVE_INFINITY;
    return Math.min(this.deadlines.nextMs(), this.checkedAtMs + clockCheckMs);
  }

  /** What is kept for schedules now, for checkers. */
  debts(): Debt[] {
    return [{ kind: 'jobs held back', count: this.plans.size, node: null }];
  }

  /** Deadlines are monotonic and times are not: where somebody sets the clock, they part. */
  private followClock(now: Instant): void {
    this.checkedAtMs = now.monotonicMs;
    if (Math.abs(now.wallMs - now.monotonicMs - this.clockMs) <= clockToleranceMs) return;
    this.noteClock(now);
    for (const plan of this.plans.values())
      if (plan.request === 0 && plan.failures === 0) this.plan(plan, now);
  }

  private noteClock(now: Instant): void {
    this.clockMs = now.wallMs - now.monotonicMs;
    this.checkedAtMs = now.monotonicMs;
  }

  private plan(plan: Plan, now: Instant): void {
    this.planIn(plan, Math.max(0, plan.record.notBeforeMs - now.wallMs), now);
  }

  private planIn(plan: Plan, pauseMs: number, now: Instant): void {
    if (plan.deadline !== null) this.deadlines.cancel(plan.deadline);
    plan.deadline = this.deadlines.add(now.monotonicMs + pauseMs, plan);
  }

  private fire(plan: Plan, now: Instant): void {
    const { record } = plan;
    const timeMs = record.notBeforeMs;
    plan.request = this.options.own.ask(
      commandOf(record, timeMs, this.copiesOf(record)),
      now,
      (reply, now) => {
        plan.request = 0;
        if (reply.ok) this.fired(plan, timeMs, reply.text, now);
        else this.notTaken(plan, reply, now);
      },
    );
  }

  /** As many as it asks for, or as there are nodes for now: a time is not to wait for more. Null: what any job gets. */
  private copiesOf({ spec: { copies } }: JobRecord): number | null {
    const { config, placement } = this.options;
    const nodes = Math.max(1, placement.nodeCount);
    // A job that asks for none gets a further copy when a further node comes.
    if (copies === config.copies || (copies > config.copies && nodes <= config.copies)) return null;
    return Math.min(copies, nodes);
  }

  private fired(plan: Plan, timeMs: number, accepted: string, now: Instant): void {
    const { record } = plan;
    const { id, cron, timeZone } = record.spec;
    plan.failures = 0;
    plan.facts = {
      fired: plan.facts.fired + 1,
      lastMs: timeMs,
      lastJob: accepted.split(' ')[0] ?? null,
    };
    const afterMs = now.wallMs - timeMs > catchUpMs ? now.wallMs : timeMs;
    const nextMs = this.options.nextTimeMs(cron as string, timeZone, afterMs);
    if (nextMs === null) {
      this.forget(record);
      const error = { name: 'ScheduleEnded', message: `no further time fits ${cron}` };
      this.options.ended(record, error, now);
      return;
    }
    assert(nextMs > timeMs, `schedule ${id} goes back from ${timeMs} to ${nextMs}`);
    record.notBeforeMs = nextMs;
    this.plan(plan, now);
    this.options.changed(record, now);
  }

  private notTaken(plan: Plan, reply: Extract<Reply, { ok: false }>, now: Instant): void {
    const { id } = plan.record.spec;
    if (++plan.failures === 1) {
      const text = `schedule ${id} could not submit its job, and goes on trying: ${reply.message}`;
      this.options.outbox.log('warn', text, { schedule: id, code: reply.code });
    }
    this.planIn(plan, backoffMs(plan.failures, retryRange, this.options.random), now);
  }
}

/** The job of one time. No client's key holds a space, so none can stand in its way. */
function commandOf({ spec, args }: JobRecord, timeMs: number, copies: number | null): SubmitCommand {
  return {
    type: 'submit',
    wait: false,
    task: spec.task,
    args: args ?? 'null',
    options: {
      priority: spec.priority,
      delayMs: 0,
      atMs: null,
      timeoutMs: spec.timeoutMs,
      retries: spec.retries,
      backoffMs: spec.backoffMs,
      key: `schedule ${spec.id} ${new Date(timeMs).toISOString()}`,
      route: spec.route,
      affinity: spec.affinity,
      on: spec.on,
      node: spec.node,
      copies,
      // Where a journal is wanted, whether there are enough of them is seen at each time.
      durable: spec.durable ? null : false,
      ttlMs: spec.ttlMs,
      after: [],
      cron: null,
      timeZone: null,
    },
  };
}
