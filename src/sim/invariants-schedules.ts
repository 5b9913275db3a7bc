import type { SubmitCommand } from '../core/commands.js';
import type { AttemptStart, NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobId, RequestId } from '../core/ids.js';
import { idOfKey } from '../core/jobs/submission.js';
import type { Reply } from '../core/reply.js';
import { nextTimeMs } from '../protocol/cron.js';
import type { CopyInvariants } from './invariants-copies.js';
import type { SimNode } from './sim-node.js';
import { wallStartMs } from './sim-time.js';
import type { Invariant } from './violation.js';

export interface ScheduleInvariantsOptions {
  readonly nowMs: () => number;
  readonly copies: CopyInvariants;
  readonly fail: (invariant: Invariant, node: string, what: string) => never;
}

/** A schedule that some client has asked for. All times are on the wall. */
interface Schedule {
  readonly command: SubmitCommand;
  /** Null: nobody has told it. */
  id: JobId | null;
  readonly askedAtMs: number;
  ackedAtMs: number | null;
  cancelAskedAtMs: number | null;
  cancelledAtMs: number | null;
  /** Its times until now, by the job of each. */
  readonly times: Map<JobId, number>;
  lookedUntilMs: number;
  /** Times for which its owner has had a job taken, or for which one has run. */
  readonly fired: Set<number>;
  /** For all up to here one job has stood. */
  skippedUntilMs: number;
  /** By its owner's latest word. */
  lastMs: number | null;
}

type Request =
  | { readonly type: 'submit'; readonly schedule: Schedule }
  | { readonly type: 'cancel'; readonly job: JobId };

/** A time that is missed for longer is not made up for by itself. */
const catchUpMs = 60_000;
/** Without faults a schedule fires within so long. */
const lateMs = 1_500;

/**
 * Invariant 23: a schedule fires for each of its times, until it is cancelled, and for nothing else. That each job of it runs is 11; that it
 * runs once without faults is 14. Clocks must be right.
 */
export class ScheduleInvariants {
  /** Nothing is wrong with any node or link. */
  private calmSinceMs = Number.POSITIVE_INFINITY;
  private readonly byArgs = new Map<string, Schedule>();
  private readonly byId = new Map<JobId, Schedule>();
  private readonly requests = new Map<RequestId, Request>();

  constructor(private readonly options: ScheduleInvariantsOptions) {}

