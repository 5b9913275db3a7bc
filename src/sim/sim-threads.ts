import { assertNever } from '../core/assert.js';
import type { AttemptStart, NodeEvent } from '../core/effects.js';
import type { RunId } from '../core/ids.js';
import { chunkBytes } from '../core/item.js';
import type { AttemptOutcome } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { StopReason } from '../core/messages.js';
import type { Random } from '../core/random.js';
import type { SimTime } from './sim-time.js';

/** How a handler goes: each is a weight against the others, and 0 never happens. */
export interface HandlerWeights {
  readonly done: number;
  /** It throws. */
  readonly fails: number;
  /** It throws what no retry can change. */
  readonly failsForGood: number;
  /** It runs until it is stopped, and obeys its signal. */
  readonly endless: number;
  /** It runs until its thread is ended, and displaces what else runs there. */
  readonly stubborn: number;
  /** It ends its thread, with all that runs there. */
  readonly crashes: number;
}

export type Fate = keyof HandlerWeights;

export const obedientHandlers: HandlerWeights = {
  done: 1,
  fails: 0,
  failsForGood: 0,
  endless: 0,
  stubborn: 0,
  crashes: 0,
};

export interface SimThreadsOptions {
  readonly time: SimTime;
  readonly random: Random;
  /** How long an attempt runs that ends by itself, drawn evenly. */
  readonly runMs: readonly [min: number, max: number];
  readonly handlers: HandlerWeights;
  /** The part of attempts that report progress. */
  readonly progress: number;
  readonly report: (event: NodeEvent) => void;
  /** The part of attempts that yield chunks on their way, which are then as long as they are drawn to be. */
  readonly streams?: number | undefined;
  /** Characters of a chunk, at most. */
  readonly chunkLengthMax?: number | undefined;
  /** How this attempt goes; null: as is drawn. */
  readonly fateOf?: ((start: AttemptStart) => Fate | null) | undefined;
}

interface Running {
  readonly start: AttemptStart;
  readonly fate: Fate;
  readonly thread: number;
  stopping: StopReason | null;
  stream: Stream | null;
}

/** A generator: what it has yielded, and may. */
interface Stream {
  /** Of this run alone. */
  readonly mark: number;
  readonly length: number;
  readonly gapMs: number;
  yielded: number;
  bytes: number;
  upTo: number;
  isWaiting: boolean;
}

/** How long a handler takes to obey its signal. */
const obeyMs = 20;
/** How long one may go on after its signal before its thread is ended. */
const graceMs = 300;
const sharedThreads = 2;
const streamLengthMax = 300;

/** Handlers on threads, simulated: attempts share a few threads, or have one of their own, and end as they were drawn to. */
export class SimThreads {
  private readonly running = new Map<RunId, Running>();
  private readonly fates: Random;
  private readonly yields: Random;
  private readonly marks: Random;
  private lastThread = sharedThreads;

  constructor(private readonly options: SimThreadsOptions) {
    this.fates = options.random.fork('handlers');
    this.yields = options.random.fork('streams');
    this.marks = options.random.fork('marks');
  }

  start(start: AttemptStart): void {
    const { time, random, runMs, report, progress } = this.options;
    const [minMs, maxMs] = runMs;
    const { run } = start;
    const thread = start.isolate ? ++this.lastThread : this.fates.below(sharedThreads);
    const drawn = this.drawFate();
    const fate = this.options.fateOf?.(start) ?? drawn;
    const attempt: Running = { start, fate, thread, stopping: null, stream: this.drawStream() };
    const lengthMs = minMs + random.next() * (maxMs - minMs);
    this.running.set(run, attempt);
    time.after(0, () => report({ type: 'attempt_started', run }));
    if (attempt.stream !== null) time.after(attempt.stream.gapMs, () => this.yieldNext(attempt));
    else time.after(lengthMs, () => this.reachEnd(attempt));
    if (this.fates.next() >= progress) return;
    time.after(lengthMs * this.fates.next(), () => {
      if (this.running.has(run)) report({ type: 'attempt_progress', run, value: '{"part":1}' });
    });
  }

