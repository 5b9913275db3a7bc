import type { ClientRequest } from '../client/request-line.js';
import { untilAborted } from '../client/until-aborted.js';
import { type Calls, resultOf } from './calls.js';
import { typedError } from './errors.js';
import { acceptedOf, outcomeOfSubmitted } from './submission.js';

/**
 * Submits a job and resolves to its result. SUBMIT and then WAIT, not RUN: so the id is known from the start, an abort can cancel the
 * job, and the waiting goes on at another node when this one dies. `request` is a SUBMIT.
 */
export async function runJob(calls: Calls, request: ClientRequest, signal?: AbortSignal): Promise<unknown> {
  signal?.throwIfAborted();
  const submitted = calls.keyed(request);
  const submitting = calls.text(submitted).then((text) => acceptedOf(text).id);
  const running = submitting.then((id) => finish(calls, { ...submitted, signal }, id));
  if (signal === undefined) return running;
  try {
    return await untilAborted(running, signal);
  } catch (error) {
    // Only once the answer to SUBMIT is there it is known what to cancel.
    if (signal.aborted) calls.cancelLater(submitting);
    throw error;
  }
}

async function finish(calls: Calls, request: ClientRequest, id: string): Promise<unknown> {
  request.signal?.throwIfAborted();
  const submitAgain = (again: ClientRequest): Promise<string> => calls.text(again);
  try {
    return resultOf(await outcomeOfSubmitted(calls.client, { id, request, submitAgain }), id);
  } catch (error) {
    throw typedError(error);
  }
}
