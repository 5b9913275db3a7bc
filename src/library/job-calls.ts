import { type Calls, resultOf } from './calls.js';
import { idOf, spellOptions } from './checked-input.js';
import type { CallOptions, WaitOptions } from './options.js';
import { jobRequest } from './submission.js';

/** What can be asked of a job by its id. */
export async function waitFor(calls: Calls, job: unknown, options: WaitOptions): Promise<unknown> {
  const id = idOf(job);
  const spelled = spellOptions(options, 'wait');
  return resultOf(await calls.reply(jobRequest('WAIT', id, spelled, options.signal)), id);
}

export async function statusOf(calls: Calls, job: unknown, options: CallOptions): Promise<unknown> {
  const id = idOf(job);
  spellOptions(options, 'none');
  return calls.json(jobRequest('STATUS', id, [], options.signal), id);
}

export async function tell(
  calls: Calls,
  verb: 'CANCEL' | 'RETRY',
  job: unknown,
  options: CallOptions,
): Promise<void> {
  const id = idOf(job);
  spellOptions(options, 'none');
  await calls.text(jobRequest(verb, id, [], options.signal), id);
}
