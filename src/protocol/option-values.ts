import { jobIdPattern } from '../core/ids.js';
import { limits } from '../core/limits.js';
import { errorReply, type Reply } from '../core/reply.js';
import { durationOf } from './durations.js';
import { quoted } from './wording.js';

/** Printable ASCII without spaces. */
const keyPattern = /^[!-~]+$/;

/** Reads a whole number within bounds. */
export function readWhole(
  name: string,
  value: string,
  min: number,
  max: number,
  put: (value: number) => void,
): Reply | null {
  const whole = /^-?[0-9]+$/.test(value) ? Number(value) : Number.NaN;
  if (!(whole >= min && whole <= max))
    return badValue(name, value, `it is a whole number from ${min} to ${max}`);
  // Makes -0 the 0 it is meant to be.
  put(whole + 0);
  return null;
}

/** Reads a duration of at least so many milliseconds. */
export function readDuration(
  name: string,
  value: string,
  msMin: number,
  put: (ms: number) => void,
): Reply | null {
  const ms = durationOf(value);
  if (typeof ms === 'string') return badValue(name, value, ms);
  if (ms < msMin) return badValue(name, value, `it is at least ${msMin}ms`);
  put(ms);
  return null;
}

/** Reads a key of any kind. Printable ASCII: keys are compared byte by byte, so none may look like another. */
export function readKey(name: string, value: string, put: (key: string) => void): Reply | null {
  if (value.length > limits.keyLengthMax || !keyPattern.test(value)) {
    return badValue(
      name,
      value,
      `it is 1 to ${limits.keyLengthMax} printable ASCII characters without spaces`,
    );
  }
  put(value);
  return null;
}

/** Reads ids of jobs with commas between them. */
export function readJobs(name: string, value: string, put: (jobs: readonly string[]) => void): Reply | null {
  const jobs = value.split(',');
  const wrong = jobs.find((job) => !jobIdPattern.test(job));
  if (wrong !== undefined) return badValue(name, value, `${quoted(wrong)} is no job id: it is ID,ID`);
  if (new Set(jobs).size < jobs.length) return badValue(name, value, 'a job is named twice');
  if (jobs.length > limits.afterMax) return badValue(name, value, `it names at most ${limits.afterMax} jobs`);
  put(jobs);
  return null;
}

/** The answer to a value that an option can't have. */
export function badValue(name: string, value: string, rule: string): Reply {
  return errorReply('BAD_OPTION', `${name}=: ${quoted(value)} won't do: ${rule}`);
}
