import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../src/core/random.js';
import type { Answer, Entry } from './entry.js';
import type { ClientEvent } from './history.js';
import { noteTask } from './note-task.js';

export interface WorkloadOptions {
  /** The nodes that jobs are submitted to and asked about at; one connection each. */
  readonly entries: readonly Entry[];
  readonly random: Random;
  readonly jobsPerSecond: number;
  /** More options of SUBMIT, for all jobs. */
  readonly promise?: string;
}

/** A job as a client would have it. */
interface Job {
  readonly number: number;
  readonly durationMs: number;
  readonly delayMs: number;
  readonly hasKey: boolean;
  /** Arguments are made so much longer: a journal on a full disk has room of its own for a while. */
  readonly ballast?: number;
}

/** Codes that say that the job was not taken. After any other the job may have been taken, as after no answer. */
const refusalCodes: ReadonlySet<string> = new Set([
  ...['BAD_REQUEST', 'BAD_OPTION', 'BAD_JSON', 'UNSUPPORTED', 'UNAUTHORIZED', 'UNKNOWN_TASK', 'NO_SUCH_NODE'],
  ...['BUSY', 'DRAINING', 'STORE_FAILED'],
]);

const submitTimeoutMs = 3_000;
const submitTriesMax = 20;
const retryPauseMs = 200;
const jobsInFlightMax = 1_000;
const tickMs = 20;
const outcomeWaitMs = 3_000;
const outcomeGraceMs = 2_000;
const askersMax = 256;

/**
 * Submits numbered jobs at a steady rate, spread over the nodes, and asks for the outcome of each that was acknowledged, through any
 * node, until there is one. All that clients saw is in `events`. Half of the jobs have a key, so that who got no answer asks again.
 */
