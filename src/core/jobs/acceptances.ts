import { Deadlines } from '../deadlines.js';
import type { Instant } from '../instant.js';
import { errorReply, type Reply } from '../reply.js';
import { acceptedReply } from './answers.js';
import { AskerTable } from './asker-table.js';
import type { JobsConfig } from './config.js';
import { type Asker, addStep, type JobRecord, type LateAccept, type PendingStep } from './record.js';

type Accepted = Extract<PendingStep, { type: 'accepted' }>;

export interface AcceptancesOptions {
  readonly config: JobsConfig;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

/** Clients that are told that their job is kept, once it is; or after some time, that nobody knows. */
export class Acceptances {
  private readonly lateAccepts = new Deadlines<LateAccept>();
  private readonly accepting = new AskerTable<LateAccept>();

  constructor(private readonly options: AcceptancesOptions) {}

  /** All its holders have it. */
  kept(record: JobRecord, step: Accepted): void {
    this.answer(step, keptReply(record, step.copiesMin));
  }

  answerWhenKept(record: JobRecord, asker: Asker, copiesMin: number, now: Instant): void {
    const accept: LateAccept = { record, asker };
    const deadline = this.lateAccepts.add(now.monotonicMs + this.options.config.askTimeoutMs, accept);
    this.accepting.set(asker, accept);
    addStep(record, { type: 'accepted', asker, copiesMin, deadline });
  }

  answer({ asker, deadline }: Extract<PendingStep, { type: 'accepted' }>, reply: Reply): void {
    this.lateAccepts.cancel(deadline);
    this.accepting.delete(asker);
    this.options.answer(asker, reply);
  }

  /** Nobody can promise anything about it; it may run all the same. */
  refuse(record: JobRecord, why: string, only: Asker | null = null): void {
    const accepts = (record.pending ?? []).filter(
      (step) => step.type === 'accepted' && (only === null || step.asker === only),
    );
    if (accepts.length === 0) return;
    record.pending = (record.pending ?? []).filter((step) => !accepts.includes(step));
    for (const step of accepts)
      if (step.type === 'accepted') this.answer(step, unknownReply(`job ${record.spec.id}: ${why}`));
  }

  tick(now: Instant): void {
    for (
      let late = this.lateAccepts.takeDue(now.monotonicMs);
      late !== undefined;
      late = this.lateAccepts.takeDue(now.monotonicMs)
    ) {
      const { record, asker } = late;
      const missing = record.holders.filter((_, position) => (record.missing & (1 << position)) !== 0).length;
      const had = record.holders.length - missing;
      this.refuse(record, `only ${had} of ${record.holders.length} copies were there in time`, asker);
    }
  }

  /** Whoever asked is gone: the job is taken all the same. */
  abandon(asker: Asker): void {
    const accept = this.accepting.get(asker);
    if (accept === undefined) return;
    const { record } = accept;
    this.accepting.delete(asker);
    const isIts = (step: PendingStep): boolean => step.type === 'accepted' && step.asker === accept.asker;
    for (const step of record.pending ?? [])
      if (step.type === 'accepted' && isIts(step)) this.lateAccepts.cancel(step.deadline);
    record.pending = record.pending?.filter((step) => !isIts(step)) ?? null;
  }

  nextDeadlineMs(): number {
    return this.lateAccepts.nextMs();
  }
}

/** What its client is told once it is kept as it is to be. */
export function keptReply(record: JobRecord, copiesMin: number): Reply {
  const { id } = record.spec;
  if (record.isUnwritten) return unwrittenReply(record);
  const count = record.holders.length;
  if (count >= copiesMin) return acceptedReply(record);
  return unknownReply(`job ${id} is held by ${count} nodes, and copies=${copiesMin} was asked for`);
}

/** This node's disk did not take it, so it is not what `durable=yes` says. */
export function unwrittenReply({ spec }: JobRecord): Reply {
  return unknownReply(`job ${spec.id}: this node could not write it down`);
}

/** Worded as what it is. */
export function unknownReply(why: string): Reply {
  return errorReply('UNAVAILABLE', `${why}; it may run all the same, now or later`);
}
