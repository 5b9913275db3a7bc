/**
 * Every error code a client can meet, with what it means. They are stable: programs are written against them.
 * PROTOCOL.md lists each one, and a test compares that list with this one.
 */
export const errorCodes = {
  // The request itself
  BAD_REQUEST: 'the line is not a request: empty verb, bad tag, missing or extra operand',
  BAD_UTF8: 'the line is not valid UTF-8',
  BAD_JSON: 'the payload is not one JSON value',
  BAD_OPTION: 'an option is unknown, given twice, or has a value out of range',
  UNKNOWN_VERB: 'no such verb',
  UNSUPPORTED: 'the verb or option is known, but this version of the node does not offer it',
  LINE_TOO_LONG: 'the line is over the limit; the connection is closed',
  BODY_TOO_LARGE: 'bytes= is over the limit; the connection is closed',
  WRONG_PROTOCOL: 'HTTP or TLS was spoken on the line port; the connection is closed',
  // Rights
  UNAUTHORIZED: 'AUTH with the right token comes first',
  // Jobs
  UNKNOWN_TASK: 'no known node offers this task',
  NO_SUCH_NODE: 'no member has this name',
  NOT_FOUND: 'no node that can be asked knows this job',
  WRONG_STATE: 'the job is in a state that does not allow this',
  JOB_FAILED: 'the job failed for good; the message is one JSON value',
  JOB_CANCELLED: 'the job was cancelled',
  TIMEOUT: 'the time given for waiting is over; the job goes on',
  // Topics
  SLOW_SUBSCRIBER:
    'messages waited for the subscriber to read them, more than are kept: the subscription has ended',
  TOO_MANY_SUBSCRIPTIONS: 'the node has as many subscriptions as it may',
  // The node
  BUSY: 'a limit is reached; try again after the time given',
  DRAINING: 'the node is draining or leaving and takes no new jobs',
  MOVED: 'another node owns the job now; nodes tell this to each other, and look for it again',
  STORE_FAILED:
    'the journal of the node takes no writes: its disk is full or broken; nothing was taken, so submit to another node',
  UNAVAILABLE: 'the answer could not be had in time; what was asked may or may not have happened',
  SLOW_CLIENT:
    'a request that was begun did not go on, or replies were not read, for too long; the connection is closed',
  REPLIES_TOO_LARGE: 'more replies wait for the client than may be kept; the connection is closed',
  TOO_MANY_CONNECTIONS: 'the node has as many clients as it may; the connection is closed',
  INTERNAL: 'a fault in Rondo itself; the log of the node has the details',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An operating error: expected, named, and for somebody to act on. `code` is stable; `cause` is what it came from. */
export class RondoError extends Error {
  /** The name of its class. */
  override readonly name: string = 'RondoError';
  /** Stable, in upper case: programs may go by it. */
  readonly code: string;

  /** `message` is a sentence for people. */
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
