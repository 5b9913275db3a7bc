import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr';
import { assert } from '../core/assert.js';
import type { GoodbyeReason, Hello } from '../core/hello.js';
import { itemBytes } from '../core/item.js';
import { limits } from '../core/limits.js';
import type { KeepEntry, PeerMessage, PeerMessageType } from '../core/messages.js';
import { payloadBytes } from '../core/payload.js';
import { replyBytes } from '../core/reply.js';
import { type Chunks, ContentChunks } from './frame-chunks.js';
import { frameHeaderBytes } from './frame-decoder.js';
import { frameKinds } from './frame-kinds.js';
import { skimFrame } from './frame-skim.js';
import { type Assembled, TextChunks } from './frame-text.js';
import { PeerFault } from './peer-fault.js';
import { FieldReader } from './peer-fields.js';
import { decodeGoodbye, decodeHello, encodeGoodbyeFields, encodeHelloFields } from './peer-hello.js';
import { jobCodecs } from './peer-jobs.js';
import { membershipCodecs } from './peer-membership.js';
import { topicCodecs } from './peer-topics.js';

/** What a frame holds. `unknown`: of a kind that only a newer node knows; it is ignored. */
export type PeerFrame =
  | { readonly type: 'message'; readonly message: PeerMessage }
  | { readonly type: 'hello'; readonly hello: Hello }
  /** Null: a reason that only a newer node knows. */
  | { readonly type: 'goodbye'; readonly reason: GoodbyeReason | null }
  /** A piece of a large message, lent for the call, and how many bytes of the message are still to come. */
  | { readonly type: 'chunk'; readonly piece: Uint8Array; readonly remaining: number }
  /** The peer has read so many more bytes of bulk frames. */
  | { readonly type: 'taken'; readonly bytes: number }
  | { readonly type: 'unknown'; readonly kind: number };

/** How the fields of each message are written and read; null: only a newer node knows what is in it. */
export type MessageCodecs<Message extends PeerMessage> = {
  readonly [Type in Message['type']]: {
    encode(message: Extract<Message, { type: Type }>): unknown[];
    decode(fields: FieldReader): Extract<Message, { type: Type }> | null;
  };
};

/** Encodes a message as one whole frame, length prefix included. Over `wholeFrameBytesMax` it must be sent in chunks. */
export function encodeMessage(message: PeerMessage): Buffer {
  const fields = fieldsOf(message);
  const last = fields.at(-1);
  return last instanceof Uint8Array && last.length > bytesPackedMax
    ? packAround(fields, last)
    : packFrame(fields);
}

/** The values of a message's frame, its kind first. */
export function fieldsOf(message: PeerMessage): unknown[] {
  const fields = fieldsAfterKind(message);
  fields.unshift(frameKinds[message.type]);
  return fields;
}

/** The same without the kind. */
export function fieldsAfterKind(message: PeerMessage): unknown[] {
  const fields = encoders[message.type](message);
  return fields;
}

/** About how long the part of a message is that may be large; 0 when none may. */
export function payloadBytesIn(message: PeerMessage): number {
  switch (message.type) {
    case 'run':
      return payloadBytes(message.args);
    case 'ran':
      return message.outcome.type === 'done' ? payloadBytes(message.outcome.result) : 0;
    case 'ask':
      return message.command.type === 'submit' ? payloadBytes(message.command.args) : 0;
    case 'answer':
      return replyBytes(message.reply);
    case 'stream_chunk':
      return message.chunk === null ? 0 : payloadBytes(message.chunk);
    case 'item':
      return itemBytes(message.item);
    case 'publish':
      return payloadBytes(message.payload);
    case 'replayed':
      return message.messages.reduce((bytes, { payload }) => bytes + payloadBytes(payload), 0);
    case 'keep':
      return message.entries.reduce((bytes, entry) => bytes + entryBytes(entry), 0);
    default:
      return 0;
  }
}

function entryBytes(entry: KeepEntry): number {
  if (entry.type === 'drop') return 0;
  const { result } = entry.type === 'copy' ? entry.copy : entry.update;
  const args = entry.type === 'copy' ? entry.copy.args : null;
  return (result === null ? 0 : payloadBytes(result)) + (args === null ? 0 : payloadBytes(args));
}