  setCalm(isCalm: boolean): void {
    this.calmSinceMs = isCalm ? this.nowMs : Number.POSITIVE_INFINITY;
  }

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    if (event.type === 'request' && event.command.type === 'submit' && event.command.options.cron !== null)
      this.noteSubmitted(event.request, event.command);
    else if (event.type === 'request' && event.command.type === 'cancel')
      this.noteCancel(event.request, event.command.job);
    if (this.byArgs.size === 0) return;
    for (const [id, schedule] of this.byId) this.noteFired(node, id, schedule);
    for (const effect of effects) {
      if (effect.type === 'reply') this.noteReply(effect.request, effect.reply);
      else if (effect.type === 'start_attempt') this.checkStart(node, effect);
    }
  }

  /** Times that are over by so much, of schedules that go on, and nobody has fired for. */
  missing(graceMs: number): string[] {
    const untilMs = this.nowMs - graceMs;
    return [...this.byId].flatMap(([id, schedule]) => {
      const { ackedAtMs, cancelAskedAtMs, skippedUntilMs, fired, times } = schedule;
      if (ackedAtMs === null || cancelAskedAtMs !== null || this.options.copies.isExcused(id)) return [];
      this.lookOn(schedule);
      const due = [...times.values()].filter((timeMs) => timeMs > ackedAtMs && timeMs <= untilMs);
      return due
        .filter((timeMs) => timeMs > skippedUntilMs && !fired.has(timeMs))
        .map((timeMs) => `${id} has not fired for ${textOf(timeMs)}`);
    });
  }

  /** How many times of all schedules were fired for. */
  get firedCount(): number {
    return [...this.byArgs.values()].reduce((sum, { fired }) => sum + fired.size, 0);
  }

  private get nowMs(): number {
    return wallStartMs + this.options.nowMs();
  }

  private noteSubmitted(request: RequestId, command: SubmitCommand): void {
    const { key } = command.options;
    const schedule: Schedule = {
      command,
      id: null,
      askedAtMs: this.nowMs,
      ackedAtMs: null,
      cancelAskedAtMs: null,
      cancelledAtMs: null,
      times: new Map(),
      lookedUntilMs: this.nowMs,
      fired: new Set(),
      skippedUntilMs: Number.NEGATIVE_INFINITY,
      lastMs: null,
    };
    this.byArgs.set(String(command.args), schedule);
    this.requests.set(request, { type: 'submit', schedule });
    if (key !== null) this.identify(schedule, idOfKey(key));
  }

  private identify(schedule: Schedule, id: JobId): void {
    schedule.id = id;
    this.byId.set(id, schedule);
  }

  private noteCancel(request: RequestId, job: JobId): void {
    this.requests.set(request, { type: 'cancel', job });
    const schedule = this.byId.get(job);
    if (schedule !== undefined) schedule.cancelAskedAtMs ??= this.nowMs;
  }

  private noteReply(number: RequestId, reply: Reply): void {
    const request = this.requests.get(number);
    this.requests.delete(number);
    if (request === undefined || !reply.ok) return;
    if (request.type === 'submit') {
      request.schedule.ackedAtMs = this.nowMs;
      this.identify(request.schedule, reply.text.split(' ')[0] as JobId);
      return;
    }
    const schedule = this.byId.get(request.job);
    if (schedule !== undefined) schedule.cancelledAtMs ??= this.nowMs;
  }

  /** Its owner has heard that the job of a time is kept: from then on it is one like any other that was acknowledged. */
  private noteFired({ core }: SimNode, id: JobId, schedule: Schedule): void {
    const record = core.jobs.ledger.get(id);
    if (record === undefined) return;
    const { lastMs, lastJob } = core.jobs.heldBack.schedules.factsOf(record);
    if (lastMs === null || lastJob === null || lastMs === schedule.lastMs) return;
    schedule.lastMs = lastMs;
    schedule.fired.add(lastMs);
    if (this.nowMs - lastMs > catchUpMs) schedule.skippedUntilMs = this.nowMs;
    const job = core.jobs.ledger.get(lastJob);
    const args = String(schedule.command.args);
    if (job !== undefined)
      this.options.copies.acknowledge(lastJob, args, job.holders.length, job.spec.durable);
    const sinceMs = Math.max(this.calmSinceMs, schedule.askedAtMs);
    if (lastMs > sinceMs && this.nowMs - lastMs > lateMs)
      this.options.fail(
        23,
        core.self().name,
        `${id} fires for ${textOf(lastMs)} only now, and nothing is wrong`,
      );
  }

  private checkStart(node: SimNode, { job, args }: AttemptStart): void {
    const schedule = this.byArgs.get(String(args));
    if (schedule === undefined || schedule.id === null) return;
    this.lookOn(schedule);
    const timeMs = schedule.times.get(job);
    const { id, cancelledAtMs } = schedule;
    if (timeMs === undefined)
      this.options.fail(23, node.name, `${id} has fired ${job}, and for no time of its`);
    schedule.fired.add(timeMs);
    if (cancelledAtMs === null || timeMs <= cancelledAtMs) return;
    // Half a cluster may go on with what the other half has ended, until they meet again.
    if (timeMs > this.calmSinceMs || !this.options.copies.mayDiffer(id))
      this.options.fail(23, node.name, `${id} fires for ${textOf(timeMs)}, and was cancelled before`);
  }

  private lookOn(schedule: Schedule): void {
    const { id, times, command } = schedule;
    const { cron, timeZone } = command.options;
    if (id === null || cron === null) return;
    for (;;) {
      const timeMs = nextTimeMs(cron, timeZone, schedule.lookedUntilMs);
      if (timeMs === null || timeMs > this.nowMs) return;
      times.set(idOfKey(`schedule ${id} ${textOf(timeMs)}`), timeMs);
      schedule.lookedUntilMs = timeMs;
    }
  }
}

function textOf(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
