import { setTimeout as delay } from 'node:timers/promises';
import { fetchUrl } from './fetch-task.js';
import { FinalError } from './handler-result.js';
import type { TaskContext } from './task-context.js';
import type { Handler } from './task-module.js';

/** The tasks that every node offers. */
export const builtinHandlers: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['echo', (args) => args],
  ['sleep', sleep],
  ['fetch', fetchUrl],
]);

/** setTimeout takes no more; it would fire at once instead. */
const sleepMsMax = 2 ** 31 - 1;

/** Waits for `args` or `args.ms` milliseconds, and gives its arguments back. */
async function sleep(args: unknown, context: TaskContext): Promise<unknown> {
  const ms = typeof args === 'object' && args !== null ? (args as { ms?: unknown }).ms : args;
  if (typeof ms !== 'number' || !(ms >= 0) || ms > sleepMsMax) {
    throw new FinalError(
      'BadArguments',
      `sleep takes milliseconds from 0 to ${sleepMsMax}, as 250 or {"ms":250}`,
    );
  }
  await delay(ms, undefined, { signal: context.signal });
  return args;
}
