import { RondoError } from '../core/errors.js';
import { parseDuration } from '../core/units.js';
import type { Exchange } from './connection.js';
import { isSubmission } from './own-key.js';
import { type Repetition, repetitionOf } from './repetition.js';
import type { ClientReply } from './reply-decoder.js';
import type { ClientRequest } from './request-line.js';

/** What is done with a request after one attempt at it. */
export type NextAttempt =
  | { readonly type: 'end'; readonly reply: ClientReply }
  /** `elsewhere`: at the next node, where there is one. */
  | { readonly type: 'again'; readonly elsewhere: boolean; readonly pauseMs: number };

export interface AttemptsOptions {
  readonly nodeCount: number;
  readonly busyMs: number;
}

/** A request that is lost with its node so often may be what ends the nodes. In a long list twice round. */
const lossesMaxLeast = 5;
/** Long enough for the death of a node to be known and its jobs to be taken over. */
const unavailableMs = 5_000;
const pauseMsMin = 50;
const pauseMsMax = 1_000;
/** A question that was open for so long was not what ended its node: what came before is forgotten. */
const steadyMs = 60_000;

/** All attempts at one request: what has gone wrong so far, and whether there will be another one. */
export class Attempts {
  readonly repetition: Repetition;
  private losses = 0;
  private refusals = 0;
  private pauses = 0;
  private beganAtMs = 0;
  private unavailableUntilMs: number | null = null;
  private busyUntilMs: number | null = null;
  /** It was sent, and no answer came. */
  private doubt: string | null = null;

  constructor(
    private readonly request: ClientRequest,
    private readonly options: AttemptsOptions,
  ) {
    this.repetition = repetitionOf(request);
  }

  get verb(): string {
    return this.request.verb;
  }

  begin(): void {
    this.beganAtMs = performance.now();
  }

  afterReply(reply: ClientReply): NextAttempt {
    const end: NextAttempt = { type: 'end', reply };
    if (reply.ok || this.repetition === 'nowhere') return end;
    switch (reply.code) {
      case 'STORE_FAILED':
      case 'DRAINING': {
        const isLast = ++this.refusals >= this.options.nodeCount;
        return isSubmission(this.request) && !isLast ? this.again(true, 0) : this.refused(reply);
      }
      case 'BUSY': {
        const nowMs = performance.now();
        this.busyUntilMs ??= nowMs + this.options.busyMs;
        const pauseMs = retryAfterMs(reply.message) ?? this.nextPauseMs();
        return nowMs + pauseMs < this.busyUntilMs
          ? this.again(false, jittered(pauseMs))
          : this.refused(reply);
      }
      case 'UNAVAILABLE': {
        if (this.repetition !== 'anywhere') return end;
        this.calmDown();
        const nowMs = performance.now();
        this.unavailableUntilMs ??= nowMs + unavailableMs;
        if (nowMs >= this.unavailableUntilMs) return end;
        this.request.onAgain?.();
        return this.again(true, jittered(this.nextPauseMs()));
      }
      default:
        return end;
    }
  }

  /** Throws `UNAVAILABLE` where the request can't be sent again. */
  afterLoss(address: string, { sent, reason }: Extract<Exchange, { type: 'lost' }>): NextAttempt {
    this.calmDown();
    const { repetition } = this;
    const what = `node ${address} was lost before it answered (${reason})`;
    if (sent) this.doubt = what;
    const isRepeatable = repetition === 'anywhere' || (repetition === 'unsent' && !sent);
    const lossesMax = Math.max(lossesMaxLeast, 2 * this.options.nodeCount);
    if (!isRepeatable || ++this.losses >= lossesMax) {
      const effect = this.doubt === null ? 'has not happened' : 'may or may not have happened';
      throw new RondoError('UNAVAILABLE', `${what}: what was asked ${effect}${this.advice(sent)}`);
    }
    if (sent) this.request.onAgain?.();
    return this.again(true, 0);
  }

  /** What to throw when no further node is found: not that nothing has happened, where nobody can know that. */
  faultOf(error: unknown): unknown {
    if (this.doubt === null || !this.isChange || !(error instanceof RondoError)) return error;
    const message = `${this.doubt}, and ${error.message}: what was asked may or may not have happened`;
    return new RondoError('UNAVAILABLE', message, { cause: error });
  }

  /** Refused now, and perhaps accepted before by a node whose answer was lost. */
  private refused(reply: Extract<ClientReply, { ok: false }>): NextAttempt {
    if (this.doubt === null || !this.isChange) return { type: 'end', reply };
    const message = `${this.doubt}, and now ${reply.code}: ${reply.message}; what was asked may or may not have happened`;
    return { type: 'end', reply: { ok: false, code: 'UNAVAILABLE', message } };
  }

  private again(elsewhere: boolean, pauseMs: number): NextAttempt {
    return { type: 'again', elsewhere, pauseMs };
  }

  private calmDown(): void {
    if (this.isChange || performance.now() - this.beganAtMs < steadyMs) return;
    this.losses = 0;
    this.pauses = 0;
    this.unavailableUntilMs = null;
  }

  private nextPauseMs(): number {
    return Math.min(pauseMsMin * 2 ** this.pauses++, pauseMsMax);
  }

  private advice(sent: boolean): string {
    const isUnkeyed = sent && this.repetition === 'unsent' && isSubmission(this.request);
    return isUnkeyed ? '; with a key, or several nodes listed, it would have been sent again' : '';
  }

  private get isChange(): boolean {
    return isSubmission(this.request) || this.repetition !== 'anywhere';
  }
}

/** What `retry-after=` in a BUSY reply asks for; null when it says nothing. */
export function retryAfterMs(message: string): number | null {
  const text = /\bretry-after=(\d{1,9}(?:ms|s|m|h))(?= |$)/.exec(message)?.[1];
  const ms = text === undefined ? null : parseDuration(text);
  return ms === null ? null : Math.max(ms, 1);
}

/** Requests refused together do not come back together. */
function jittered(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}
