import type { ClientRequest } from '../client/request-line.js';
import { type SubscriptionItem, subscribeTo } from '../client/subscription.js';
import { onAbort } from '../client/until-aborted.js';
import type { Calls } from './calls.js';
import { errorOf, typedError } from './errors.js';
import type { SubscribeOptions } from './options.js';
import type { TopicMessage } from './shapes.js';

/**
 * A subscription: a loop over it gets what is published to its topics from when it holds, which `ready` tells, until `break`. It throws when the
 * subscription is over: `SlowSubscriberError`, `NotTakenError` (no node is left), or the reason of the signal.
 */
export class Subscription<Data = unknown>
  implements AsyncIterableIterator<TopicMessage<Data>, undefined, undefined>
{
  /** Resolves once it holds: what is published from then on comes. Rejects with why it was not taken. */
  readonly ready: Promise<void>;
  readonly #items: ReturnType<typeof subscribeTo>;
  readonly #signal: AbortSignal | undefined;
  readonly #onGap: SubscribeOptions['onGap'];
  /** Ends what goes on beneath. */
  readonly #over = new AbortController();
  #off: () => void = () => {};
  #isOver = false;

  /** @internal */
  constructor(calls: Calls, request: ClientRequest, { signal, onGap }: SubscribeOptions) {
    this.#signal = signal;
    this.#onGap = onGap;
    this.#items = subscribeTo(calls.client, { ...request, signal: this.#over.signal });
    if (signal !== undefined) this.#off = onAbort(signal, () => this.#close());
    this.ready = this.#begin();
    // Who only loops hears of it there.
    this.ready.catch(() => {});
  }

  /** The next message. */
  async next(): Promise<IteratorResult<TopicMessage<Data>, undefined>> {
    await this.ready;
    for (;;) {
      const item = await this.#step();
      if (item === null) return { done: true, value: undefined };
      if (item.type === 'gap') this.#tellGap();
      if (item.type === 'message')
        return { done: false, value: { topic: item.topic, data: item.data as Data } };
    }
  }

  /** Ends the subscription, as `break` does. */
  async return(): Promise<IteratorResult<TopicMessage<Data>, undefined>> {
    this.#isOver = true;
    this.#close();
    return { done: true, value: undefined };
  }

  /** Itself: there is one loop over it. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The same as `return`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #begin(): Promise<void> {
    for (;;) {
      const item = await this.#step();
      if (item === null || item.type === 'subscribed') return;
    }
  }

  /** Null once it is over. */
  async #step(): Promise<SubscriptionItem | null> {
    if (this.#isOver) return null;
    try {
      this.#signal?.throwIfAborted();
      const step = await this.#items.next();
      if (step.done !== true) return step.value;
      if (!step.value.ok) throw errorOf(step.value);
    } catch (error) {
      if (this.#isOver) return null;
      this.#isOver = true;
      throw this.#signal?.aborted === true ? this.#signal.reason : typedError(error);
    } finally {
      if (this.#isOver) this.#off();
    }
    this.#isOver = true;
    return null;
  }

  /** What it throws, the loop throws. */
  #tellGap(): void {
    try {
      this.#onGap?.();
    } catch (error) {
      this.#isOver = true;
      this.#close();
      throw error;
    }
  }

  #close(): void {
    this.#off();
    this.#over.abort();
    void this.#items.return(undefined as never).catch(() => {});
  }
}
