import { retryAfterMs } from '../client/attempts.js';
import type { ClientErrorCode } from '../client/error-codes.js';
import type { ClientReply } from '../client/reply-decoder.js';
import { type ErrorCode, RondoError } from '../core/errors.js';
import { JobFailedError } from '../protocol/job-failure.js';

export { JobFailedError, RondoError };

/** What was asked for can't be right. Thrown before anything is sent, or by the node that was asked; nothing has happened. */
export class BadInputError extends RondoError {
  override readonly name: string = 'BadInputError';
}

/** There is no such job, task or node. */
export class NotFoundError extends RondoError {
  override readonly name: string = 'NotFoundError';
}

/** The job is in a state that does not allow this: a retry of one that runs, a cancel of one that is done. */
export class WrongStateError extends RondoError {
  override readonly name: string = 'WrongStateError';
}

/** The node asks for a token, and was given none or another one. */
export class UnauthorizedError extends RondoError {
  override readonly name: string = 'UnauthorizedError';
}

/** A limit of the node is reached, and was so for ten seconds. Nothing has happened. */
export class BusyError extends RondoError {
  override readonly name: string = 'BusyError';
  /** When the node wants to be asked again, in milliseconds; null where it didn't say. */
  readonly retryAfterMs: number | null;

  /** @internal */
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
    this.retryAfterMs = retryAfterMs(message);
  }
}

/** No node takes this now. Nothing has happened. */
export class NotTakenError extends RondoError {
  override readonly name: string = 'NotTakenError';
}

/**
 * The answer could not be had. What was asked **may or may not have happened**, where the message doesn't say that it hasn't. Also what
 * every call of a client that is closed rejects with.
 */
export class UnavailableError extends RondoError {
  override readonly name: string = 'UnavailableError';
}

/** A subscription was ended by its node, since messages were taken more slowly than they came. What came until then was given. */
export class SlowSubscriberError extends RondoError {
  override readonly name: string = 'SlowSubscriberError';
}

/** What a job yields has a gap, or began anew, and `onMissed` or `onRestart` is not there to be told. */
export class StreamBrokenError extends RondoError {
  override readonly name: string = 'StreamBrokenError';
}

/** The time given for waiting is over. The job goes on. */
export class TimeoutError extends RondoError {
  override readonly name: string = 'TimeoutError';
}

/** The node doesn't offer this, or doesn't speak this protocol. */
export class UnsupportedError extends RondoError {
  override readonly name: string = 'UnsupportedError';
}

/** A fault in Rondo itself; the log of the node has the details. */
export class InternalError extends RondoError {
  override readonly name: string = 'InternalError';
}

/** An embedded node can't be started; `code` and message say why, and what to do. */
export class NodeStartError extends RondoError {
  override readonly name: string = 'NodeStartError';
}

/** The job was cancelled, by this program or by anybody else. */
export class JobCancelledError extends RondoError {
  override readonly name: string = 'JobCancelledError';
  /** The id of the job; null where it is not known, as in `map`. */
  readonly id: string | null;

  /** @internal */
  constructor(message: string, id: string | null = null) {
    super('JOB_CANCELLED', message);
    this.id = id;
  }
}

type Code = ErrorCode | ClientErrorCode;
type ErrorClass = new (code: string, message: string, options?: { cause?: unknown }) => RondoError;

/** The class of each code that a client can meet, but for the two that tell how a job ended. The README has the same table. */
const classes: Readonly<Record<Exclude<Code, 'JOB_FAILED' | 'JOB_CANCELLED'>, ErrorClass>> = {
  BAD_REQUEST: BadInputError,
  BAD_UTF8: BadInputError,
  BAD_JSON: BadInputError,
  BAD_OPTION: BadInputError,
  BAD_ADDRESS: BadInputError,
  LINE_TOO_LONG: BadInputError,
  BODY_TOO_LARGE: BadInputError,
  UNKNOWN_TASK: NotFoundError,
  NO_SUCH_NODE: NotFoundError,
  NOT_FOUND: NotFoundError,
  WRONG_STATE: WrongStateError,
  UNAUTHORIZED: UnauthorizedError,
  TIMEOUT: TimeoutError,
  BUSY: BusyError,
  TOO_MANY_CONNECTIONS: BusyError,
  TOO_MANY_SUBSCRIPTIONS: BusyError,
  NO_NODE: NotTakenError,
  DRAINING: NotTakenError,
  STORE_FAILED: NotTakenError,
  UNAVAILABLE: UnavailableError,
  MOVED: UnavailableError,
  SLOW_CLIENT: UnavailableError,
  SLOW_SUBSCRIBER: SlowSubscriberError,
  STREAM_BROKEN: StreamBrokenError,
  REPLIES_TOO_LARGE: UnavailableError,
  UNKNOWN_VERB: UnsupportedError,
  UNSUPPORTED: UnsupportedError,
  WRONG_PROTOCOL: UnsupportedError,
  BAD_REPLY: UnsupportedError,
  INTERNAL: InternalError,
};

/** For the test that keeps the table of the README in step: each code, and the name of its class. */
export const classNames: ReadonlyMap<string, string> = new Map([
  ...Object.entries(classes).map(([code, { name }]) => [code, name] as const),
  ['JOB_FAILED', JobFailedError.name],
  ['JOB_CANCELLED', JobCancelledError.name],
]);

/** What a node refused, as an error of the class that its code has; a code of a newer node is a plain `RondoError`. */
export function errorOf(
  { code, message }: Extract<ClientReply, { ok: false }>,
  id: string | null = null,
): RondoError {
  if (code === 'JOB_FAILED') return new JobFailedError(message, id);
  if (code === 'JOB_CANCELLED') return new JobCancelledError(message, id);
  return errorWith(code, message);
}

/** The same for an error of the layers below; anything else is given back as it is: an abort's reason, a mistake in this code. */
export function typedError(error: unknown): unknown {
  if (!(error instanceof RondoError) || error.constructor !== RondoError) return error;
  return errorWith(error.code, error.message, error);
}

function errorWith(code: string, message: string, cause?: unknown): RondoError {
  const options = cause === undefined ? {} : { cause };
  if (!Object.hasOwn(classes, code)) return new RondoError(code, message, options);
  return new classes[code as keyof typeof classes](code, message, options);
}
