import type { ClientRequest } from '../client/request-line.js';
import { onAbort } from '../client/until-aborted.js';
import { idOfKey } from '../core/jobs/submission.js';
import { type Calls, parsed } from './calls.js';
import { errorOf, typedError } from './errors.js';
import type { Settled } from './options.js';
import { isHopeless, runPatiently } from './patient-run.js';

/** What is to be run for each item. */
export interface MapPlan {
  readonly items: Iterable<unknown> | AsyncIterable<unknown>;
  /** The RUN for an item, with its key, if it has one. Throws for what can't be sent. */
  readonly requestOf: (item: unknown) => ClientRequest;
  readonly window: number;
  readonly ordered: boolean;
  readonly settle: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Results that wait for an earlier one or for the consumer: ten windows of them, or this many characters. */
const waitingPerWindow = 10;
const waitingLengthMax = 64 * 1024 * 1024;

/** How a job ended. A result of JSON is parsed only when somebody takes it. */
type Ended =
  | { readonly ok: true; readonly result: string | Buffer }
  | { readonly ok: false; readonly error: Error };

/** Runs a job an item, a window of them at once; see `Client.map`. */
export async function* mapJobs(calls: Calls, plan: MapPlan): AsyncGenerator<unknown, void, undefined> {
  const run = new WindowedRun(calls, plan);
  const { signal } = plan;
  const off = signal === undefined ? () => {} : onAbort(signal, () => run.fail(signal.reason));
  try {
    signal?.throwIfAborted();
    void run.feed();
    for (let next = await run.next(); next !== null; next = await run.next()) {
      yield plan.settle ? next : (next as Settled<unknown> & { ok: true }).result;
    }
  } finally {
    off();
    run.end();
  }
}

class WindowedRun {
  private given = 0;
  private due = 0;
  private readonly underWay = new Map<number, string | null>();
  private readonly waiting = new Map<number, Ended>();
  private waitingLength = 0;
  private isFed = false;
  private isEnding = false;
  private fault: { readonly error: unknown } | null = null;
  private readonly givenUp = new AbortController();
  private wakers: (() => void)[] = [];

  constructor(
    private readonly calls: Calls,
    private readonly plan: MapPlan,
  ) {}

  /** Takes items as there is room for them. Never rejects. */
  async feed(): Promise<void> {
    try {
      for await (const item of this.plan.items) {
        while (!this.hasRoom && !this.isEnding) await this.change();
        // Leaving the loop tells the source that no more is wanted.
        if (this.isEnding) break;
        this.start(this.given++, item);
      }
    } catch (error) {
      this.fail(error);
    }
    this.isFed = true;
    this.notify();
  }

  /** The next result, or null after the last. Throws what has ended the run. */
  async next(): Promise<Settled<unknown> | null> {
    for (;;) {
      if (this.fault !== null) throw this.fault.error;
      const [index, ended] = this.take() ?? [];
      if (index !== undefined && ended !== undefined) return settledOf(index, ended);
      if (this.isFed && this.underWay.size === 0) return null;
      await this.change();
    }
  }

  /** Ends the run with an error; the first counts. Not only when the consumer comes for it, which may be busy. */
  fail(error: unknown): void {
    this.fault ??= { error };
    this.end();
  }

  /** Nobody wants more: what was not sent is not, and what is under way is cancelled as far as its id is known. */
  end(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.givenUp.abort();
    for (const id of this.underWay.values()) {
      if (id !== null) this.calls.cancelLater(Promise.resolve(id));
    }
    this.notify();
  }

  private get hasRoom(): boolean {
    const { window } = this.plan;
    const isSwamped =
      this.waiting.size >= window * waitingPerWindow || this.waitingLength >= waitingLengthMax;
    return this.underWay.size < window && !isSwamped;
  }

  private start(index: number, item: unknown): void {
    this.underWay.set(index, null);
    void this.finish(index, item).then((ended) => {
      this.underWay.delete(index);
      if (ended !== null && !this.isEnding) {
        this.waiting.set(index, ended);
        if (ended.ok) this.waitingLength += ended.result.length;
      }
      this.notify();
    });
  }

  /** Null where the whole run has failed. Never rejects. */
  private async finish(index: number, item: unknown): Promise<Ended | null> {
    let request: ClientRequest;
    try {
      request = { ...this.plan.requestOf(item), signal: this.givenUp.signal };
    } catch (error) {
      return this.failed(error as Error);
    }
    const key = request.options?.find(([name]) => name === 'key')?.[1];
    const id = key === undefined ? null : idOfKey(key);
    this.underWay.set(index, id);
    try {
      const isEnding = (): boolean => this.isEnding;
      const reply = await runPatiently(this.calls.client, request, { isEnding, onRepeated: () => {} });
      // It has ended by itself.
      this.underWay.set(index, null);
      if (reply.ok) return { ok: true, result: reply.bytes ?? reply.text };
      const error = errorOf(reply, id);
      if (!isHopeless(reply.code)) return this.failed(error);
      this.fail(error);
    } catch (error) {
      this.fail(typedError(error));
    }
    return null;
  }

  private failed(error: Error): Ended | null {
    if (this.plan.settle) return { ok: false, error };
    this.fail(error);
    return null;
  }

  private take(): [index: number, ended: Ended] | null {
    const index = this.plan.ordered ? this.due : this.waiting.keys().next().value;
    const ended = index === undefined ? undefined : this.waiting.get(index);
    if (index === undefined || ended === undefined) return null;
    this.waiting.delete(index);
    this.due++;
    if (ended.ok) this.waitingLength -= ended.result.length;
    this.notify();
    return [index, ended];
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.wakers.push(resolve);
    });
  }

  private notify(): void {
    const { wakers } = this;
    this.wakers = [];
    for (const wake of wakers) wake();
  }
}

function settledOf(index: number, ended: Ended): Settled<unknown> {
  if (!ended.ok) return { index, ok: false, error: ended.error };
  const { result } = ended;
  return { index, ok: true, result: typeof result === 'string' ? parsed(result) : result };
}
