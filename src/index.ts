/**
 * The library of Rondo: a client of a cluster, and nodes within a program.
 *
 * @packageDocumentation
 */
export { Client } from './library/client.js';
export type { ConnectOptions, LostNotice, MovedNotice, Notice } from './library/connect.js';
export {
  BadInputError,
  BusyError,
  InternalError,
  JobCancelledError,
  JobFailedError,
  NodeStartError,
  NotFoundError,
  NotTakenError,
  RondoError,
  SlowSubscriberError,
  StreamBrokenError,
  TimeoutError,
  UnauthorizedError,
  UnavailableError,
  UnsupportedError,
  WrongStateError,
} from './library/errors.js';
export type { JobHandle, ScheduleHandle } from './library/job-handle.js';
export type { JobStream } from './library/job-stream.js';
export type { JobWatch } from './library/job-watch.js';
export { Node } from './library/node.js';
export type * from './library/node-options.js';
export type * from './library/options.js';
export type * from './library/shapes.js';
export type { AcceptedJob } from './library/submission.js';
export type { Subscription } from './library/subscription.js';
export type * from './library/task-types.js';