/** Encodes a message that has to go in chunks, its text chunk by chunk as they are taken. */
export function encodeLarge(message: PeerMessage): Chunks {
  const fields = fieldsOf(message);
  const parts = new PartsAroundText();
  if (hasLargeText(fields)) parts.add(fields);
  if (parts.text === null) return new ContentChunks(packFrame(fields).subarray(frameHeaderBytes));
  const { before, text, after } = parts;
  return new TextChunks({ before: Buffer.concat(before), text, after: Buffer.concat(after) });
}

function hasLargeText(values: readonly unknown[]): boolean {
  return values.some((value) => (Array.isArray(value) ? hasLargeText(value) : isLargeText(value)));
}

function isLargeText(value: unknown): value is string {
  return typeof value === 'string' && value.length > limits.chunkBytesMax;
}

/** What a message's array is packed to, around its first large string. */
class PartsAroundText {
  readonly before: Buffer[] = [];
  text: string | null = null;
  readonly after: Buffer[] = [];

  add(values: readonly unknown[]): void {
    this.put(arrayHeader(values.length));
    for (const value of values) {
      if (Array.isArray(value) && this.text === null && hasLargeText(value)) this.add(value);
      else if (this.text === null && isLargeText(value)) this.text = value;
      else this.put(packr.pack(value));
    }
  }

  private put(bytes: Buffer): void {
    (this.text === null ? this.before : this.after).push(bytes);
  }
}

function arrayHeader(length: number): Buffer {
  if (length < 16) return Buffer.of(0x90 | length);
  const header = Buffer.of(0xdd, 0, 0, 0, 0);
  header.writeUInt32BE(length, 1);
  return header;
}

export function encodeHello(hello: Hello): Buffer {
  return packFrame([frameKinds.hello, ...encodeHelloFields(hello)]);
}

export function encodeGoodbye(reason: GoodbyeReason): Buffer {
  return packFrame([frameKinds.goodbye, ...encodeGoodbyeFields(reason)]);
}

export function encodeTaken(bytes: number): Buffer {
  return packFrame([frameKinds.taken, bytes]);
}

/** Decodes a frame's content, `bytes[start, end)`, without its length prefix. Bad input is a PeerFault. */
export function decodeFrame(
  bytes: Buffer,
  start: number,
  end: number,
  text: Assembled['text'] = null,
): PeerFrame {
  const kind = skimFrame(bytes, start, end);
  const decode = decoders[kind];
  if (decode === undefined) return { type: 'unknown', kind };
  const values = unpack(bytes, start, end);
  if (text !== null) putAt(values, text.path, text.text);
  return decode(values);
}

function putAt(values: unknown[], path: readonly number[], text: string): void {
  let inner = values;
  for (const index of path.slice(0, -1)) inner = inner[index] as unknown[];
  inner[path.at(-1) as number] = text;
}

/** Decodes a message that came in chunks: anything but a message is out of place. */
export function decodeChunked(bytes: Buffer, text: Assembled['text'] = null): PeerMessage | null {
  const frame = decodeFrame(bytes, 0, bytes.length, text);
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

/** Longer bytes at the end of a message are copied once, into its frame, and not through the packer's memory. */
const bytesPackedMax = 4 * 1024;
const bytesHeaderBytes = 5;

function packAround(fields: unknown[], last: Uint8Array): Buffer {
  const head = packr.pack(fields.slice(0, -1));
  const length = head.length + bytesHeaderBytes + last.length;
  const frame = Buffer.allocUnsafeSlow(frameHeaderBytes + length);
  frame.writeUInt32BE(length, 0);
  frame.set(head, frameHeaderBytes);
  // An array of fewer than 16 values has its length in the first byte.
  assert(fields.length < 16, 'a message with bytes at its end has few fields');
  frame[frameHeaderBytes] = 0x90 | fields.length;
  const at = frameHeaderBytes + head.length;
  frame[at] = 0xc6;
  frame.writeUInt32BE(last.length, at + 1);
  frame.set(last, at + bytesHeaderBytes);
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

const codecs = { ...membershipCodecs, ...jobCodecs, ...topicCodecs };
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
decoders[frameKinds.taken] = (values) => ({
  type: 'taken',
  bytes: new FieldReader(values, 'taken', 1).count(),
});
decoders[frameKinds.chunk] = (values) => {
  const fields = new FieldReader(values, 'chunk', 1);
  return { type: 'chunk', remaining: fields.integer(0, limits.messageBytesMax), piece: fields.lentBytes() };
};
