import { backoffMs } from '../backoff.js';
import { type Deadline, Deadlines } from '../deadlines.js';
import { Fifo } from '../fifo.js';
import type { JobId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { Random } from '../random.js';
import { errorReply, type Reply } from '../reply.js';
import type { Debt } from './debts.js';
import { dependencyFailed, dependencyLost } from './dependency-failure.js';
import type { Ledger } from './ledger.js';
import type { OwnRequests } from './own-requests.js';
import type { JobError, JobRecord } from './record.js';

export interface DependenciesOptions {
  readonly ledger: Ledger;
  readonly random: Random;
  readonly own: OwnRequests;
  /** Whether a node that is not there may know jobs that those that are don't. */
  readonly mayComeBack: (now: Instant) => boolean;
  /** All that it waited for is done. */
  readonly released: (record: JobRecord, now: Instant) => void;
  readonly failed: (record: JobRecord, error: JobError, now: Instant) => void;
  /** `record.awaits` is shorter. */
  readonly changed: (record: JobRecord, now: Instant) => void;
}

/** A job that others of this node wait for: it is asked for once, however many they are. */
interface Watch {
  readonly job: JobId;
  readonly dependents: Set<JobRecord>;
  /** The request for its outcome; 0 while there is none. */
  request: number;
  retry: Deadline<Watch> | null;
  /** Requests in a row that brought no outcome. */
  failures: number;
  /** Since when nobody has known it, with nobody left to ask; null while somebody does, or may. */
  unknownSinceMs: number | null;
}

/** `reason` null: the job is done. */
interface Settled {
  readonly dependent: JobRecord;
  readonly job: JobId;
  readonly error: JobError | null;
}

type Checked = (refusal: Reply | null, now: Instant) => void;

/** Pauses between requests for an outcome that could not be had. */
const retryRange = { minMs: 100, maxMs: 5_000 };
/** Nobody may know a job for so long, with all nodes there, while its owner is taken for dead and another node takes over. */
const lostAfterMs = 15_000;

/** `after=`: jobs of this node that wait until others, of any node, are done. */
export class Dependencies {
  private readonly waiting = new Set<JobRecord>();
  private readonly watches = new Map<JobId, Watch>();
  private readonly retries = new Deadlines<Watch>();
  private readonly settled = new Fifo<Settled>();
  /** Jobs that submissions name, while it is found out whether anybody knows them. */
  private readonly checks = new Map<JobId, Checked[]>();

  constructor(private readonly options: DependenciesOptions) {}

  /** `checked` hears null when all these jobs are known, else why not; it may before this returns. */
  check(jobs: readonly JobId[], now: Instant, checked: Checked): void {
    let open = jobs.length;
    let isDecided = false;
    const one = (refusal: Reply | null, now: Instant): void => {
      open--;
      if (isDecided || (refusal === null && open > 0)) return;
      isDecided = true;
      checked(refusal, now);
    };
    for (const job of jobs) this.checkOne(job, now, one);
  }

  /** Waits for what the job waits for still; as often as it is told to, from the record alone. */
  begin(record: JobRecord, now: Instant): void {
    if (record.awaits.length > 0) this.waiting.add(record);
    for (const job of record.awaits) {
      const watch = this.watches.get(job);
      if (watch !== undefined) watch.dependents.add(record);
      else this.watch(job, record, now);
    }
  }

  /** The job waits no longer here: it was cancelled, or has another owner. */
  forget(record: JobRecord): void {
    if (!this.waiting.delete(record)) return;
    for (const job of record.awaits) {
      const watch = this.watches.get(job);
      if (watch === undefined) continue;
      watch.dependents.delete(record);
      if (watch.dependents.size === 0) this.end(watch);
    }
  }

  tick(now: Instant): void {
    const { monotonicMs } = now;
    for (
      let watch = this.retries.takeDue(monotonicMs);
      watch !== undefined;
      watch = this.retries.takeDue(monotonicMs)
    ) {
      watch.retry = null;
      this.ask(watch, now);
    }
  }

  nextDeadlineMs(): number {
    return this.retries.nextMs();
  }

  get hasSettled(): boolean {
    return this.settled.length > 0;
  }

  /** Tells one job that one of those it waits for has ended; false when there is nothing to tell. */
  next(now: Instant): boolean {
    const next = this.settled.shift();
    if (next === undefined) return false;
    const { dependent, job, error } = next;
    // It may have been cancelled since, or have failed for another one.
    if (!this.waiting.has(dependent) || !dependent.awaits.includes(job)) return true;
    if (error !== null) {
      this.forget(dependent);
      this.options.failed(dependent, error, now);
      return true;
    }
    dependent.awaits = dependent.awaits.filter((other) => other !== job);
    if (dependent.awaits.length === 0) {
      this.waiting.delete(dependent);
      this.options.released(dependent, now);
    }
    this.options.changed(dependent, now);
    return true;
  }

  private checkOne(job: JobId, now: Instant, checked: Checked): void {
    const known = this.options.ledger.get(job);
    if (known !== undefined) checked(known.spec.cron === null ? null : isSchedule(job), now);
    else if (this.watches.get(job)?.unknownSinceMs === null) checked(null, now);
    else {
      const checks = this.checks.get(job);
      if (checks !== undefined) {
        checks.push(checked);
        return;
      }
      this.checks.set(job, [checked]);
      this.options.own.ask({ type: 'status', job }, now, (reply, now) => {
        const waiting = this.checks.get(job) ?? [];
        this.checks.delete(job);
        for (const each of waiting) each(refusalOf(job, reply), now);
      });
    }
  }

  private watch(job: JobId, dependent: JobRecord, now: Instant): void {
    const watch: Watch = {
      job,
      dependents: new Set([dependent]),
      request: 0,
      retry: null,
      failures: 0,
      unknownSinceMs: null,
    };
    this.watches.set(job, watch);
    this.ask(watch, now);
  }

  private ask(watch: Watch, now: Instant): void {
    watch.request = this.options.own.ask(
      { type: 'wait', job: watch.job, timeoutMs: null, brief: true },
      now,
      (reply, now) => {
        watch.request = 0;
        this.answered(watch, reply, now);
      },
    );
  }

  private answered(watch: Watch, reply: Reply, now: Instant): void {
    const { job } = watch;
    if (reply.ok) this.settle(watch, null);
    else if (reply.code === 'JOB_FAILED' || reply.code === 'JOB_CANCELLED') {
      const how = reply.code === 'JOB_FAILED' ? errorOf(reply.message) : null;
      this.settle(watch, dependencyFailed(job, how));
    } else if (reply.code === 'NOT_FOUND' && !this.options.mayComeBack(now)) {
      watch.unknownSinceMs ??= now.monotonicMs;
      if (now.monotonicMs - watch.unknownSinceMs < lostAfterMs) this.askLater(watch, now);
      else this.settle(watch, dependencyLost(job));
    } else {
      watch.unknownSinceMs = null;
      this.askLater(watch, now);
    }
  }

  private askLater(watch: Watch, now: Instant): void {
    watch.failures++;
    const pauseMs = backoffMs(watch.failures, retryRange, this.options.random);
    watch.retry = this.retries.add(now.monotonicMs + pauseMs, watch);
  }

  private settle(watch: Watch, error: JobError | null): void {
    this.end(watch);
    for (const dependent of watch.dependents) this.settled.push({ dependent, job: watch.job, error });
  }

  private end(watch: Watch): void {
    this.watches.delete(watch.job);
    if (watch.retry !== null) this.retries.cancel(watch.retry);
    if (watch.request !== 0) this.options.own.abandon(watch.request);
  }

  /** What is kept for jobs that wait now, for checkers. */
  debts(): Debt[] {
    return [
      { kind: 'jobs held back', count: this.waiting.size, node: null },
      { kind: 'jobs that others wait for', count: this.watches.size + this.checks.size, node: null },
    ];
  }
}

/** What STATUS says of a job that waits for these. */
export function awaitsText(awaits: readonly JobId[]): string {
  const named = awaits.slice(0, 8).join(', ');
  const more = awaits.length > 8 ? ` and ${awaits.length - 8} more` : '';
  return `comes after ${named}${more}, not done yet`;
}

function refusalOf(job: JobId, reply: Reply): Reply | null {
  if (reply.ok) return isScheduleText(reply.text) ? isSchedule(job) : null;
  if (reply.code === 'NOT_FOUND') return errorReply('NOT_FOUND', `nothing was taken: ${reply.message}`);
  if (reply.code === 'BUSY') return reply;
  const why = `nothing was taken: whether job ${job} is known can't be told`;
  return errorReply('UNAVAILABLE', `${why}: ${reply.message}`);
}

function isSchedule(job: JobId): Reply {
  return errorReply('WRONG_STATE', `nothing was taken: ${job} is a schedule, which is never done`);
}

function isScheduleText(status: string): boolean {
  return typeof fieldsOf(status).cron === 'string';
}

/** `name: message` of what JOB_FAILED says. */
function errorOf(text: string): string {
  const { name, message } = fieldsOf(text);
  return `${name}: ${message}`;
}

/** Another node may answer anything. */
function fieldsOf(json: string): Partial<Record<string, unknown>> {
  try {
    return (JSON.parse(json) ?? {}) as Partial<Record<string, unknown>>;
  } catch {
    return {};
  }
}
