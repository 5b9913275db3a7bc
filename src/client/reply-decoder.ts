import { RondoError } from '../core/errors.js';
import { limits } from '../core/limits.js';

/** A node's answer: `OK text`, or `ERR code message`. A newer node may use codes that this client does not know. */
export type ClientReply =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** An answer with the tag it carries; null for one without, which concerns the connection as a whole. */
export interface TaggedReply {
  readonly tag: string | null;
  readonly reply: ClientReply;
}

/** A result counts in UTF-16 units at the node, each of which is at most three bytes of UTF-8; a little more for the rest. */
const replyBytesMax = 3 * limits.bodyBytesMax + limits.lineBytesMax;

/** Cuts what a node sends into replies; fed any chunking. An unfinished last line stays unread. */
export class ReplyDecoder {
  private parts: Buffer[] = [];
  private partBytes = 0;

  constructor(private readonly lineBytesMax = replyBytesMax) {}

  /** Throws `BAD_REPLY` for what is no reply, or over the limit: the connection is of no more use then. */
  push(chunk: Buffer): TaggedReply[] {
    const replies: TaggedReply[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      replies.push(parseReply(this.takeLine(chunk.subarray(start, end))));
      start = end + 1;
    }
    if (start < chunk.length) this.keep(chunk.subarray(start));
    return replies;
  }

  private takeLine(tail: Buffer): string {
    if (this.partBytes === 0) {
      this.checkLength(tail.length);
      return tail.toString('utf8');
    }
    this.keep(tail);
    const line = Buffer.concat(this.parts, this.partBytes).toString('utf8');
    this.parts = [];
    this.partBytes = 0;
    return line;
  }

  private keep(part: Buffer): void {
    this.checkLength(this.partBytes + part.length);
    this.parts.push(part);
    this.partBytes += part.length;
  }

  private checkLength(bytes: number): void {
    if (bytes > this.lineBytesMax) {
      throw new RondoError('BAD_REPLY', `a line of the answer is over ${this.lineBytesMax} bytes`);
    }
  }
}

/** Reads one line, without its LF. Throws `BAD_REPLY`. */
export function parseReply(line: string): TaggedReply {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  let tag: string | null = null;
  let rest = text;
  if (text.startsWith('@')) {
    const blank = text.indexOf(' ');
    tag = text.slice(1, blank === -1 ? undefined : blank);
    rest = blank === -1 ? '' : text.slice(blank + 1);
  }
  if (rest === 'OK') return { tag, reply: { ok: true, text: '' } };
  if (rest.startsWith('OK ')) return { tag, reply: { ok: true, text: rest.slice(3) } };
  const error = /^ERR ([A-Z][A-Z0-9_]{0,63})(?: (.*))?$/s.exec(rest);
  if (error !== null) return { tag, reply: { ok: false, code: error[1] ?? '', message: error[2] ?? '' } };
  throw new RondoError('BAD_REPLY', `this is no reply of a node: ${JSON.stringify(text.slice(0, 60))}`);
}
