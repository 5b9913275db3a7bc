import { RondoError } from '../core/errors.js';
import { limits } from '../core/limits.js';

/** A node's answer: `OK text`, `OK` and raw bytes, or `ERR code message`. A newer node may use codes that this client does not know. */
export type ClientReply =
  | { readonly ok: true; readonly text: string; readonly bytes?: Buffer }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** What a streaming request is told before its answer: `* kind text`. Of raw bytes `text` is what stands beside their number. */
export interface ClientItem {
  readonly kind: string;
  readonly text: string;
  readonly bytes: Buffer | null;
}

/** An answer with the tag it carries; null for one without, which concerns the connection as a whole. */
export interface TaggedReply {
  readonly tag: string | null;
  readonly reply: ClientReply;
}

export interface TaggedItem {
  readonly tag: string | null;
  readonly item: ClientItem;
}

export type Told = TaggedReply | TaggedItem;

/** What a line says, and how many bytes follow it. */
interface Head {
  readonly told: Told;
  /** Null: none do. */
  readonly bodyBytes: number | null;
}

/** A result counts in UTF-16 units at the node, each of which is at most three bytes of UTF-8; a little more for the rest. */
const replyBytesMax = 3 * limits.bodyBytesMax + limits.lineBytesMax;

const announcement = /^bytes=(\d{1,15})(?: type=binary)?(?: (.*))?$/s;

/** Cuts what a node sends into replies and items; fed any chunking. What is unfinished at the end stays unread. */
export class ReplyDecoder {
  /** Bytes of an unfinished line, or of the body that follows `head`. */
  private parts: Buffer[] = [];
  private partBytes = 0;
  /** The line whose body is being read. */
  private head: { readonly told: Told; readonly bodyBytes: number } | null = null;
  /** Raw bytes are no longer than this. */
  private bodyBytesMax = limits.bodyBytesMax + limits.lineBytesMax;

  constructor(private readonly lineBytesMax = replyBytesMax) {}

  /** The node takes bodies of so many bytes, and so it may give such results. Those of other nodes may have the default's length. */
  expectBodies(bytesMax: number): void {
    this.bodyBytesMax = Math.max(limits.bodyBytesMax, bytesMax) + limits.lineBytesMax;
  }

  /** Throws `BAD_REPLY` for what is none, or over the limit: the connection is of no more use then. */
  push(chunk: Buffer): Told[] {
    const all: Told[] = [];
    let start = 0;
    while (start < chunk.length) {
      if (this.head !== null) {
        start = this.takeBody(this.head, chunk, start, all);
        continue;
      }
      const end = chunk.indexOf(10, start);
      if (end === -1) {
        this.keep(chunk.subarray(start));
        break;
      }
      this.takeHead(parseHead(this.takeLine(chunk.subarray(start, end))), all);
      start = end + 1;
    }
    return all;
  }

  private takeHead({ told, bodyBytes }: Head, all: Told[]): void {
    if (bodyBytes === null) {
      all.push(told);
      return;
    }
    if (bodyBytes > this.bodyBytesMax)
      throw new RondoError('BAD_REPLY', `${bodyBytes} bytes are announced; ${this.bodyBytesMax} may be`);
    this.head = { told, bodyBytes };
  }

  /** Where the reading goes on. The bytes are copied once: what was read with them need not be kept for as long as they are. */
  private takeBody(
    head: { told: Told; bodyBytes: number },
    chunk: Buffer,
    start: number,
    all: Told[],
  ): number {
    const end = start + head.bodyBytes - this.partBytes;
    if (chunk.length <= end) {
      this.parts.push(chunk.subarray(start));
      this.partBytes += chunk.length - start;
      return chunk.length;
    }
    if (chunk[end] !== 10) throw new RondoError('BAD_REPLY', 'no line break follows the bytes of an answer');
    this.parts.push(chunk.subarray(start, end));
    const bytes = Buffer.concat(this.parts, head.bodyBytes);
    this.clear();
    this.head = null;
    all.push(withBytes(head.told, bytes));
    return end + 1;
  }

  private takeLine(tail: Buffer): string {
    if (this.partBytes === 0) {
      this.checkLength(tail.length);
      return tail.toString('utf8');
    }
    this.keep(tail);
    const line = Buffer.concat(this.parts, this.partBytes).toString('utf8');
    this.clear();
    return line;
  }

  private keep(part: Buffer): void {
    this.checkLength(this.partBytes + part.length);
    this.parts.push(part);
    this.partBytes += part.length;
  }

  private clear(): void {
    this.parts = [];
    this.partBytes = 0;
  }

  private checkLength(bytes: number): void {
    if (bytes > this.lineBytesMax) {
      throw new RondoError('BAD_REPLY', `a line of the answer is over ${this.lineBytesMax} bytes`);
    }
  }
}

/** Reads one line, without its LF and without the bytes that it may announce. Throws `BAD_REPLY`. */
export function parseHead(line: string): Head {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  let tag: string | null = null;
  let rest = text;
  if (text.startsWith('@')) {
    const blank = text.indexOf(' ');
    tag = text.slice(1, blank === -1 ? undefined : blank);
    rest = blank === -1 ? '' : text.slice(blank + 1);
  }
  if (rest === 'OK') return { told: { tag, reply: { ok: true, text: '' } }, bodyBytes: null };
  if (rest.startsWith('OK ')) return replyHead(tag, rest.slice(3));
  if (rest.startsWith('* ')) return itemHead(tag, rest.slice(2));
  const error = /^ERR ([A-Z][A-Z0-9_]{0,63})(?: (.*))?$/s.exec(rest);
  if (error === null)
    throw new RondoError('BAD_REPLY', `this is no reply of a node: ${JSON.stringify(text.slice(0, 60))}`);
  const reply = { ok: false, code: error[1] ?? '', message: error[2] ?? '' } as const;
  return { told: { tag, reply }, bodyBytes: null };
}

function replyHead(tag: string | null, rest: string): Head {
  const body = announcedIn(rest);
  const text = body === null ? rest : '';
  return { told: { tag, reply: { ok: true, text } }, bodyBytes: body?.bytes ?? null };
}

function itemHead(tag: string | null, rest: string): Head {
  const blank = rest.indexOf(' ');
  const kind = blank === -1 ? rest : rest.slice(0, blank);
  const text = blank === -1 ? '' : rest.slice(blank + 1);
  const body = announcedIn(text);
  const item = { kind, text: body === null ? text : body.beside, bytes: null };
  return { told: { tag, item }, bodyBytes: body?.bytes ?? null };
}

/** No JSON value begins with `bytes=`. */
function announcedIn(text: string): { bytes: number; beside: string } | null {
  if (!text.startsWith('bytes=')) return null;
  const match = announcement.exec(text);
  return match === null ? null : { bytes: Number(match[1]), beside: match[2] ?? '' };
}

function withBytes(told: Told, bytes: Buffer): Told {
  if ('item' in told) return { tag: told.tag, item: { ...told.item, bytes } };
  return { tag: told.tag, reply: { ok: true, text: '', bytes } };
}
