import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr';
import type { GoodbyeReason, Hello } from '../core/hello.js';
import { limits } from '../core/limits.js';
import type { PeerMessage, PeerMessageType } from '../core/messages.js';
import { frameHeaderBytes } from './frame-decoder.js';
import { frameKinds } from './frame-kinds.js';
import { skimFrame } from './frame-skim.js';
import { PeerFault } from './peer-fault.js';
import { FieldReader } from './peer-fields.js';
import { decodeGoodbye, decodeHello, encodeGoodbyeFields, encodeHelloFields } from './peer-hello.js';
import { jobCodecs } from './peer-jobs.js';
import { membershipCodecs } from './peer-membership.js';

/** What a frame holds. `unknown`: of a kind that only a newer node knows; it is ignored. */
export type PeerFrame =
  | { readonly type: 'message'; readonly message: PeerMessage }
  | { readonly type: 'hello'; readonly hello: Hello }
  /** Null: a reason that only a newer node knows. */
  | { readonly type: 'goodbye'; readonly reason: GoodbyeReason | null }
  /** A piece of a large message, lent for the call, and how many bytes of the message are still to come. */
  | { readonly type: 'chunk'; readonly piece: Uint8Array; readonly remaining: number }
  | { readonly type: 'unknown'; readonly kind: number };

/** How the fields of each message are written and read; null: only a newer node knows what is in it. */
export type MessageCodecs<Message extends PeerMessage> = {
  readonly [Type in Message['type']]: {
    encode(message: Extract<Message, { type: Type }>): unknown[];
    decode(fields: FieldReader): Extract<Message, { type: Type }> | null;
  };
};

/** Encodes a message as one whole frame, length prefix included. Over `chunkBytesMax` it must be sent in chunks. */
export function encodeMessage(message: PeerMessage): Buffer {
  return packFrame(fieldsOf(message));
}

/** The values of a message's frame, its kind first. */
export function fieldsOf(message: PeerMessage): unknown[] {
  const { type } = message;
  const fields = encoders[type](message);
  fields.unshift(frameKinds[type]);
  return fields;
}

export function encodeHello(hello: Hello): Buffer {
  return packFrame([frameKinds.hello, ...encodeHelloFields(hello)]);
}

export function encodeGoodbye(reason: GoodbyeReason): Buffer {
  return packFrame([frameKinds.goodbye, ...encodeGoodbyeFields(reason)]);
}

/** Decodes a frame's content, `bytes[start, end)`, without its length prefix. Bad input is a PeerFault. */
export function decodeFrame(bytes: Buffer, start: number, end: number): PeerFrame {
  const kind = skimFrame(bytes, start, end);
  const decode = decoders[kind];
  if (decode === undefined) return { type: 'unknown', kind };
  return decode(unpack(bytes, start, end));
}

/** Decodes a message that came in chunks: anything but a message is out of place. */
export function decodeChunked(bytes: Buffer): PeerMessage | null {
  const frame = decodeFrame(bytes, 0, bytes.length);
  if (frame.type === 'message') return frame.message;
  if (frame.type === 'unknown') return null;
  throw new PeerFault('FRAME_UNEXPECTED', `a ${frame.type} in chunks`);
}

/** Arrays of plain values only: no records, no shared structures, no references, numbers for 64-bit integers. */
const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false });
const unpackr = new Unpackr({ useRecords: false, moreTypes: false, int64AsType: 'number' });
/** Small frames are packed one behind the other into buffers of this size. */
const packBytes = 32 * 1024;

function packFrame(values: unknown[]): Buffer {
  let frame: Buffer = packr.pack(values, RESERVE_START_SPACE + frameHeaderBytes);
  if (frame.length > limits.chunkBytesMax) {
    // The packer has made room for the worst case, and would keep it for what comes next.
    frame = Buffer.from(frame);
    packr.useBuffer(Buffer.allocUnsafeSlow(packBytes));
  }
  frame.writeUInt32BE(frame.length - frameHeaderBytes, 0);
  return frame;
}

const unpackRange = { start: 0, end: 0 };

function unpack(bytes: Buffer, start: number, end: number): unknown[] {
  unpackRange.start = start;
  unpackRange.end = end;
  try {
    return unpackr.unpack(bytes, unpackRange) as unknown[];
  } catch (cause) {
    // Skimming has let it pass, so this is not expected; still it may only cost the link.
    throw new PeerFault('FRAME_MALFORMED', "a frame can't be unpacked", { cause });
  }
}

const codecs = { ...membershipCodecs, ...jobCodecs };
const encoders = Object.fromEntries(
  Object.entries(codecs).map(([type, codec]) => [type, codec.encode]),
) as unknown as Record<PeerMessageType, (message: PeerMessage) => unknown[]>;

/** By kind; the subject of every fault is the message's name. */
const decoders: (((values: unknown[]) => PeerFrame) | undefined)[] = Array.from({ length: 128 });
for (const [type, codec] of Object.entries(codecs)) {
  const kind = frameKinds[type as PeerMessageType];
  decoders[kind] = (values) => {
    const message = codec.decode(new FieldReader(values, type, 1));
    return message === null ? { type: 'unknown', kind } : { type: 'message', message };
  };
}
decoders[frameKinds.hello] = (values) => ({
  type: 'hello',
  hello: decodeHello(new FieldReader(values, 'hello', 1)),
});
decoders[frameKinds.goodbye] = (values) => ({
  type: 'goodbye',
  reason: decodeGoodbye(new FieldReader(values, 'goodbye', 1)),
});
decoders[frameKinds.chunk] = (values) => {
  const fields = new FieldReader(values, 'chunk', 1);
  return { type: 'chunk', remaining: fields.integer(0, limits.messageBytesMax), piece: fields.lentBytes() };
};
