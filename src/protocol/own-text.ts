import type { Payload } from '../core/payload.js';

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
