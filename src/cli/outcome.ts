import type { ClientReply } from '../client/reply-decoder.js';
import { failedBefore } from '../core/jobs/dependency-failure.js';
import type { JobError } from '../core/jobs/record.js';
import { printable, textOf } from './failure.js';
import { printJson } from './terminal.js';

/** How a job ended, as RUN and WAIT tell it. */
export type Outcome =
  /** `result` is JSON text, untouched. */
  | { readonly type: 'done'; readonly result: string }
  | { readonly type: 'failed'; readonly failure: JobFailure }
  | { readonly type: 'cancelled'; readonly message: string };

/** What went wrong in a job; `id` and `attempts` are null when the node did not say. */
export interface JobFailure {
  readonly id: string | null;
  readonly name: string;
  readonly message: string;
  readonly attempts: number | null;
}

/** The outcome that a reply to RUN or WAIT holds; null when it tells of something else (BUSY, TIMEOUT, ...). */
export function outcomeOf(reply: ClientReply): Outcome | null {
  if (reply.ok) return { type: 'done', result: reply.text === '' ? 'null' : reply.text };
  if (reply.code === 'JOB_FAILED') return { type: 'failed', failure: parseFailure(reply.message) };
  if (reply.code === 'JOB_CANCELLED') return { type: 'cancelled', message: reply.message };
  return null;
}

/** Prints a job's outcome and sets the exit code. Throws a reply that holds none. */
export function reportOutcome(id: string, reply: ClientReply, json: boolean): void {
  const outcome = outcomeOf(reply);
  if (outcome === null) {
    textOf(reply);
    return;
  }
  if (outcome.type !== 'done') process.exitCode = 1;
  if (json) process.stdout.write(`${outcomeJson(id, outcome)}\n`);
  else if (outcome.type === 'done') printJson(outcome.result);
  else process.stderr.write(`rondo: ${printable(outcomeSentence(id, outcome))}\n`);
}

function outcomeJson(id: string, outcome: Outcome): string {
  if (outcome.type === 'done') return `{"id":${JSON.stringify(id)},"ok":true,"result":${outcome.result}}`;
  return JSON.stringify({ id, ok: false, error: errorOf(outcome) });
}

/** What `--json` and `map` show of a job that did not end well. */
export function errorOf(outcome: Exclude<Outcome, { type: 'done' }>): {
  name: string;
  message: string;
  attempts?: number;
} {
  if (outcome.type === 'cancelled') return { name: 'JOB_CANCELLED', message: outcome.message };
  const { name, message, attempts } = outcome.failure;
  return attempts === null ? { name, message } : { name, message, attempts };
}

function outcomeSentence(id: string, outcome: Exclude<Outcome, { type: 'done' }>): string {
  if (outcome.type === 'cancelled') return `job ${id} was cancelled`;
  const { name, message, attempts } = outcome.failure;
  const after = attempts === null ? '' : ` after ${attempts} attempt${attempts === 1 ? '' : 's'}`;
  return `job ${id} failed${after}: ${name}: ${message}; ${whatToDo(id, { name, message })}`;
}

/** A job that comes after a failed one would only fail again before that one is done. */
function whatToDo(id: string, error: JobError): string {
  if (error.name === 'DependencyLost') return 'submit it again, without --after for that one';
  const first = failedBefore(error);
  if (first === null)
    return 'run the job that failed by itself again first, then those after it, this one last';
  if (first.length === 0) return `run it again with \`rondo retry ${id}\``;
  return `run them again in this order: ${[...first, id].map((each) => `\`rondo retry ${each}\``).join(', ')}`;
}

function parseFailure(text: string): JobFailure {
  try {
    const value = JSON.parse(text) as Partial<JobFailure>;
    return {
      id: typeof value.id === 'string' ? value.id : null,
      name: String(value.name),
      message: String(value.message),
      attempts: typeof value.attempts === 'number' ? value.attempts : null,
    };
  } catch {
    return { id: null, name: 'JOB_FAILED', message: text, attempts: null };
  }
}
