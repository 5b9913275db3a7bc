import { frameHeaderBytes } from './frame-decoder.js';

const noRoom = -1;
/** Shorter ones are written character by character: a call out of JavaScript takes longer. */
const shortTextMax = 48;

/**
 * Small frames, written one behind the other into memory that is sent as it is. The packer makes each a buffer of its own, which has to be
 * put into line, counted and copied once more: half as much time again for a message of 100 bytes. The bytes are those that the packer
 * makes, but for half a surrogate pair, as where a text was cut: that is no UTF-8, and becomes U+FFFD here.
 */
export class FrameGatherer {
  private readonly bytes: Buffer;
  private length = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.length;
  }

  /** What was written; nothing may be added any more. */
  take(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /**
   * Writes a frame of this kind, with these values after it: null, booleans, numbers, strings, bytes and arrays of them. False, and
   * nothing is written, where it may not fit.
   */
  append(kind: number, values: readonly unknown[]): boolean {
    const start = this.length;
    const end = this.writeFrame(kind, values, start);
    if (end === noRoom) return false;
    this.bytes.writeUInt32BE(end - start - frameHeaderBytes, start);
    this.length = end;
    return true;
  }

  private writeFrame(kind: number, values: readonly unknown[], start: number): number {
    const afterHeader = this.writeArrayHeader(values.length + 1, start + frameHeaderBytes);
    return afterHeader === noRoom ? noRoom : this.writeAll(values, this.writeNumber(kind, afterHeader));
  }

  /** Answers where the next value goes, as all of these do. */
  private writeAll(values: readonly unknown[], at: number): number {
    let position = at;
    // By index: an iterator makes an object for each value.
    for (let index = 0; index < values.length && position !== noRoom; index++)
      position = this.writeValue(values[index], position);
    return position;
  }

  private writeValue(value: unknown, at: number): number {
    // The longest of all that has no length of its own.
    if (at + longestScalarBytes > this.bytes.length) return noRoom;
    switch (typeof value) {
      case 'string':
        return this.writeText(value, at);
      case 'number':
        return this.writeNumber(value, at);
      case 'boolean':
        this.bytes[at] = value ? 0xc3 : 0xc2;
        return at + 1;
      default:
        if (value === null) {
          this.bytes[at] = 0xc0;
          return at + 1;
        }
        if (Array.isArray(value)) {
          const afterHeader = this.writeArrayHeader(value.length, at);
          return afterHeader === noRoom ? noRoom : this.writeAll(value, afterHeader);
        }
        return this.writeBytes(value as Uint8Array, at);
    }
  }

  private writeArrayHeader(count: number, at: number): number {
    const { bytes } = this;
    if (at + longestScalarBytes > bytes.length || count > 0xffff) return noRoom;
    if (count < 16) {
      bytes[at] = 0x90 | count;
      return at + 1;
    }
    bytes[at] = 0xdc;
    bytes.writeUInt16BE(count, at + 1);
    return at + 3;
  }

  private writeText(text: string, at: number): number {
    const { bytes } = this;
    const { length } = text;
    if (at + 3 + 3 * length > bytes.length || 3 * length > 0xffff) return noRoom;
    const headBytes = textHeadBytes(length);
    const start = at + headBytes;
    if (length <= shortTextMax && writeAscii(bytes, text, start)) {
      writeTextHead(bytes, at, length);
      return start + length;
    }
    const written = bytes.write(text, start, 'utf8');
    const missing = textHeadBytes(written) - headBytes;
    if (missing > 0) bytes.copyWithin(start + missing, start, start + written);
    writeTextHead(bytes, at, written);
    return start + missing + written;
  }

  private writeBytes(value: Uint8Array, at: number): number {
    const { bytes } = this;
    const { length } = value;
    if (at + 3 + length > bytes.length || length > 0xffff) return noRoom;
    if (length < 0x100) {
      bytes[at] = 0xc4;
      bytes[at + 1] = length;
      bytes.set(value, at + 2);
      return at + 2 + length;
    }
    bytes[at] = 0xc5;
    bytes.writeUInt16BE(length, at + 1);
    bytes.set(value, at + 3);
    return at + 3 + length;
  }

  /** Whole numbers of up to 32 bits as such, all others as 64-bit floats. */
  private writeNumber(value: number, at: number): number {
    const { bytes } = this;
    if (value >= 0 && value < 0x80 && Number.isInteger(value)) {
      bytes[at] = value;
      return at + 1;
    }
    if (value >>> 0 === value) {
      if (value < 0x100) {
        bytes[at] = 0xcc;
        bytes[at + 1] = value;
        return at + 2;
      }
      if (value < 0x1_0000) {
        bytes[at] = 0xcd;
        return bytes.writeUInt16BE(value, at + 1);
      }
      bytes[at] = 0xce;
      return bytes.writeUInt32BE(value, at + 1);
    }
    if (value >> 0 === value) return this.writeNegative(value, at);
    bytes[at] = 0xcb;
    return bytes.writeDoubleBE(value, at + 1);
  }

  private writeNegative(value: number, at: number): number {
    const { bytes } = this;
    if (value >= -0x20) {
      bytes[at] = 0x100 + value;
      return at + 1;
    }
    if (value >= -0x80) {
      bytes[at] = 0xd0;
      return bytes.writeInt8(value, at + 1);
    }
    if (value >= -0x8000) {
      bytes[at] = 0xd1;
      return bytes.writeInt16BE(value, at + 1);
    }
    bytes[at] = 0xd2;
    return bytes.writeInt32BE(value, at + 1);
  }
}

/** A 64-bit float with its token. */
const longestScalarBytes = 9;

function textHeadBytes(length: number): number {
  return length < 32 ? 1 : length < 256 ? 2 : 3;
}

function writeTextHead(bytes: Buffer, at: number, length: number): void {
  if (length < 32) bytes[at] = 0xa0 | length;
  else if (length < 256) {
    bytes[at] = 0xd9;
    bytes[at + 1] = length;
  } else {
    bytes[at] = 0xda;
    bytes.writeUInt16BE(length, at + 1);
  }
}

/** False at the first character that takes more than a byte; what was written is to be written over. */
function writeAscii(bytes: Buffer, text: string, at: number): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) return false;
    bytes[at + index] = code;
  }
  return true;
}
