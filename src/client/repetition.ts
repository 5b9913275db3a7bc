import { hasKey, isSubmission } from './own-key.js';
import type { ClientRequest } from './request-line.js';

/** What may be done with a request whose node was lost, or could not say what became of it. */
export type Repetition =
  /** To be asked again, of any node: a question, a job with a key, or what is the same when it is done twice. */
  | 'anywhere'
  /** Once it was sent, it may have happened, and a second time would be another one. */
  | 'unsent'
  /** It means the node that is asked, and would do harm at another one. */
  | 'nowhere';

const questions = new Set([
  'HELLO',
  'PING',
  'HELP',
  'INFO',
  'NODES',
  'TASKS',
  'STATUS',
  'WAIT',
  'WATCH',
  'SUBSCRIBE',
  'SUBSCRIBERS',
  'JOBS',
  'SCHEDULES',
]);

/** A job that is cancelled already is cancelled, and a node that drains already drains. */
const idempotent = new Set(['CANCEL', 'DRAIN', 'RESUME']);
const aboutTheAsked = new Set(['LEAVE', 'DRAIN', 'RESUME', 'AUTH', 'QUIT']);

export function repetitionOf(request: ClientRequest): Repetition {
  const verb = request.verb.toUpperCase();
  if (questions.has(verb)) return 'anywhere';
  if (aboutTheAsked.has(verb) && (request.operands ?? []).length === 0) return 'nowhere';
  if (verb === 'AUTH') return 'nowhere';
  if (idempotent.has(verb)) return 'anywhere';
  return isSubmission(request) && hasKey(request) ? 'anywhere' : 'unsent';
}
