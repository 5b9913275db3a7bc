import type { NodeCommand } from '../commands.js';
import { Fifo } from '../fifo.js';
import type { Instant } from '../instant.js';
import type { Reply } from '../reply.js';
import type { Answered } from './asks.js';
import type { Debt } from './debts.js';
import type { Asker } from './record.js';

export interface OwnRequestsOptions {
  /** Handles it as it would a client's; the answer may come before this returns. */
  readonly request: (command: NodeCommand, asker: Asker, now: Instant) => void;
  readonly abandoned: (asker: Asker) => void;
}

/**
 * What this node asks on its own account, by the way that its clients' requests take. Answers come one at a time, from `next`, and never in
 * the middle of another job's end: a thousand jobs that wait for each other in a row would be as many calls within each other.
 */
export class OwnRequests {
  private readonly pending = new Map<number, Answered>();
  private readonly answers = new Fifo<{ readonly seq: number; readonly reply: Reply }>();
  private nextSeq = 1;

  constructor(private readonly options: OwnRequestsOptions) {}

  /** Returns a number to abandon it by. */
  ask(command: NodeCommand, now: Instant, answered: Answered): number {
    const seq = this.nextSeq++;
    this.pending.set(seq, answered);
    this.options.request(command, { type: 'own', seq }, now);
    return seq;
  }

  handleAnswer(seq: number, reply: Reply): void {
    this.answers.push({ seq, reply });
  }

  /** The answer is no longer wanted. */
  abandon(seq: number): void {
    if (this.pending.delete(seq)) this.options.abandoned({ type: 'own', seq });
  }

  get hasAnswers(): boolean {
    return this.answers.length > 0;
  }

  /** Tells the next answer; false when there is none. */
  next(now: Instant): boolean {
    const answer = this.answers.shift();
    if (answer === undefined) return false;
    const answered = this.pending.get(answer.seq);
    this.pending.delete(answer.seq);
    answered?.(answer.reply, now);
    return true;
  }

  /** What is kept for them now, for checkers. */
  debts(): Debt[] {
    return [{ kind: "the node's own requests", count: this.pending.size, node: null }];
  }
}
