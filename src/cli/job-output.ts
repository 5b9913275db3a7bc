import type { ClientReply } from '../client/reply-decoder.js';
import type { JobDataItem, JobItem, JobMissedItem, JobStateItem } from '../client/watch-place.js';
import { valueField } from '../library/outcome.js';
import { printable } from './failure.js';
import { reportOutcome } from './outcome.js';
import { shownBytes } from './terminal.js';

export interface JobOutputOptions {
  /** What is printed as lines of JSON, if anything is: what the job yields, or all that happens to it. */
  readonly json: 'values' | 'all' | null;
  /** Called with each item before it is printed. */
  readonly onItem: (item: JobItem) => void;
  /** Tells people what is wrong with what is printed. */
  readonly warn: (text: string) => void;
}

/** Prints what a job yields on standard output, as it comes, and in the end its outcome. */
export class JobOutput {
  id: string | null = null;
  private hasValues = false;
  /** The run that the values before were of. */
  private run: number | null = null;

  constructor(private readonly options: JobOutputOptions) {}

  /** Prints all of it: a slow reader slows the job down. Rejects with what keeps the job from being followed. */
  async print(items: AsyncGenerator<JobItem, ClientReply, undefined>): Promise<ClientReply> {
    for (;;) {
      const step = await items.next();
      if (step.done === true) return step.value;
      const item = step.value;
      this.options.onItem(item);
      if (item.type === 'state') this.id = item.id;
      if (this.options.json === null) this.checkGaps(item);
      const text = this.options.json === null ? plainText(item) : this.jsonLine(item);
      if (text !== null) await writeOut(text);
      this.hasValues ||= item.type === 'data';
    }
  }

  /** Prints the outcome, but for a result of nothing after values. Throws a reply that holds none. */
  reportOutcome(reply: ClientReply): void {
    const { json } = this.options;
    const isNothing = reply.ok && reply.bytes === undefined && (reply.text === 'null' || reply.text === '');
    if (isNothing && this.hasValues && json === null) return;
    const type = json === 'all' ? '"type":"outcome",' : '';
    reportOutcome(this.id ?? '', reply, json === null ? null : { fields: type });
  }

  private jsonLine(item: JobItem): string | null {
    switch (item.type) {
      case 'data':
        return `{"type":"data",${valueField('value', item.value)},"attempt":${item.attempt}}\n`;
      case 'missed':
        return `${JSON.stringify({ type: 'missed', count: item.chunks, attempt: item.attempt })}\n`;
      case 'state':
        return this.options.json === 'all' ? `${JSON.stringify(item)}\n` : null;
      case 'progress':
        return this.options.json === 'all' ? `{"type":"progress","value":${item.value}}\n` : null;
    }
  }

  /** Who reads values alone can't see that they begin anew, or that some are missing: so the command fails. */
  private checkGaps(item: JobItem): void {
    if (item.type !== 'data' && item.type !== 'missed') return;
    if (this.hasValues && this.run !== item.run)
      this.fail(
        `attempt ${item.attempt} yields anew: what stands above was yielded by one that was given up`,
      );
    this.run = item.run;
    if (item.type === 'missed') this.checkMissed(item);
  }

  private checkMissed({ chunks }: JobMissedItem): void {
    if (chunks !== null)
      this.fail(`${chunks} values that the job has yielded are missing here: no node keeps them`);
    else if (this.hasValues)
      this.fail('values that the job has yielded may be missing here: a node was lost');
  }

  private fail(text: string): void {
    process.exitCode = 1;
    this.options.warn(text);
  }
}

/** A value is a line, raw bytes are what they are. */
function plainText(item: JobItem): string | Buffer | null {
  if (item.type !== 'data') return null;
  const { value }: JobDataItem = item;
  if (typeof value === 'string') return `${process.stdout.isTTY ? printable(value) : value}\n`;
  return process.stdout.isTTY ? shownBytes(value) : value;
}

/** Writes to standard output; resolves once more is wanted there: never where it is broken, which ends the process. */
export async function writeOut(text: string | Buffer): Promise<void> {
  if (process.stdout.write(text)) return;
  await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
}

/** What a job is doing, in words. */
export function stateWords({ state, executor, attempt }: JobStateItem): string {
  return executor === null ? state : `${state} on ${executor}, attempt ${attempt}`;
}
