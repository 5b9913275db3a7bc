import * as v from 'valibot';
import { limits } from '../core/limits.js';
import { duration, listOf, matching, path, wholeNumber } from './config-values.js';

/** A task that is a program: JSON on its standard input, its standard output is the result. */
export const commandSchema = v.strictObject({
  command: v.pipe(
    listOf(v.pipe(v.string(), v.maxLength(64 * 1024)), 1_000),
    v.check((words) => (words[0] ?? '') !== ''),
  ),
  timeout: v.optional(duration(1, limits.durationMsMax)),
  concurrency: v.optional(wholeNumber(1, 65_536)),
  retries: v.optional(wholeNumber(0, limits.retriesMax)),
  env: v.optional(
    v.map(
      matching(/^[^=\0]+$/),
      v.pipe(v.union([v.string(), v.pipe(v.number(), v.finite()), v.boolean()]), v.transform(String)),
    ),
  ),
  cwd: v.optional(path),
  stream: v.optional(v.picklist(['lines', 'bytes'])),
});

/** Completes "it must be ..." for each key of a command. */
export const commandAllowed: Readonly<Record<keyof v.InferOutput<typeof commandSchema>, string>> = {
  command: 'a list of the program and its arguments',
  timeout: 'a duration (250ms, 30s, 5m, 2h) from 1ms',
  concurrency: 'a whole number from 1 to 65536',
  retries: `a whole number from 0 to ${limits.retriesMax}`,
  env: 'a map of variables',
  cwd: 'a directory',
  stream: 'lines or bytes',
};
