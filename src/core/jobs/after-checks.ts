import type { SubmitCommand } from '../commands.js';
import type { Instant } from '../instant.js';
import { limits } from '../limits.js';
import { errorReply, type Reply } from '../reply.js';
import type { AskerTable } from './asker-table.js';
import { askedBytes } from './asks.js';
import type { Debt } from './debts.js';
import type { Dependencies } from './dependencies.js';
import { type Asker, afterBytes } from './record.js';

export interface AfterChecksOptions {
  readonly dependencies: Dependencies;
  /** Where a request is found by its asker, should that one go. */
  readonly searching: AskerTable<{ giveUp(): void }>;
  readonly answer: (asker: Asker, reply: Reply) => void;
}

/** Goes on with a submission; with nobody to answer where its client has gone. */
export type Known = (command: SubmitCommand, asker: Asker, now: Instant) => void;

/** Submissions that name jobs to come after, until it is known whether these exist. */
export class AfterChecks {
  private bytes = 0;

  constructor(private readonly options: AfterChecksOptions) {}

  check(command: SubmitCommand, asker: Asker, now: Instant, known: Known): void {
    const { dependencies, searching, answer } = this.options;
    const bytes = askedBytes(command) + afterBytes(command.options);
    if (this.bytes + bytes > limits.askedBytesMax) {
      const why = `${this.bytes} bytes of jobs wait for news of those that they come after`;
      answer(asker, errorReply('BUSY', `retry-after=1s ${why}`));
      return;
    }
    let wanted = { command, asker };
    const giveUp = (): void => {
      wanted = { command: { ...command, wait: false }, asker: { type: 'nobody' } };
    };
    this.bytes += bytes;
    searching.set(asker, { giveUp });
    dependencies.check(command.options.after, now, (refusal, now) => {
      this.bytes -= bytes;
      searching.delete(wanted.asker);
      if (refusal === null) known(wanted.command, wanted.asker, now);
      else answer(wanted.asker, refusal);
    });
  }

  /** What is kept for clients now, for checkers. */
  debts(): Debt[] {
    return [{ kind: 'bytes that wait for news of other jobs', count: this.bytes, node: null }];
  }
}
