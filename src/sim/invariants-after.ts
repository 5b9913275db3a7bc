import type { AttemptStart, NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobId } from '../core/ids.js';
import type { JobRecord, JobState } from '../core/jobs/record.js';
import type { SimNode } from './sim-node.js';
import type { Invariant } from './violation.js';

export interface AfterInvariantsOptions {
  /** No node has the job any more, in memory or on its disk. */
  readonly isGone: (job: JobId) => boolean;
  readonly fail: (invariant: Invariant, node: string, what: string) => never;
}

/**
 * Invariant 22: a job with `after=` starts once all those jobs are done, and fails for them only where one has failed, was cancelled, or
 * is gone. That it ends at all is 11. Jobs are told apart by their arguments, which must differ.
 */
export class AfterInvariants {
  private readonly after = new Map<string, readonly JobId[]>();
  /** All ends of a job that any owner has accepted. */
  private readonly ends = new Map<JobId, Set<JobState>>();
  /** Attempts of such jobs that have started; without one, nothing was shown. */
  startedCount = 0;

  constructor(private readonly options: AfterInvariantsOptions) {}

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    if (event.type === 'request' && event.command.type === 'submit') {
      const { args, options } = event.command;
      if (options.after.length > 0) this.after.set(String(args), options.after);
    }
    for (const effect of effects) if (effect.type === 'start_attempt') this.checkStart(node, effect);
  }

  outcome(node: SimNode, { spec: { id, after }, state, error }: JobRecord): void {
    const ends = this.ends.get(id);
    if (ends === undefined) this.ends.set(id, new Set([state]));
    else ends.add(state);
    if (state !== 'failed' || after.length === 0) return;
    if (error?.name === 'DependencyLost' && !after.some((job) => this.options.isGone(job)))
      this.fail(node, `${id} fails as ${after} can't be found, which some node has`);
    if (error?.name === 'DependencyFailed' && !after.some((job) => this.has(job, 'failed', 'cancelled')))
      this.fail(node, `${id} fails for ${after}, of which none has failed or was cancelled`);
  }

  /** Jobs that a submission with these arguments comes after. */
  before(args: string): readonly JobId[] {
    return this.after.get(args) ?? [];
  }

  private checkStart(node: SimNode, { job, args }: AttemptStart): void {
    const after = this.before(String(args));
    if (after.length === 0) return;
    this.startedCount++;
    const early = after.filter((other) => !this.has(other, 'done'));
    if (early.length > 0) this.fail(node, `it starts ${job}, and ${early} is not done`);
  }

  private has(job: JobId, ...states: JobState[]): boolean {
    const ends = this.ends.get(job);
    return ends !== undefined && states.some((state) => ends.has(state));
  }

  private fail(node: SimNode, what: string): never {
    return this.options.fail(22, node.name, what);
  }
}
