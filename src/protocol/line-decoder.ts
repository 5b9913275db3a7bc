import { isAscii, isUtf8 } from 'node:buffer';
import { ByteGatherer } from './byte-gatherer.js';
import type { KnownHeads, KnownLine } from './known-heads.js';

/** What the decoder finds in the bytes besides lines, which are plain strings. */
export type DecoderEvent =
  /** A line that begins as others have. */
  | { readonly type: 'known'; readonly line: KnownLine }
  /** A line that is no UTF-8; each byte is one character of `text`. */
  | { readonly type: 'bad_text'; readonly text: string }
  | { readonly type: 'body'; readonly bytes: Buffer; readonly isText: boolean }
  /** After a body came something other than a line break; it is passed over up to the next one. */
  | { readonly type: 'no_break_after_body' }
  | { readonly type: 'line_too_long' }
  /** The connection opened with another protocol. */
  | { readonly type: 'foreign'; readonly protocol: 'HTTP' | 'TLS' }
  /** The client has ended its side, in the middle of something or between two requests. */
  | { readonly type: 'end'; readonly inside: 'line' | 'body' | null; readonly bytesMissing: number };

type State =
  | { readonly type: 'opening' }
  | { readonly type: 'line' }
  | { readonly type: 'body'; missing: number; readonly keep: boolean }
  /** The line break that ends a body; `sawReturn`: a CR of it has come. */
  | { readonly type: 'break'; sawReturn: boolean }
  /** Whatever stands up to the next line break. */
  | { readonly type: 'rest' }
  /** After something that can't be read on from. */
  | { readonly type: 'over' };

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
/** A TLS record of type handshake; no line begins with this byte. */
const tlsHandshake = 0x16;
const httpOpening = /^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) /;
/** Enough to tell any HTTP method with its space. */
const openingBytesMax = 8;

/**
 * Cuts a client's bytes into lines and bodies, in whatever pieces they arrive. Bytes go in with `push`; `next` gives a
 * line as a string, another event, or null when more bytes are needed. The reader of a line says by `expectBody` or
 * `skipBody` that a body follows, before it calls `next` again.
 */
export class LineDecoder {
  private state: State = { type: 'opening' };
  private passed = 0;
  private chunk: Buffer = emptyBuffer;
  private position = 0;
  private chunkIsAscii = true;
  private ended = false;
  /** The beginning of a line or a body whose end has not come yet. */
  private readonly begun = new ByteGatherer();

  constructor(
    private readonly lineBytesMax: number,
    private readonly heads: KnownHeads,
  ) {}

  /** The bytes are read where they are, so they must not change afterwards. */
  push(chunk: Buffer): void {
    const isRead = this.position === this.chunk.length;
    this.chunk = isRead ? chunk : Buffer.concat([this.chunk.subarray(this.position), chunk]);
    this.position = 0;
    this.chunkIsAscii = isAscii(this.chunk);
  }

  /** The client sends no more. */
  end(): void {
    this.ended = true;
  }

  /** The next `bytes` bytes are a body, to be given as one event. */
  expectBody(bytes: number): void {
    this.state = { type: 'body', missing: bytes, keep: true };
    this.begun.expect(bytes);
  }

  /** The next `bytes` bytes are a body that nobody wants. */
  skipBody(bytes: number): void {
    this.state = { type: 'body', missing: bytes, keep: false };
  }

  /** Bytes of a line or body that are put aside until the rest of it comes. */
  get begunBytes(): number {
    return this.begun.length;
  }

  /**
   * Whether what comes next ends something that is not kept: a body that was refused, or what stands behind a body in place of its
   * line break. A client that was answered, or refused, may leave the break of its last body for later.
   */
  get isPassingOver(): boolean {
    const { state } = this;
    return state.type === 'rest' || (state.type === 'body' && !state.keep);
  }

  /** Bytes that were passed over so far. */
  get passedOver(): number {
    return this.passed;
  }

  /** Nothing more is wanted; what was put aside is let go. */
  stop(): void {
    this.finishWith(null);
  }

  /** Bytes that have been pushed and not looked at yet. */
  get hasUnread(): boolean {
    return this.position < this.chunk.length || (this.ended && this.state.type !== 'over');
  }

  next(): string | DecoderEvent | null {
    for (;;) {
      switch (this.state.type) {
        case 'opening': {
          const event = this.readOpening();
          if (event === undefined) continue;
          return event;
        }
        case 'line':
          return this.readLine();
        case 'body': {
          const event = this.readBody(this.state);
          if (event === undefined) continue;
          return event;
        }
        case 'break': {
          const event = this.readBreak(this.state);
          if (event === undefined) continue;
          return event;
        }
        case 'rest':
          if (!this.skipRest()) return this.endOfInput(null, 0);
          continue;
        case 'over':
          return null;
      }
    }
  }

