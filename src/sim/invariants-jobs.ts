import type { SubmitCommand } from '../core/commands.js';
import type { AttemptStart, NodeEffect, NodeEvent } from '../core/effects.js';
import type { JobId, RunId } from '../core/ids.js';
import type { JobsConfig } from '../core/jobs/config.js';
import { type AttemptOutcome, isFinished, type JobRecord } from '../core/jobs/record.js';
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
  private readonly outcomes = new WeakMap<
    JobRecord,
    { readonly generation: number; readonly attempt: number }
  >();
  /** Arguments of schedules: those of all their jobs. */
  private readonly scheduled = new Set<string>();
  /** What runs on each node, so that it is known what has failed. */
  private readonly running = new WeakMap<SimNode, Map<RunId, string>>();
  /** Attempts that have failed, and RETRYs that clients have asked for: a further start may follow each. */
  private readonly failures = new Map<string, number>();
  private readonly retries = new Map<JobId, number>();
  /** Starts beyond the first of each job that follow nothing that went wrong in it. */
  repeatedCount = 0;

  constructor(private readonly options: JobInvariantsOptions) {}

  stepped(node: SimNode, event: NodeEvent, effects: readonly NodeEffect[]): void {
    if (event.type === 'request' && event.command.type === 'submit') this.noteSubmitted(event.command);
    else if (event.type === 'request' && event.command.type === 'retry')
      raise(this.retries, event.command.job);
    else if (event.type === 'attempt_ended') this.noteEnded(node, event.run, event.outcome);
    for (const effect of effects) if (effect.type === 'start_attempt') this.checkStart(node, effect);
    if (event.type === 'message' && event.message.type === 'ran')
      this.checkOutcome(node, event.message.key.job);
    this.checkLimits(node);
  }

  startsOf(args: string): number {
    return this.starts.get(args) ?? 0;
  }

  private noteSubmitted({ args, options }: SubmitCommand): void {
    const text = String(args);
    this.submitted.add(text);
    if (this.isCalm) this.calm.add(text);
    if (options.cron !== null) this.scheduled.add(text);
  }

  private noteEnded(node: SimNode, run: RunId, { type }: AttemptOutcome): void {
    const name = this.running.get(node)?.get(run);
    this.running.get(node)?.delete(run);
    if (name !== undefined && type === 'failed') raise(this.failures, name);
  }

  private checkStart(node: SimNode, { job, args, run }: AttemptStart): void {
    const text = String(args);
    if (!this.submitted.has(text)) this.fail(12, node, `it runs ${text} (${job}), which nobody asked for`);
    // Jobs of a schedule have all the same arguments.
    const name = this.scheduled.has(text) ? job : text;
    const running = this.running.get(node) ?? new Map<RunId, string>();
    this.running.set(node, running.set(run, name));
    raise(this.starts, name);
    const isRepeated =
      this.startsOf(name) > 1 + (this.failures.get(name) ?? 0) + (this.retries.get(job) ?? 0);
    if (isRepeated) this.repeatedCount++;
    if (this.calm.has(text) && isRepeated)
      this.fail(14, node, `it runs ${text} (${job}) again, and nothing was wrong`);
  }

  private checkOutcome(node: SimNode, job: JobId): void {
    const record = node.core.jobs.ledger.get(job);
    if (record === undefined || !isFinished(record.state)) return;
    const accepted = this.outcomes.get(record);
    const { generation, attempt } = record;
    if (accepted === undefined || accepted.generation !== generation)
      this.outcomes.set(record, { generation, attempt });
    else if (accepted.attempt !== attempt)
      this.fail(17, node, `${job} was ended by attempt ${accepted.attempt}, and then by ${attempt}`);
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

function raise<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
