import type { Payload } from '../core/payload.js';

/** V8 makes no slice of fewer characters, but a copy. */
const slicedLengthMin = 13;

/** The same word of a line, as text of its own: one that is kept would keep the whole line. */
export function ownWord(word: string): string {
  return word.length < slicedLengthMin ? word : Buffer.from(word).toString();
}

/** Beside longer ones the rest of a line is little. */
const copiedLengthMax = 4_096;

/**
 * The same payload, as text of its own. V8 keeps the whole of a line for as long as there is a slice of it, and jobs wait in their
 * hundred thousands: tag, verb and options of each would be kept beside its arguments.
 */
export function ownText(payload: Payload): Payload {
  if (typeof payload !== 'string' || payload.length > copiedLengthMax) return payload;
  return Buffer.from(payload).toString();
}
