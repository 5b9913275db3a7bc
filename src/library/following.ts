import { followJob } from '../client/follow-job.js';
import type { ClientReply } from '../client/reply-decoder.js';
import type { ClientRequest } from '../client/request-line.js';
import { onAbort, untilAborted } from '../client/until-aborted.js';
import type { JobItem } from '../client/watch-place.js';
import { type Calls, resultOf } from './calls.js';
import { errorOf, typedError } from './errors.js';
import { waitFor } from './job-calls.js';
import { outcomeOf } from './outcome.js';

export interface FollowingOptions {
  /** `WATCH id`, or a RUN with `stream=yes`. */
  readonly request: ClientRequest;
  readonly signal: AbortSignal | undefined;
  /** Whether who stops following ends the job with it. */
  readonly cancels: boolean;
}

/** A job that is followed, from the first call of `next` on, until it has ended or nobody wants more of it. */
export class Following {
  id: string | null = null;
  private isBegun = false;
  /** The request is on its way, or was. */
  private isAsked = false;
  private hasLeft = false;
  private reply: ClientReply | null = null;
  private fault: { readonly error: unknown } | null = null;
  /** The same, until `next` has thrown it. */
  private untold: { readonly error: unknown } | null = null;
  private stepping: Promise<JobItem | null> | null = null;
  private wakers: (() => void)[] = [];
  /** Ends what goes on beneath. */
  private readonly over = new AbortController();
  private readonly items: ReturnType<typeof followJob>;
  private off: () => void = () => {};

  constructor(
    private readonly calls: Calls,
    private readonly options: FollowingOptions,
  ) {
    const request = { ...options.request, signal: this.over.signal };
    this.items = followJob(calls.client, { request });
  }

  /** The next item; null at the end. Rejects with what keeps it from being followed, once. */
  async next(): Promise<JobItem | null> {
    if (this.untold !== null) throw this.tell(this.untold.error);
    if (this.isOver) return null;
    try {
      this.begin();
      const step = this.step();
      const { signal } = this.options;
      const item = await (signal === undefined ? step : untilAborted(step, signal));
      return this.hasLeft ? null : item;
    } catch (error) {
      if (this.hasLeft) return null;
      const isAborted = this.options.signal?.aborted === true;
      throw this.tell(this.fail(typedError(error), { isWanted: isAborted }));
    }
  }

  /** Nobody wants more. */
  leave(): void {
    if (this.isOver) return;
    this.hasLeft = true;
    this.stop({ isWanted: true });
  }

  /** It can't go on, or is not to: `isWanted`; gives what is thrown then. */
  fail(error: unknown, { isWanted }: { readonly isWanted: boolean }): unknown {
    if (this.isOver) return error;
    this.fault = { error };
    this.untold = this.fault;
    this.stop({ isWanted });
    return error;
  }

  /** What the job has resulted in: by itself where nobody takes the items, else once they are taken. */
  async result(): Promise<unknown> {
    if (!this.isBegun) while ((await this.next()) !== null);
    while (!this.isOver) {
      await new Promise<void>((resolve) => {
        this.wakers.push(resolve);
      });
    }
    if (this.fault !== null) throw this.fault.error;
    if (this.reply !== null) return resultOf(this.reply, this.id);
    return waitFor(this.calls, this.id, {});
  }

  /** How the job has failed, where it has. */
  failure(): Error | null {
    return this.reply === null || this.reply.ok ? null : errorOf(this.reply, this.id);
  }

  /** It is over, and `next` has nothing more to tell. */
  get isSpent(): boolean {
    return this.isOver && this.untold === null;
  }

  private tell(error: unknown): unknown {
    this.untold = null;
    return error;
  }

  private get isOver(): boolean {
    return this.hasLeft || this.reply !== null || this.fault !== null;
  }

  private begin(): void {
    if (this.isBegun) return;
    this.isBegun = true;
    const { signal } = this.options;
    signal?.throwIfAborted();
    this.isAsked = true;
    if (signal !== undefined) this.off = onAbort(signal, () => this.fail(signal.reason, { isWanted: true }));
  }

  private step(): Promise<JobItem | null> {
    this.stepping = this.taken();
    return this.stepping;
  }

  private async taken(): Promise<JobItem | null> {
    const step: IteratorResult<JobItem, ClientReply | undefined> = await this.items.next();
    if (step.done !== true) {
      if (step.value.type === 'state') this.id = step.value.id;
      return step.value;
    }
    const reply = step.value;
    if (reply === undefined) return null;
    if (!reply.ok && outcomeOf(reply) === null) throw errorOf(reply, this.id);
    this.reply = reply;
    this.off();
    this.notify();
    return null;
  }

  private stop({ isWanted }: { readonly isWanted: boolean }): void {
    this.off();
    if (isWanted && this.options.cancels && this.isAsked) this.calls.cancelLater(this.untilIdKnown());
    else this.close();
    this.notify();
  }

  private async untilIdKnown(): Promise<string | null> {
    try {
      // The request is on its way: only its first item tells what to cancel. Who asked for that one has gone.
      if (this.id === null) await this.stepping;
      while (this.id === null) if ((await this.step()) === null) break;
      return this.reply === null ? this.id : null;
    } finally {
      this.close();
    }
  }

  private close(): void {
    this.over.abort();
    void this.items.return(undefined as never).catch(() => {});
  }

  private notify(): void {
    const { wakers } = this;
    this.wakers = [];
    for (const wake of wakers) wake();
  }
}
