import { randomBytes } from 'node:crypto';
import type { ClientRequest } from './request-line.js';

/** 130 bits in base32, of which 128 are random: no two clients ever make the same key. */
const keyDigits = 26;

/** A request with an idempotency key of its own, where it submits a job and its user has given none. */
export function withOwnKey(request: ClientRequest): ClientRequest {
  if (!isSubmission(request) || hasKey(request)) return request;
  return { ...request, options: [...(request.options ?? []), ['key', newKey()]] };
}

export function isSubmission({ verb }: ClientRequest): boolean {
  return /^(?:SUBMIT|RUN)$/i.test(verb);
}

export function hasKey({ options = [] }: ClientRequest): boolean {
  return options.some(([name]) => name === 'key');
}

function newKey(): string {
  return BigInt(`0x${randomBytes(16).toString('hex')}`)
    .toString(32)
    .padStart(keyDigits, '0');
}
