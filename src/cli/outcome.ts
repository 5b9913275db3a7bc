import type { ClientReply } from '../client/reply-decoder.js';
import { failedBefore } from '../core/jobs/dependency-failure.js';
import type { JobError } from '../core/jobs/record.js';
import { type Outcome, outcomeOf, valueField } from '../library/outcome.js';
import { printable, textOf } from './failure.js';
import { printValue } from './terminal.js';

/** Prints a job's outcome, as JSON with these fields before its own or for people, and sets the exit code. Throws a reply that holds none. */
export function reportOutcome(
  id: string,
  reply: ClientReply,
  json: { readonly fields: string } | null,
): void {
  const outcome = outcomeOf(reply);
  if (outcome === null) {
    textOf(reply);
    return;
  }
  if (outcome.type !== 'done') process.exitCode = 1;
  if (json !== null) process.stdout.write(`{${json.fields}${outcomeFields(id, outcome)}}\n`);
  else if (outcome.type === 'done') printValue(outcome.result);
  else process.stderr.write(`rondo: ${printable(outcomeSentence(id, outcome))}\n`);
}

function outcomeFields(id: string, outcome: Outcome): string {
  if (outcome.type === 'done')
    return `"id":${JSON.stringify(id)},"ok":true,${valueField('result', outcome.result)}`;
  return JSON.stringify({ id, ok: false, error: errorOf(outcome) }).slice(1, -1);
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
