import type { GoodbyeReason, Hello } from '../core/hello.js';
import { limits } from '../core/limits.js';
import { type Lane, laneOf, type PeerMessage } from '../core/messages.js';
import { FrameDecoder } from '../protocol/frame-decoder.js';
import { FrameOutbox } from '../protocol/frame-outbox.js';
import { frameBytes } from '../protocol/frame-size.js';
import { MessageAssembler } from '../protocol/frame-text.js';
import {
  decodeChunked,
  decodeFrame,
  encodeGoodbye,
  encodeHello,
  encodeMessage,
} from '../protocol/peer-codec.js';
import { LaneQueue } from './lane-queue.js';

/** bytes: all goes through the real codecs, as on a socket · messages: objects are passed on, at a part of the cost. */
export type WireFormat = 'bytes' | 'messages';

/** What one end says to the other. */
export type WireFrame =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'goodbye'; readonly reason: GoodbyeReason | null }
  | { readonly type: 'message'; readonly message: PeerMessage };

/** What goes onto the wire at once. */
export interface Segment {
  readonly content: Buffer | readonly WireFrame[];
  readonly bytes: number;
}

/** What waits to be sent, control frames ahead of bulk ones. */
export interface SendQueue {
  readonly bytes: number;
  add(frame: WireFrame): void;
  /** Some of it, about `bytesMax` at most; null when there is nothing. */
  take(bytesMax: number): Segment | null;
  clear(): void;
}

/** Turns what arrives into frames again. */
export interface FrameReader {
  /** The handler answers whether to go on. */
  read(content: Segment['content'], handle: (frame: WireFrame) => boolean): void;
}

export function createSendQueue(format: WireFormat): SendQueue {
  return format === 'bytes' ? new ByteQueue() : new MessageQueue();
}

/** What comes at once is cut into so many at most, the last of any length: large items byte by byte cost much, and show nothing more. */
const piecesMax = 100;

/** `drawPieceBytes` says, again and again, how many bytes one read of a socket gives. */
export function createFrameReader(format: WireFormat, drawPieceBytes: () => number): FrameReader {
  return format === 'bytes' ? new ByteReader(drawPieceBytes) : { read: readFrames };
}

class ByteQueue implements SendQueue {
  private readonly outbox = new FrameOutbox();

  get bytes(): number {
    return this.outbox.bytes;
  }

  add(frame: WireFrame): void {
    this.outbox.add(encode(frame), laneOfFrame(frame));
  }

  take(bytesMax: number): Segment | null {
    const { frames } = this.outbox.take(bytesMax);
    const [first] = frames;
    if (first === undefined) return null;
    const content = frames.length === 1 ? first : Buffer.concat(frames);
    return { content, bytes: content.length };
  }

  clear(): void {
    this.outbox.clear();
  }
}

class MessageQueue implements SendQueue {
  private readonly queue = new LaneQueue<WireFrame>();

  get bytes(): number {
    return this.queue.bytes;
  }

  add(frame: WireFrame): void {
    const bytes = frame.type === 'message' ? frameBytes(frame.message) : encode(frame).length;
    this.queue.add(frame, { lane: laneOfFrame(frame), bytes });
  }

  take(bytesMax: number): Segment | null {
    const { items, bytes } = this.queue.take(bytesMax);
    return items.length === 0 ? null : { content: items, bytes };
  }

  clear(): void {
    this.queue.clear();
  }
}

class ByteReader implements FrameReader {
  private readonly decoder = new FrameDecoder(limits.helloBytesMax);
  private readonly assembler = new MessageAssembler();

  constructor(private readonly drawPieceBytes: () => number) {}

  read(content: Segment['content'], handle: (frame: WireFrame) => boolean): void {
    const bytes = content as Buffer;
    for (let start = 0, pieces = 1; start < bytes.length; pieces++) {
      const end = pieces < piecesMax ? Math.min(bytes.length, start + this.drawPieceBytes()) : bytes.length;
      this.feed(bytes.subarray(start, end), handle);
      start = end;
    }
  }

  private feed(piece: Buffer, handle: (frame: WireFrame) => boolean): void {
    this.decoder.feed(piece, (bytes, start, end) => {
      const frame = decodeFrame(bytes, start, end);
      switch (frame.type) {
        case 'unknown':
        case 'taken':
          return true;
        case 'chunk': {
          const whole = this.assembler.add(frame.piece, frame.remaining);
          const message = whole === null ? null : decodeChunked(whole.bytes, whole.text);
          return message === null || handle({ type: 'message', message });
        }
        case 'hello':
          this.decoder.frameBytesMax = limits.frameBytesMax;
          return handle(frame);
        default:
          return handle(frame);
      }
    });
  }
}

function readFrames(content: Segment['content'], handle: (frame: WireFrame) => boolean): void {
  for (const frame of content as readonly WireFrame[]) if (!handle(frame)) return;
}

function encode(frame: WireFrame): Buffer {
  switch (frame.type) {
    case 'hello':
      return encodeHello(frame.hello);
    case 'goodbye':
      return encodeGoodbye(frame.reason ?? 'leaving');
    case 'message':
      return encodeMessage(frame.message);
  }
}

function laneOfFrame(frame: WireFrame): Lane {
  if (frame.type === 'message') return laneOf(frame.message.type);
  return frame.type === 'hello' ? 'control' : 'bulk';
}
