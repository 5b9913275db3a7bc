import type { AttemptStart, NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobId } from '../core/ids.js';
import type { JobsConfig } from '../core/jobs/config.js';
import { isFinished, type JobRecord } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { SimNode } from './sim-node.js';
import type { Invariant } from './violation.js';

export interface JobInvariantsOptions {
  readonly config: JobsConfig;
  readonly fail: (invariant: Invariant, node: string, what: string) => never;
}

/** Job invariants 12, 14, 17 and 18, at every step. Jobs are told apart by their arguments, which must differ. */
export class JobInvariants {
  /** Nothing is wrong with any node or link: what is submitted now runs once. */
  isCalm = false;
  private readonly calm = new Set<string>();
  private readonly submitted = new Set<string>();
  private readonly starts = new Map<string, number>();
  /** Attempts that were accepted as the one that ended the job, by the record of its owner. */
  private readonly outcomes = new WeakMap<JobRecord, number>();

  constructor(private readonly options: JobInvariantsOptions) {}

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    if (event.type === 'request' && event.command.type === 'submit')
      this.noteSubmitted(String(event.command.args));
    for (const effect of effects) if (effect.type === 'start_attempt') this.checkStart(node, effect);
    if (event.type === 'message' && event.message.type === 'ran')
      this.checkOutcome(node, event.message.key.job);
    this.checkLimits(node);
  }

  startsOf(args: string): number {
    return this.starts.get(args) ?? 0;
  }

  /** Starts beyond the first of each job. */
  get repeatedCount(): number {
    let count = 0;
    for (const starts of this.starts.values()) count += starts - 1;
    return count;
  }

  private noteSubmitted(args: string): void {
    this.submitted.add(args);
    if (this.isCalm) this.calm.add(args);
  }

  private checkStart(node: SimNode, { job, args }: AttemptStart): void {
    const text = String(args);
    if (!this.submitted.has(text)) this.fail(12, node, `it runs ${text} (${job}), which nobody asked for`);
    const count = this.startsOf(text) + 1;
    this.starts.set(text, count);
    if (this.calm.has(text) && count > 1)
      this.fail(14, node, `it runs ${text} (${job}) again, and nothing was wrong`);
  }

  private checkOutcome(node: SimNode, job: JobId): void {
    const record = node.core.jobs.ledger.get(job);
    if (record === undefined || !isFinished(record.state)) return;
    const accepted = this.outcomes.get(record);
    if (accepted === undefined) this.outcomes.set(record, record.attempt);
    else if (accepted !== record.attempt)
      this.fail(17, node, `${job} was ended by attempt ${accepted}, and then by ${record.attempt}`);
  }

  private checkLimits(node: SimNode): void {
    const { ledger, executor } = node.core.jobs;
    const { queueLengthMax, queueBytesMax, outcomesMax, outcomeBytesMax } = this.options.config;
    const { done, failed, cancelled } = ledger.counts;
    const sizes: readonly (readonly [string, number, number])[] = [
      ['unfinished jobs', ledger.unfinished, queueLengthMax],
      ['bytes of unfinished jobs', ledger.queueBytes, queueBytesMax],
      ['outcomes', done + failed + cancelled, outcomesMax],
      ['bytes of outcomes', ledger.bytes - ledger.queueBytes, outcomeBytesMax],
      ['attempts held', executor.heldCount, limits.attemptsHeldMax],
    ];
    for (const [what, size, sizeMax] of sizes)
      if (size > sizeMax) this.fail(18, node, `it has ${size} ${what}, and ${sizeMax} are the most`);
  }

  private fail(invariant: Invariant, node: SimNode, what: string): never {
    return this.options.fail(invariant, node.name, what);
  }
}