  stop(run: RunId, reason: StopReason): void {
    const { time, random } = this.options;
    const attempt = this.running.get(run);
    if (attempt === undefined || attempt.stopping !== null) return;
    attempt.stopping = reason;
    if (attempt.fate === 'stubborn') time.after(graceMs, () => this.endThreadOf(attempt));
    else time.after(random.next() * obeyMs, () => this.end(attempt, { type: 'stopped' }));
  }

  giveRoom(run: RunId, upTo: number): void {
    const attempt = this.running.get(run);
    if (attempt === undefined || attempt.stream === null) return;
    attempt.stream.upTo = Math.max(attempt.stream.upTo, upTo);
    if (!attempt.stream.isWaiting) return;
    attempt.stream.isWaiting = false;
    // Behind what it has yielded while its process stood still.
    this.options.time.after(0, () => this.yieldNext(attempt));
  }

  /** A few chunks, or more than anybody takes at once. */
  private drawStream(): Stream | null {
    const { streams = 0 } = this.options;
    if (streams === 0 || this.yields.next() >= streams) return null;
    const length = 1 + Math.floor(streamLengthMax * this.yields.next() ** 3);
    const gapMs = this.yields.next() < 0.5 ? 0 : this.yields.below(20);
    const upTo = limits.streamWindowBytesMin;
    const mark = this.marks.below(2 ** 31);
    return { mark, length, gapMs, yielded: 0, bytes: 0, upTo, isWaiting: false };
  }

  private yieldNext(attempt: Running): void {
    const { stream, start } = attempt;
    const { chunkLengthMax = 8_000 } = this.options;
    if (stream === null || !this.running.has(start.run) || attempt.stopping !== null) return;
    stream.isWaiting = stream.bytes >= stream.upTo;
    if (stream.isWaiting) return;
    if (stream.yielded === stream.length) {
      this.reachEnd(attempt);
      return;
    }
    const chunk = JSON.stringify([
      start.attempt,
      ++stream.yielded,
      stream.mark,
      'x'.repeat(this.yields.below(chunkLengthMax)),
    ]);
    stream.bytes += chunkBytes(chunk);
    this.options.report({ type: 'attempt_chunk', run: start.run, chunk });
    this.options.time.after(stream.gapMs, () => this.yieldNext(attempt));
  }

  private reachEnd(attempt: Running): void {
    const { args } = attempt.start;
    const error = { name: 'SimulatedError', message: attempt.fate };
    switch (attempt.fate) {
      case 'done':
        this.report(attempt, { type: 'done', result: typeof args === 'string' ? args : 'null' });
        return;
      case 'fails':
      case 'failsForGood':
        this.end(attempt, { type: 'failed', error, final: attempt.fate === 'failsForGood' });
        return;
      case 'crashes':
        this.crashThreadOf(attempt);
        return;
      case 'endless':
      case 'stubborn':
        return;
      default:
        assertNever(attempt.fate);
    }
  }

  private crashThreadOf(culprit: Running): void {
    if (!this.running.has(culprit.start.run)) return;
    const lost = this.attemptsOn(culprit.thread);
    const error = { name: 'SimulatedCrash', message: 'the thread ended' };
    for (const attempt of lost) this.end(attempt, { type: 'crashed', error, alone: lost.length === 1 });
  }

  private endThreadOf(stuck: Running): void {
    if (!this.running.has(stuck.start.run)) return;
    for (const attempt of this.attemptsOn(stuck.thread)) this.end(attempt, { type: 'displaced' });
  }

  private attemptsOn(thread: number): Running[] {
    return [...this.running.values()].filter((attempt) => attempt.thread === thread);
  }

  /** Whatever else happens to an attempt that was told to stop, it has stopped. */
  private end(attempt: Running, outcome: AttemptOutcome): void {
    const { stopping } = attempt;
    if (stopping === null) this.report(attempt, outcome);
    else this.report(attempt, { type: stopping === 'timed_out' ? 'timed_out' : 'stopped' });
  }

  private report({ start: { run } }: Running, outcome: AttemptOutcome): void {
    if (this.running.delete(run)) this.options.report({ type: 'attempt_ended', run, outcome });
  }

  private drawFate(): Fate {
    const weights = Object.entries(this.options.handlers) as [Fate, number][];
    let left = this.fates.next() * weights.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [fate, weight] of weights) {
      left -= weight;
      if (left < 0) return fate;
    }
    return 'done';
  }
}
