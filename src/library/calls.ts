import { setTimeout as delay } from 'node:timers/promises';
import type { Client as NodeClient } from '../client/client.js';
import { withOwnKey } from '../client/own-key.js';
import type { ClientReply } from '../client/reply-decoder.js';
import type { ClientRequest } from '../client/request-line.js';
import { errorOf, typedError, UnsupportedError } from './errors.js';
import { jobRequest } from './submission.js';

/** How long `close` waits for the answers to cancels that aborts have caused: a handler has two seconds to stop. */
const closeGraceMs = 3_000;
/** A job that was submitted a moment ago may not be known yet where it is cancelled. */
const cancelTriesMax = 4;
const cancelPauseMs = 100;

/** Requests to the cluster with answers as values, and refusals as errors of their classes. */
export class Calls {
  readonly #background = new Set<Promise<void>>();

  constructor(
    readonly client: NodeClient,
    /** Whether a job that is submitted without a key gets one. */
    private readonly ownKeys: boolean,
  ) {}

  async reply(request: ClientRequest): Promise<ClientReply> {
    try {
      return await this.client.request(request);
    } catch (error) {
      throw typedError(error);
    }
  }

  /** What stands after OK; `id` is that of the job that is asked about, where there is one. */
  async text(request: ClientRequest, id: string | null = null): Promise<string> {
    const reply = await this.reply(request);
    if (reply.ok) return reply.text;
    throw errorOf(reply, id);
  }

  async json(request: ClientRequest, id: string | null = null): Promise<unknown> {
    return parsed(await this.text(request, id));
  }

  /** The request with a key of its own where it is to have one: so it can be sent again when its node is lost. */
  keyed(request: ClientRequest): ClientRequest {
    return this.ownKeys ? withOwnKey(request) : request;
  }

  /** Nobody waits for it but `close`. */
  cancelLater(job: Promise<string | null>): void {
    const cancel = job.then((id) => (id === null ? undefined : this.cancelKnown(id))).catch(() => {});
    this.#background.add(cancel);
    void cancel.finally(() => this.#background.delete(cancel));
  }

  async close(): Promise<void> {
    if (this.#background.size > 0) {
      const late = new AbortController();
      const limit = delay(closeGraceMs, undefined, { signal: late.signal }).catch(() => {});
      await Promise.race([Promise.all(this.#background), limit]);
      late.abort();
    }
    this.client.close();
  }

  private async cancelKnown(id: string): Promise<void> {
    for (let tries = 1; tries <= cancelTriesMax; tries++) {
      const reply = await this.client.request(jobRequest('CANCEL', id));
      if (reply.ok || reply.code !== 'NOT_FOUND') return;
      await delay(cancelPauseMs);
    }
  }
}

/** The value of an answer. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text === '' ? 'null' : text);
  } catch (cause) {
    throw new UnsupportedError('BAD_REPLY', 'the node answered with something that is not JSON', { cause });
  }
}

/** The result in an answer to RUN or WAIT: a value, or raw bytes as a Buffer. */
export function resultOf(reply: ClientReply, id: string | null): unknown {
  if (reply.ok) return reply.bytes ?? parsed(reply.text);
  throw errorOf(reply, id);
}
