import { RondoError } from '../core/errors.js';
import type { ClientReply } from './reply-decoder.js';
import type { ClientRequest } from './request-line.js';

/** A RETRY whose answers are lost again and again is not sent for ever. */
const sendsMax = 3;

/**
 * RETRY, once. Sent a second time, it could put a job back that has failed again since. So STATUS is asked before it; when its answer
 * is lost, STATUS tells whether it was heard: the job is in line or runs, or it has run meanwhile.
 */
export async function retryJob(
  request: ClientRequest,
  send: (request: ClientRequest) => Promise<ClientReply>,
): Promise<ClientReply> {
  const status: ClientRequest = { verb: 'STATUS', operands: request.operands ?? [] };
  const before = stateOf(await send(status));
  if (before === null) return send(request);
  for (let sends = 1; ; sends++) {
    const [reply, fault] = await settled(send(request));
    const isUnsure =
      fault !== null ? fault.code === 'UNAVAILABLE' : isRefused(reply, sends === 1 ? [] : ['WRONG_STATE']);
    if (!isUnsure) return orThrow(reply, fault);
    const [told] = await settled(send(status));
    const after = told === null ? null : stateOf(told);
    if (after === null || !before.isRetryable) return orThrow(reply, fault);
    if (after.mark !== before.mark || !after.isRetryable) return { ok: true, text: '' };
    if (sends === sendsMax) return orThrow(reply, fault);
  }
}

interface JobState {
  readonly isRetryable: boolean;
  /** Another one once the job has run, or ended, again. */
  readonly mark: string;
}

function stateOf(reply: ClientReply): JobState | null {
  if (!reply.ok) return null;
  try {
    const { state, attempts, finishedAt } = JSON.parse(reply.text) as Readonly<Record<string, unknown>>;
    return { isRetryable: state === 'failed' || state === 'cancelled', mark: `${attempts} ${finishedAt}` };
  } catch {
    return null;
  }
}

async function settled(
  answer: Promise<ClientReply>,
): Promise<[reply: ClientReply | null, fault: RondoError | null]> {
  try {
    return [await answer, null];
  } catch (error) {
    if (error instanceof RondoError) return [null, error];
    throw error;
  }
}

function isRefused(reply: ClientReply | null, codes: readonly string[]): boolean {
  return reply !== null && !reply.ok && ['UNAVAILABLE', ...codes].includes(reply.code);
}

function orThrow(reply: ClientReply | null, fault: RondoError | null): ClientReply {
  if (reply !== null) return reply;
  throw fault;
}
