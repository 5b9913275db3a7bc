import type { RunId } from '../core/ids.js';
import type { AttemptOutcome } from '../core/jobs/record.js';
import type { NumberTable } from '../core/number-table.js';
import type { Payload } from '../core/payload.js';
import { isProgressText } from '../core/progress.js';
import type { HandlerRequest } from '../protocol/handler-request.js';
import { type Attempt, type RunnerListener, stoppedOutcome } from './attempt.js';
import { IgnoredReports } from './ignored-reports.js';
import type { AttemptLogEntry } from './scheduler.js';

/**
 * Turns a host's reports on attempts into what their runner tells. Reports on an attempt that has ended, or was never
 * there, are ignored. What a thread says of itself is for a subclass.
 */
export class AttemptReports extends IgnoredReports {
  private readonly attempts: Pick<NumberTable<Attempt>, 'get'>;
  private readonly finish: (attempt: Attempt, outcome: AttemptOutcome) => void;
  private readonly listener: RunnerListener;

  constructor(
    attempts: Pick<NumberTable<Attempt>, 'get'>,
    finish: (attempt: Attempt, outcome: AttemptOutcome) => void,
    listener: RunnerListener,
  ) {
    super();
    this.attempts = attempts;
    this.finish = finish;
    this.listener = listener;
  }

  override done(run: RunId, result: Payload): void {
    const attempt = this.attempts.get(run);
    if (attempt !== undefined) this.finish(attempt, { type: 'done', result });
  }

  override failed(run: RunId, name: string, message: string, final: boolean): void {
    const attempt = this.attempts.get(run);
    if (attempt !== undefined) this.finish(attempt, { type: 'failed', error: { name, message }, final });
  }

  override aborted(run: RunId): void {
    const attempt = this.attempts.get(run);
    if (attempt !== undefined) this.finish(attempt, stoppedOutcome(attempt.stopping ?? 'cancelled'));
  }

  /** The host sends no other; but a handler can reach its port, and what it posts there must not reach the job's owner. */
  override progress(run: RunId, value: string): void {
    const attempt = this.attempts.get(run);
    if (attempt !== undefined && isProgressText(value)) this.listener.progress(attempt, value);
  }

  override chunk(run: RunId, chunk: Payload): void {
    const attempt = this.attempts.get(run);
    if (attempt !== undefined) this.listener.chunk(attempt, chunk);
  }

  override call(run: RunId, call: number, request: HandlerRequest): void {
    const attempt = this.attempts.get(run);
    if (attempt !== undefined) this.listener.call(attempt, call, request);
  }

  override log(run: RunId, level: AttemptLogEntry['level'], text: string): void {
    const attempt = this.attempts.get(run);
    if (attempt !== undefined) this.listener.log(attempt, level, text);
  }
}