  /** Undefined: nothing foreign here, read on. */
  private readOpening(): DecoderEvent | null | undefined {
    const seen = Math.min(openingBytesMax - this.begun.length, this.chunk.length - this.position);
    const opening = this.begun.preview(this.chunk.subarray(this.position, this.position + seen));
    if (opening.length === 0) return this.endOfInput(null, 0);
    if (opening[0] === tlsHandshake) return this.finishWith({ type: 'foreign', protocol: 'TLS' });
    if (httpOpening.test(opening.toString('latin1')))
      return this.finishWith({ type: 'foreign', protocol: 'HTTP' });
    if (opening.length < openingBytesMax && !opening.includes(lineFeed) && !this.ended) {
      this.gather(seen);
      return null;
    }
    this.state = { type: 'line' };
    return undefined;
  }

  private readLine(): string | DecoderEvent | null {
    const end = this.chunk.indexOf(lineFeed, this.position);
    if (end < 0) {
      this.gather(this.chunk.length - this.position);
      // One byte more may be the CR of a line that is just as long as it may be, unless nothing follows it.
      const bytesMax = this.ended ? this.lineBytesMax : this.lineBytesMax + 1;
      if (this.begun.length > bytesMax) return this.finishWith({ type: 'line_too_long' });
      return this.endOfInput(this.begun.length > 0 ? 'line' : null, 0);
    }
    const start = this.position;
    this.position = end + 1;
    if (this.begun.length === 0) return this.lineOf(this.chunk, start, end, this.chunkIsAscii);
    this.begun.append(this.chunk, start, end);
    const line = this.begun.take();
    return this.lineOf(line, 0, line.length, isAscii(line));
  }

  private lineOf(bytes: Buffer, start: number, lineEnd: number, ascii: boolean): string | DecoderEvent {
    const end = lineEnd > start && bytes[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd;
    if (end - start > this.lineBytesMax) return this.finishWith({ type: 'line_too_long' });
    if (ascii) {
      const line = this.heads.match(bytes, start, end);
      return line === null ? bytes.toString('latin1', start, end) : { type: 'known', line };
    }
    if (isUtf8(bytes.subarray(start, end))) return bytes.toString('utf8', start, end);
    return { type: 'bad_text', text: bytes.toString('latin1', start, end) };
  }

  private readBody(state: { missing: number; readonly keep: boolean }): DecoderEvent | null | undefined {
    const taken = Math.min(state.missing, this.chunk.length - this.position);
    state.missing -= taken;
    if (state.keep) this.gather(taken);
    else {
      this.position += taken;
      this.passed += taken;
    }
    if (state.missing > 0) return this.endOfInput('body', state.missing);
    this.state = { type: 'break', sawReturn: false };
    if (!state.keep) return undefined;
    const bytes = this.begun.take();
    return { type: 'body', bytes, isText: isUtf8(bytes) };
  }

  /** Undefined: the break is there, or a client that ends leaves it out. */
  private readBreak(state: { sawReturn: boolean }): DecoderEvent | null | undefined {
    if (this.position === this.chunk.length) return this.endOfInput(null, 0);
    const byte = this.chunk[this.position];
    if (byte === carriageReturn && !state.sawReturn) {
      state.sawReturn = true;
      this.position++;
      return undefined;
    }
    if (byte === lineFeed) {
      this.position++;
      this.state = { type: 'line' };
      return undefined;
    }
    this.state = { type: 'rest' };
    return { type: 'no_break_after_body' };
  }

  private skipRest(): boolean {
    const end = this.chunk.indexOf(lineFeed, this.position);
    this.passed += (end < 0 ? this.chunk.length : end + 1) - this.position;
    this.position = end < 0 ? this.chunk.length : end + 1;
    if (end < 0) return false;
    this.state = { type: 'line' };
    return true;
  }

  /** Puts the next bytes aside, until the line or body they begin is whole. */
  private gather(bytes: number): void {
    this.begun.append(this.chunk, this.position, this.position + bytes);
    this.position += bytes;
  }

  /** All bytes are used up: null, or the end if the client has ended. */
  private endOfInput(inside: 'line' | 'body' | null, bytesMissing: number): DecoderEvent | null {
    // The chunk would be kept alive for as long as the client is silent.
    this.chunk = emptyBuffer;
    this.position = 0;
    return this.ended ? this.finishWith({ type: 'end', inside, bytesMissing }) : null;
  }

  private finishWith<Event extends DecoderEvent | null>(event: Event): Event {
    this.state = { type: 'over' };
    this.chunk = emptyBuffer;
    this.position = 0;
    this.begun.clear();
    return event;
  }
}

const emptyBuffer = Buffer.alloc(0);
