import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs until the file `until` exists, and writes to the file `notes` what happens to it: a line
 * `started NODE ATTEMPT`, and then `aborted` or `released`. So a test decides how long it runs, and sees where.
 */
export default async function hold({ until, notes }, { node, attempt, signal }) {
  const note = (what) => appendFileSync(notes, `${what} ${node} ${attempt}\n`);
  note('started');
  try {
    while (!existsSync(until)) await delay(10, undefined, { signal });
  } catch (error) {
    note('aborted');
    throw error;
  }
  note('released');
  return { node, attempt };
}
