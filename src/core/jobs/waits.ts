import { Deadlines } from '../deadlines.js';
import type { JobId } from '../ids.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { outcomeReply } from './answers.js';
import { AskerTable } from './asker-table.js';
import { fateOf } from './at-stake.js';
import type { Debt } from './debts.js';
import type { Asker, ExpiringWait, JobRecord, Waiter } from './record.js';

/** Requests that wait for jobs of this node: who they are, until when, and what they are told. */
export class Waits {
  private readonly waits = new AskerTable<ExpiringWait>();
  private readonly expiries = new Deadlines<ExpiringWait>();

  constructor(private readonly answer: (asker: Asker, reply: Reply) => void) {}

  add(record: JobRecord, asker: Asker, wants: Waiter['wants'], endsAtMs: number | null): void {
    const waiter: Waiter = { asker, wants, deadline: null, index: record.waiters?.length ?? 0 };
    const wait: ExpiringWait = { record, waiter };
    if (endsAtMs !== null) waiter.deadline = this.expiries.add(endsAtMs, wait);
    this.waits.set(asker, wait);
    if (record.waiters === null) record.waiters = [waiter];
    else record.waiters.push(waiter);
  }

  /** The job has its outcome. */
  resolve(record: JobRecord): void {
    const waiters = record.waiters;
    if (waiters === null) return;
    record.waiters = null;
    for (const waiter of waiters) {
      this.unlist(waiter);
      this.answer(
        waiter.asker,
        waiter.wants === 'cancelled'
          ? cancelReply(record)
          : outcomeReply(record, waiter.wants === 'end' ? 'end' : 'outcome'),
      );
    }
  }

  /** The job is another node's: who waits for it here, and no longer does. */
  take(record: JobRecord): Waiter[] {
    const waiters = record.waiters ?? [];
    record.waiters = null;
    for (const waiter of waiters) this.unlist(waiter);
    return waiters;
  }

  /** The job that it waits for here; null: none. */
  jobOf(asker: Asker): JobId | null {
    return this.waits.get(asker)?.record.spec.id ?? null;
  }

  remove(asker: Asker): void {
    const wait = this.waits.get(asker);
    if (wait === undefined) return;
    this.unlist(wait.waiter);
    const waiters = wait.record.waiters;
    const { index } = wait.waiter;
    if (waiters === null || waiters[index] !== wait.waiter) return;
    const last = waiters.pop() as Waiter;
    if (last !== wait.waiter) {
      waiters[index] = last;
      last.index = index;
    }
    if (waiters.length === 0) wait.record.waiters = null;
  }

  /** This node ends, and what it owns with it: whoever waits is told. */
  failAll(why: string): void {
    for (const { record, waiter } of this.waits.values()) {
      this.remove(waiter.asker);
      this.answer(waiter.asker, errorReply('UNAVAILABLE', `${why}; ${fateText(record)}`));
    }
  }

  expire(nowMs: number): void {
    for (let wait = this.expiries.takeDue(nowMs); wait !== undefined; wait = this.expiries.takeDue(nowMs)) {
      this.remove(wait.waiter.asker);
      this.answer(
        wait.waiter.asker,
        errorReply('TIMEOUT', `job ${wait.record.spec.id} is still ${wait.record.state}; it goes on`),
      );
    }
  }

  nextExpiryMs(): number {
    return this.expiries.nextMs();
  }

  private unlist({ asker, deadline }: Waiter): void {
    if (deadline !== null) this.expiries.cancel(deadline);
    this.waits.delete(asker);
  }

  /** What is kept for those who wait now, for checkers. */
  debts(): Debt[] {
    return [
      { kind: 'requests that wait', count: this.waits.size, node: null },
      { kind: 'time-outs of waits', count: this.expiries.size, node: null },
    ];
  }
}

/** What CANCEL answers once the job has ended. */
export function cancelReply(record: JobRecord): Reply {
  if (record.state === 'cancelled') return okReply();
  return errorReply('WRONG_STATE', `job ${record.spec.id} is ${record.state} already and can't be cancelled`);
}

/** What a client is told of a job whose owner ends. */
export function fateText(record: JobRecord): string {
  const job = `job ${record.spec.id}`;
  switch (fateOf(record)) {
    case 'held':
      return `another node goes on with ${job}: ask there`;
    case 'journaled':
      return `${job} goes on when it starts again`;
    case 'lost':
      return `${job} ends with it`;
  }
}
