import { NumberTable } from '../core/number-table.js';
import type { Reply } from '../core/reply.js';
import type { Attempt, Runner, RunnerListener } from './attempt.js';
import { AttemptReports } from './attempt-reports.js';
import { HandlerHost } from './handler-host.js';
import type { Handler } from './task-module.js';
import { OrderBatch, ReportBatch, replayOrders, replayReports, type TaskFile } from './thread-messages.js';

/**
 * Runs handlers on the caller's own event loop, for embedding and tests. Nothing protects the program from a handler
 * that blocks, exits or eats memory, and one that ignores its signal is waited for: there is no thread to end.
 */
export class InlineRunner implements Runner {
  private readonly attempts = new NumberTable<Attempt>();
  private readonly listener: RunnerListener;
  private readonly host: HandlerHost;
  private readonly orders: OrderBatch;

  constructor(node: string, listener: RunnerListener, functions: Iterable<readonly [string, Handler]> = []) {
    this.listener = listener;
    const receiver = new AttemptReports(
      this.attempts,
      (attempt, outcome) => {
        this.attempts.delete(attempt.start.run);
        listener.ended(attempt, outcome);
      },
      listener,
    );
    const reports = new ReportBatch((batch) => replayReports(batch, receiver));
    this.host = new HandlerHost(node, reports, functions);
    this.orders = new OrderBatch((batch) => replayOrders(batch, this.host));
  }

  offer(files: readonly TaskFile[]): void {
    for (const file of files) this.host.offer(file);
  }

  begin(attempt: Attempt): void {
    const { run, job, attempt: number, task, args } = attempt.start;
    this.attempts.set(run, attempt);
    this.listener.started(attempt);
    this.orders.run(run, job, number, task, args);
  }

  stop(attempt: Attempt): void {
    this.orders.abort(attempt.start.run);
  }

  answer({ start: { run } }: Attempt, call: number, reply: Reply): void {
    this.orders.answer(run, call, reply);
  }

  giveRoom(attempt: Attempt, upTo: number): void {
    this.orders.room(attempt.start.run, upTo);
  }

  async close(): Promise<void> {
    const left = [...this.attempts.values()];
    this.attempts.clear();
    for (const attempt of left) {
      this.orders.abort(attempt.start.run);
      this.listener.ended(attempt, { type: 'displaced' });
    }
  }
}
