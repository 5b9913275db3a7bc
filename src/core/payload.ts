/**
 * What a job takes or gives. A string is the JSON text itself, checked once where it enters and then carried
 * as it is (owner and executor never parse it; only the handler's thread does); bytes are raw binary arguments.
 */
export type Payload = string | Uint8Array;

/** Size in bytes that a payload counts for in every limit: UTF-16 length for text, which is what it costs to hold. */
export function payloadBytes(payload: Payload): number {
  return payload.length;
}
