import type { AttemptStart, LogEffect } from '../core/effects.js';
import type { AttemptOutcome } from '../core/jobs/record.js';
import type { StopReason } from '../core/messages.js';
import type { Payload } from '../core/payload.js';
import type { Reply } from '../core/reply.js';
import type { HandlerRequest } from '../protocol/handler-request.js';
import type { QueueEntry } from './attempt-queue.js';
import type { AttemptLogEntry } from './scheduler.js';

/** An attempt from `start` until its one outcome has been told. */
export interface Attempt {
  readonly start: AttemptStart;
  readonly runner: Runner;
  readonly entry: QueueEntry;
  /** Why it is to stop, once that was asked for. */
  stopping: StopReason | null;
  /** What its handler has asked and has not been answered; and how much of it are jobs that it waits for. */
  readonly calls: Set<number>;
  waitingCalls: number;
  /** Gives its p-queue slot back; null while it waits for one. */
  release: (() => void) | null;
}

/** Where attempts run. Each that has begun ends in one call of `ended`, never from inside `begin` or `stop`. */
export interface Runner {
  begin(attempt: Attempt): void;
  /** `attempt.stopping` says why. */
  stop(attempt: Attempt): void;
  /** To what its handler has asked by that number. */
  answer(attempt: Attempt, call: number, reply: Reply): void;
  /** It may tell more chunks, up to so many bytes in all. */
  giveRoom(attempt: Attempt, upTo: number): void;
  /** Ends all that runs, as `displaced`, and resolves when nothing is left of it. */
  close(): Promise<void>;
}

/** What runners tell. */
export interface RunnerListener {
  /** A handler has it now. May come from inside `begin`. */
  started(attempt: Attempt): void;
  ended(attempt: Attempt, outcome: AttemptOutcome): void;
  progress(attempt: Attempt, value: string): void;
  chunk(attempt: Attempt, chunk: Payload): void;
  call(attempt: Attempt, call: number, request: HandlerRequest): void;
  log(attempt: Attempt, level: AttemptLogEntry['level'], text: string): void;
}

/** The node's own log: a sentence, and fields for machines. */
export type SchedulerLog = (level: LogEffect['level'], text: string, fields: LogEffect['fields']) => void;

/** The outcome of an attempt that was asked to stop and has stopped. */
export function stoppedOutcome(reason: StopReason): AttemptOutcome {
  return { type: reason === 'timed_out' ? 'timed_out' : 'stopped' };
}
