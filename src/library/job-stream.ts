import type { JobItem } from '../client/watch-place.js';
import { StreamBrokenError } from './errors.js';
import type { Following } from './following.js';
import { JobLoop } from './job-loop.js';
import { yieldedValue } from './job-watch.js';
import type { StreamOptions } from './options.js';

type Gaps = Pick<StreamOptions, 'onRestart' | 'onMissed'>;

/**
 * What a job yields, as it comes: a loop over it gets each value once, in order, and ends when the job is done; it throws how the job failed
 * (`JobFailedError`, `JobCancelledError`). The job is submitted with the first step. `break` cancels it, unless `cancel` is false.
 */
export class JobStream<Yield = unknown, Result = unknown> extends JobLoop<Yield, Result> {
  readonly #gaps: Gaps;
  /** The run that the values before were of. */
  #run: number | null = null;

  /** @internal */
  constructor(following: Following, gaps: Gaps) {
    super(following);
    this.#gaps = gaps;
  }

  /** The id of the job; null until a node has told it, which is before the first value. */
  get id(): string | null {
    return this.following.id;
  }

  /** The next value. */
  override async next(): Promise<IteratorResult<Yield, undefined>> {
    for (;;) {
      const item = await this.following.next();
      if (item === null) return this.#end();
      try {
        const why = this.#breakBy(item);
        if (why !== null) throw brokenError(this.id, why);
        if (item.type === 'data') return { done: false, value: yieldedValue(item.value) as Yield };
      } catch (error) {
        // The next step throws it.
        this.following.fail(error, { isWanted: true });
      }
    }
  }

  #end(): IteratorResult<Yield, undefined> {
    const failure = this.following.failure();
    if (failure !== null) throw failure;
    return { done: true, value: undefined };
  }

  /** What was given may be wrong by what comes now: who has not said what is to be done then is not to go on unknowing. */
  #breakBy(item: JobItem): string | null {
    const { onRestart, onMissed } = this.#gaps;
    if (item.type !== 'data' && item.type !== 'missed') return null;
    if (this.#run !== null && item.run !== this.#run) {
      if (onRestart === undefined) return 'it has begun anew after values were given';
      onRestart(item.attempt);
    }
    this.#run = item.run;
    if (item.type !== 'missed') return null;
    const what = item.chunks === null ? 'values may have been' : `${item.chunks} values were`;
    if (onMissed === undefined) return `${what} yielded that no node keeps any more`;
    onMissed(item.chunks);
    return null;
  }
}

function brokenError(id: string | null, why: string): StreamBrokenError {
  return new StreamBrokenError('STREAM_BROKEN', `job ${id}: ${why}; see onMissed and onRestart`);
}
