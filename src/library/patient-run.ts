import { setTimeout as delay } from 'node:timers/promises';
import { retryAfterMs } from '../client/attempts.js';
import type { Client as NodeClient } from '../client/client.js';
import type { ClientReply } from '../client/reply-decoder.js';
import type { ClientRequest } from '../client/request-line.js';
import { untilAborted } from '../client/until-aborted.js';
import { RondoError } from '../core/errors.js';
import { outcomeOf } from './outcome.js';

/** A node that can't take a job now is asked again, more and more slowly, for some minutes. */
const retryDelayMsMin = 50;
const retryDelayMsMax = 5_000;
const busyTriesMax = 100;
/** A job that is lost with its node again and again may be what ends the nodes. */
const lostTriesMax = 5;

/** With these, the other jobs of the same run would fare no better. */
const hopelessCodes: ReadonlySet<string> = new Set([
  'UNKNOWN_TASK',
  'NO_SUCH_NODE',
  'NO_NODE',
  'DRAINING',
  'UNAUTHORIZED',
  'UNSUPPORTED',
  'BAD_OPTION',
  'BAD_REQUEST',
  'UNKNOWN_VERB',
]);

export function isHopeless(code: string): boolean {
  return hopelessCodes.has(code);
}

export interface PatientRun {
  /** Nothing is tried again any more. */
  readonly isEnding: () => boolean;
  /** It is submitted again, as nobody can say what became of it. */
  readonly onRepeated: () => void;
}

/**
 * Brings one job of many to its outcome by RUN, whatever BUSY or lost nodes come between, and answers with the last reply. What the client
 * rejects with is told as the reply that a node would give; rejects with `NO_NODE`, which is hopeless too, and an abort's reason.
 */
export async function runPatiently(
  client: NodeClient,
  request: ClientRequest,
  { isEnding, onRepeated }: PatientRun,
): Promise<ClientReply> {
  let busyTries = 0;
  let lostTries = 0;
  for (let delayMs = retryDelayMsMin; ; delayMs = Math.min(delayMs * 2, retryDelayMsMax)) {
    const reply = await askFor(client, request);
    if (reply.ok || outcomeOf(reply) !== null || isEnding()) return reply;
    const { code, message } = reply;
    if (code === 'UNAVAILABLE' && lostTries < lostTriesMax) {
      lostTries++;
      onRepeated();
    } else if (code === 'BUSY' && busyTries < busyTriesMax) {
      busyTries++;
    } else {
      return reply;
    }
    // Jitter, so that jobs refused together do not come back together.
    const pauseMs = Math.min(retryAfterMs(message) ?? delayMs, retryDelayMsMax);
    const pause = delay(pauseMs * (0.75 + Math.random() / 2));
    await (request.signal === undefined ? pause : untilAborted(pause, request.signal));
  }
}

async function askFor(client: NodeClient, request: ClientRequest): Promise<ClientReply> {
  try {
    return await client.request(request);
  } catch (error) {
    if (!(error instanceof RondoError) || error.code === 'NO_NODE') throw error;
    return { ok: false, code: error.code, message: error.message };
  }
}
