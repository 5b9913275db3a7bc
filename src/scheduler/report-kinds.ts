import { limits } from '../core/limits.js';
import type { Batch } from './thread-messages.js';
import { isText } from './thread-text.js';

/** The number that begins each report in a batch, and how many values each has. */
export const reportKinds = {
  done: 0,
  failed: 1,
  aborted: 2,
  progress: 3,
  log: 4,
  pong: 5,
  fault: 6,
  importing: 7,
  learned: 8,
  rejected: 9,
  ready: 10,
  doneBytes: 11,
  chunk: 12,
  chunkBytes: 13,
  call: 14,
} as const;

export const reportLengths = [3, 5, 2, 3, 4, 2, 3, 2, 3, 3, 1, 3, 3, 3, 7] as const;

/** Whether what may be large in a report is what it should be. */
export function isSound(batch: Batch, at: number): boolean {
  const value = batch[at + 2];
  switch (batch[at]) {
    case reportKinds.done:
    case reportKinds.chunk:
      return isText(value);
    case reportKinds.doneBytes:
    case reportKinds.chunkBytes:
      return value instanceof Uint8Array && value.length <= limits.bodyBytesMax;
    case reportKinds.pong:
      return typeof batch[at + 1] === 'number';
    case reportKinds.call:
      return isRequest(batch, at);
    default:
      return true;
  }
}

function isRequest(batch: Batch, at: number): boolean {
  const [call, verb, name, payload, options] = batch.slice(at + 2, at + 7);
  const isPayload = typeof payload === 'string' || payload instanceof Uint8Array;
  const isVerb = verb === 'call' || verb === 'submit' || verb === 'publish';
  if (!Number.isSafeInteger(call) || !isVerb || typeof name !== 'string' || !isPayload) return false;
  return Array.isArray(options) && options.every(isTextPair);
}

function isTextPair(pair: unknown): boolean {
  return Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === 'string');
}
