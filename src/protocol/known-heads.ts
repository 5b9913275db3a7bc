import type { OptionDraft } from './options.js';
import { ownWord } from './own-text.js';
import { isPlainJson } from './plain-json.js';
import type { VerbSpec } from './verbs.js';

/** What stands in a line between its tag and its payload, as it was read: verb, operand and options. */
export interface Head {
  readonly verb: VerbSpec;
  readonly operand: string | null;
  readonly draft: OptionDraft;
}

/** A line whose head is known. */
export interface KnownLine {
  readonly tag: string | null;
  readonly head: Head;
  /** A text of its own, which keeps nothing of the line: it may be kept for as long as a job. */
  readonly payload: string;
  /** It certainly is; else it is to be checked. */
  readonly isJson: boolean;
}

interface Known extends Head {
  readonly bytes: Uint8Array;
}

/** A client has few at a time; the one that was learnt first makes room. */
const headsMax = 4;
const headLengthMax = 512;
const tagLengthMax = 32;
/** What a payload may begin with that can be nothing else: `{`, `[` and `"`. */
const isPayloadStart = bytesOf('{["');
const isTagByte = bytesOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-');
const at = 0x40;
const space = 0x20;

/**
 * The heads that a client's lines begin with, again and again: thousands of jobs are handed in by lines that differ in tag and payload
 * alone. Of a line with a head that is known, only these are read, where the bytes lie: less than half of what it takes to read it all.
 */
export class KnownHeads {
  private readonly known: Known[] = [];
  private next = 0;
  /** That of the line that was read last; it is learnt when it comes twice in a row. */
  private last = '';

  /** The line in `bytes[start, end)`, all ASCII and without its line break; null: it is to be read in full. */
  match(bytes: Buffer, start: number, end: number): KnownLine | null {
    if (this.known.length === 0) return null;
    const tagEnd = bytes[start] === at ? endOfTag(bytes, start + 1, end) : start;
    if (tagEnd < 0) return null;
    const headStart = tagEnd === start ? start : tagEnd + 1;
    for (const head of this.known) {
      const payloadStart = headStart + head.bytes.length;
      if (payloadStart >= end || isPayloadStart[bytes[payloadStart] as number] === 0) continue;
      if (!isSame(bytes, headStart, head.bytes)) continue;
      return {
        tag: tagEnd === start ? null : bytes.toString('latin1', start + 1, tagEnd),
        head,
        payload: bytes.toString('latin1', payloadStart, end),
        isJson: isPlainJson(bytes, payloadStart, end),
      };
    }
    return null;
  }

  /** A line was read in full, and its payload follows `text`. Options that say when depend on when they are read, and are not learnt. */
  note(text: string, { verb, operand, draft }: Head): void {
    if (text !== this.last) {
      // Not the whole line with it, for as long as the client is there.
      this.last = text.length > headLengthMax ? '' : ownWord(text);
      return;
    }
    if (draft.submit.atMs !== null || draft.submit.cron !== null) return;
    // From now on many requests share them.
    Object.freeze(draft.submit);
    this.known[this.next] = { bytes: Buffer.from(text), verb, operand, draft };
    this.next = (this.next + 1) % headsMax;
  }
}

/** Where the space behind the tag stands; -1: it is none. */
function endOfTag(bytes: Uint8Array, start: number, end: number): number {
  const last = Math.min(end, start + tagLengthMax + 1);
  for (let index = start; index < last; index++) {
    const byte = bytes[index] as number;
    if (byte === space) return index > start ? index : -1;
    if (isTagByte[byte] === 0) return -1;
  }
  return -1;
}

function isSame(bytes: Uint8Array, start: number, head: Uint8Array): boolean {
  for (let index = 0; index < head.length; index++) if (bytes[start + index] !== head[index]) return false;
  return true;
}

function bytesOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
