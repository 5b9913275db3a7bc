import type { SubmitCommand } from '../commands.js';
import { askedBytes } from './asks.js';
import type { Asker } from './record.js';

export interface Submission {
  readonly command: SubmitCommand;
  readonly asker: Asker;
}

/** Submissions of one key that is new here, until the other nodes that may know it have been heard. */
export class KeyCheck {
  private readonly submissions = new Set<Submission>();
  /** Its client is gone. The job is taken all the same, but nobody waits for it; any other submission stands for it. */
  private unwanted: Submission | null = null;

  /** `count` is told by how many bytes more or less is kept. */
  constructor(private readonly count: (bytes: number) => void) {}

  add(command: SubmitCommand, asker: Asker): Submission {
    const submission = { command, asker };
    this.submissions.add(submission);
    this.count(askedBytes(command));
    if (this.unwanted !== null) this.remove(this.unwanted);
    this.unwanted = null;
    return submission;
  }

  giveUp(submission: Submission): void {
    if (!this.submissions.has(submission)) return;
    this.remove(submission);
    if (this.submissions.size > 0) return;
    this.unwanted = { command: { ...submission.command, wait: false }, asker: { type: 'nobody' } };
    this.submissions.add(this.unwanted);
    this.count(askedBytes(submission.command));
  }

  /** All of them, at the end. */
  take(): Submission[] {
    const taken = [...this.submissions];
    for (const submission of taken) this.remove(submission);
    return taken;
  }

  private remove(submission: Submission): void {
    this.submissions.delete(submission);
    this.count(-askedBytes(submission.command));
  }
}
