import type { Client as NodeClient } from '../client/client.js';
import { submitsMax } from '../client/follow-job.js';
import { hasKey } from '../client/own-key.js';
import type { ClientReply } from '../client/reply-decoder.js';
import type { ClientRequest } from '../client/request-line.js';

/** A job that was taken, with the promise that it got. */
export interface AcceptedJob {
  /** Its id: what `wait`, `status`, `cancel` and `retry` take. */
  readonly id: string;
  /** How many nodes hold it. */
  readonly copies: number;
  /** Whether each of them has it on disk. */
  readonly durable: boolean;
}

/** Reads what SUBMIT and SCHEDULE answer after `OK`. */
export function acceptedOf(text: string): AcceptedJob {
  const [id = '', ...promises] = text.split(' ');
  const promise = new Map(promises.map((pair) => pair.split('=') as [string, string]));
  return { id, copies: Number(promise.get('copies') ?? 1), durable: promise.get('durable') === 'yes' };
}

/** A request that names a job. */
export function jobRequest(
  verb: 'STATUS' | 'WAIT' | 'WATCH' | 'CANCEL' | 'RETRY',
  id: string,
  options: ClientRequest['options'] = [],
  signal?: AbortSignal,
): ClientRequest {
  return { verb, operands: [id], options, signal };
}

export interface SubmittedJob {
  readonly id: string;
  /** With its key, if it has one. */
  readonly request: ClientRequest;
  /** Submits the request once more; rejects with what a node refuses. */
  readonly submitAgain: (request: ClientRequest) => Promise<unknown>;
  /** It is about to be. */
  readonly onLost?: () => void;
  /** Of the WAIT. */
  readonly options?: ClientRequest['options'];
}

/**
 * The answer to WAIT for a job that was submitted: its outcome, or why that can't be had. The waiting goes on at another node when one
 * dies; a job with a key whose nodes are all gone is submitted again.
 */
export async function outcomeOfSubmitted(client: NodeClient, job: SubmittedJob): Promise<ClientReply> {
  let { reply, isLost } = await waitFor(client, job);
  for (let submits = 1; isLost && hasKey(job.request) && submits < submitsMax; submits++) {
    job.onLost?.();
    await job.submitAgain(job.request);
    ({ reply, isLost } = await waitFor(client, job));
  }
  return reply;
}

/** `isLost`: nobody knows the job any more, and a node was lost meanwhile. Without that its outcome was there, and has expired. */
async function waitFor(
  client: NodeClient,
  { id, request, options }: SubmittedJob,
): Promise<{ reply: ClientReply; isLost: boolean }> {
  let hasLostNode = false;
  const onAgain = (): void => {
    hasLostNode = true;
  };
  const { signal } = request;
  const reply = await client.request({ ...jobRequest('WAIT', id, options, signal), onAgain });
  const isUnknown = !reply.ok && (reply.code === 'UNAVAILABLE' || reply.code === 'NOT_FOUND');
  return { reply, isLost: isUnknown && hasLostNode };
}
