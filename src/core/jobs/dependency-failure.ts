import { type JobId, jobIdPattern } from '../ids.js';
import { limits } from '../limits.js';
import type { JobError } from './record.js';

const comesAfter = ', which this one comes after, ';
const failedItself = 'failed: ';
const chained = 'DependencyFailed: job ';

/** Of a job that comes after one that failed. `how`: that one's error, as `name: message`; null: it was cancelled. */
export function dependencyFailed(job: JobId, how: string | null): JobError {
  const end = how === null ? 'was cancelled' : `${failedItself}${how}`;
  return cut('DependencyFailed', `job ${job}${comesAfter}${end}`);
}

/** Of a job that comes after one whose end nobody knows. */
export function dependencyLost(job: JobId): JobError {
  const why = `no node knows job ${job} any more, which this one comes after: how it ended can't be told`;
  return cut('DependencyLost', why);
}

/**
 * The jobs that such an error names, the one that everything began with first: in this order they can be retried. Empty for any
 * other error; null where the chain was longer than an error may be, and its beginning is missing.
 */
export function failedBefore({ name, message }: JobError): JobId[] | null {
  const jobs: JobId[] = [];
  for (let rest = `${name}: ${message}`; ; ) {
    if (!rest.startsWith(chained)) return jobs.length > 0 && chained.startsWith(rest) ? null : jobs;
    const [job = ''] = rest.slice(chained.length).split(comesAfter, 1);
    // What ends with a job may end within its id.
    const isCut = job.length === rest.length - chained.length;
    if (isCut || !jobIdPattern.test(job)) return jobs.length > 0 ? null : [];
    jobs.unshift(job);
    rest = rest.slice(chained.length + job.length + comesAfter.length + failedItself.length);
  }
}

function cut(name: string, message: string): JobError {
  return { name, message: message.slice(0, limits.errorMessageLengthMax) };
}
