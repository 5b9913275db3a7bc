import type { ClientReply } from '../client/reply-decoder.js';
import { type JobFailure, parseFailure } from '../protocol/job-failure.js';

/** How a job ended, as RUN and WAIT tell it. */
export type Outcome =
  /** `result` is JSON text, untouched, or raw bytes. */
  | { readonly type: 'done'; readonly result: string | Buffer }
  | { readonly type: 'failed'; readonly failure: JobFailure }
  | { readonly type: 'cancelled'; readonly message: string };

/** The outcome that a reply to RUN or WAIT holds; null when it tells of something else (BUSY, TIMEOUT, ...). */
export function outcomeOf(reply: ClientReply): Outcome | null {
  if (reply.ok) return { type: 'done', result: reply.bytes ?? (reply.text === '' ? 'null' : reply.text) };
  if (reply.code === 'JOB_FAILED') return { type: 'failed', failure: parseFailure(reply.message) };
  if (reply.code === 'JOB_CANCELLED') return { type: 'cancelled', message: reply.message };
  return null;
}

/** A result, or what was yielded or published, as a field of a JSON object; bytes have a name of their own, which no value can be taken for. */
export function valueField(name: string, value: string | Buffer): string {
  return typeof value === 'string' ? `"${name}":${value}` : `"base64":"${value.toString('base64')}"`;
}
