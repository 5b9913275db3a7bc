import { RondoError } from '../core/errors.js';

/** All that a peer can do wrong on the wire, by stable code. Each costs the peer its link, never the node anything. */
export const peerFaults = {
  FRAME_LENGTH: 'a frame announces 0 bytes or more than the limit',
  FRAME_MALFORMED: 'a frame is not exactly one msgpack array of plain values that begins with a kind',
  FRAME_UNEXPECTED: 'a frame stands where it may not: a second hello, a chunk that continues nothing',
  FIELD_INVALID: 'a field is missing, of the wrong type, or out of range',
  HELLO_TIMEOUT: 'the hello did not arrive in time',
  WRONG_PROTOCOL: 'something else than the peer protocol was spoken: HTTP, TLS, or the line protocol',
} as const;

export type PeerFaultCode = keyof typeof peerFaults;

/** Thrown by the decoders for bad input, and for nothing else: whoever feeds them closes the link and goes on. */
export class PeerFault extends RondoError {
  declare readonly code: PeerFaultCode;

  constructor(code: PeerFaultCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}
