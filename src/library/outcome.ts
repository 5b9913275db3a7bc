import type { ClientReply } from '../client/reply-decoder.js';

/** How a job ended, as RUN and WAIT tell it. */
export type Outcome =
  /** `result` is JSON text, untouched, or raw bytes. */
  | { readonly type: 'done'; readonly result: string | Buffer }
  | { readonly type: 'failed'; readonly failure: JobFailure }
  | { readonly type: 'cancelled'; readonly message: string };

/** What went wrong in a job; `id` and `attempts` are null when the node did not say. */
export interface JobFailure {
  readonly id: string | null;
  readonly name: string;
  readonly message: string;
  readonly attempts: number | null;
}

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

/** Reads the message of JOB_FAILED. */
export function parseFailure(text: string): JobFailure {
  try {
    const value = JSON.parse(text) as Partial<JobFailure>;
    return {
      id: typeof value.id === 'string' ? value.id : null,
      name: String(value.name),
      message: String(value.message),
      attempts: typeof value.attempts === 'number' ? value.attempts : null,
    };
  } catch {
    return { id: null, name: 'JOB_FAILED', message: text, attempts: null };
  }
}