export class Workload {
  readonly events: ClientEvent[] = [];
  acknowledgedCount = 0;
  /** Acknowledged, and the outcome is not known yet. */
  readonly open = new Map<number, string>();
  #jobCount = 0;
  #inFlight = 0;
  #dueJobs = 0;
  #askerCount = 0;
  /** Numbers of open jobs that nobody asks about now. */
  readonly #unasked: number[] = [];
  #isStopped = false;
  #isSubmitting = true;
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly options: WorkloadOptions) {
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Submits such jobs to this one node, once; resolves when each is answered, with the number acknowledged. */
  async plant(
    entry: Entry,
    count: number,
    kind: Pick<Job, 'durationMs' | 'delayMs' | 'hasKey' | 'ballast'>,
  ): Promise<number> {
    const answers = Array.from({ length: count }, () =>
      this.#submitOnce({ ...this.#draw(), ...kind }, entry),
    );
    return (await Promise.all(answers)).filter((answer) => answer === 'ok').length;
  }

  /** Whether this node has refused a job with this code since then. */
  wasRefused(node: string, code: string, sinceMs: number): boolean {
    return this.events.some(
      (event) => event.type === 'fail' && event.node === node && event.code === code && event.atMs >= sinceMs,
    );
  }

  /** No more jobs; resolves when all that were begun are answered, one way or another. */
  async endSubmitting(): Promise<void> {
    this.#isSubmitting = false;
    while (this.#inFlight > 0) await delay(tickMs);
  }

  /** Resolves when each acknowledged job has its outcome, or the time is over; gives whether all have. */
  async drain(timeoutMs: number): Promise<boolean> {
    const deadlineMs = Date.now() + timeoutMs;
    while (this.open.size > 0 && Date.now() < deadlineMs) await delay(tickMs);
    return this.open.size === 0;
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    for (const entry of this.options.entries) entry.close();
  }

  #tick(): void {
    this.#dueJobs += (this.options.jobsPerSecond * tickMs) / 1000;
    for (; this.#dueJobs >= 1; this.#dueJobs--) {
      if (!this.#isSubmitting || this.#inFlight >= jobsInFlightMax) continue;
      this.#inFlight++;
      void this.#submit(this.#draw()).finally(() => this.#inFlight--);
    }
    // As many askers as there are jobs to ask about now: an asker holds its place while it waits.
    for (let count = this.#unasked.length; count > 0 && this.#askerCount < askersMax; count--) {
      this.#askerCount++;
      void this.#askForOutcome(this.#unasked.shift() as number).finally(() => this.#askerCount--);
    }
  }

  #draw(): Job {
    const { random } = this.options;
    const isLong = random.below(10) < 3;
    const isDelayed = random.below(10) === 0;
    return {
      number: ++this.#jobCount,
      durationMs: isLong ? 50 + random.below(451) : 0,
      delayMs: isDelayed ? 100 + random.below(1_900) : 0,
      hasKey: random.below(2) === 0,
    };
  }

  async #submit(job: Job): Promise<void> {
    for (let tries = 0; tries < submitTriesMax && !this.#isStopped; tries++) {
      const answer = await this.#submitOnce(job, this.#anyEntry());
      if (answer === 'ok') return;
      // Without a key, asking again could be another job.
      if (answer === 'unknown' && !job.hasKey) return;
      await delay(retryPauseMs);
    }
  }

  async #submitOnce(job: Job, entry: Entry): Promise<'ok' | 'fail' | 'unknown' | 'unsent'> {
    const { number, durationMs, delayMs, hasKey, ballast = 0 } = job;
    const request = [
      `SUBMIT ${noteTask}`,
      ...(hasKey ? [`key=soak-${number}`] : []),
      ...(delayMs > 0 ? [`delay=${delayMs}ms`] : []),
      ...(this.options.promise === undefined ? [] : [this.options.promise]),
      JSON.stringify({ n: number, ms: durationMs, ...(ballast > 0 && { ballast: 'x'.repeat(ballast) }) }),
    ].join(' ');
    const invokedAtMs = Date.now();
    const answer = await entry.ask(request, submitTimeoutMs);
    if (answer.type === 'unsent') return 'unsent';
    const at = { number, node: entry.name };
    this.events.push({ ...at, type: 'invoke', atMs: invokedAtMs, durationMs, delayMs, hasKey });
    return this.#note(at, answer);
  }

  #note(at: { readonly number: number; readonly node: string }, answer: Answer): 'ok' | 'fail' | 'unknown' {
    const event = { ...at, atMs: Date.now() };
    const text = answer.type === 'reply' ? answer.text : '';
    const [, id] = /^OK (\S+)/.exec(text) ?? [];
    if (id !== undefined) {
      this.events.push({ ...event, type: 'ok', id });
      this.acknowledgedCount++;
      this.open.set(event.number, id);
      this.#unasked.push(event.number);
      return 'ok';
    }
    const [, code = ''] = /^ERR (\S+)/.exec(text) ?? [];
    if (refusalCodes.has(code)) {
      this.events.push({ ...event, type: 'fail', code });
      return 'fail';
    }
    const why = answer.type === 'unknown' ? answer.why : text;
    this.events.push({ ...event, type: 'unknown', why });
    return 'unknown';
  }

  /** Asks once, through any node; without an outcome the job goes to the end of the line. */
  async #askForOutcome(number: number): Promise<void> {
    const entry = this.#anyEntry();
    const request = `WAIT ${this.open.get(number)} timeout=${outcomeWaitMs}ms`;
    const answer = await entry.ask(request, outcomeWaitMs + outcomeGraceMs);
    if (this.#isStopped) return;
    const outcome = answer.type === 'reply' ? outcomeIn(answer.text) : null;
    if (outcome === null) {
      await delay(retryPauseMs);
      this.#unasked.push(number);
      return;
    }
    this.open.delete(number);
    this.events.push({ number, atMs: Date.now(), node: entry.name, type: 'outcome', ...outcome });
  }

  #anyEntry(): Entry {
    const { entries, random } = this.options;
    return entries[random.below(entries.length)] as Entry;
  }
}

/** The outcome that a reply to WAIT tells; null when it tells none, as when nobody knows the job now: somebody may later. */
function outcomeIn(reply: string): { readonly outcome: 'done' | 'failed'; readonly text: string } | null {
  if (reply.startsWith('OK ')) return { outcome: 'done', text: reply.slice('OK '.length) };
  return /^ERR JOB_(FAILED|CANCELLED) /.test(reply) ? { outcome: 'failed', text: reply } : null;
}
