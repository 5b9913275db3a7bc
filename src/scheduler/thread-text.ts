import { limits } from '../core/limits.js';

/** The units of a text in memory of its own: of a byte each where they fit, else of two. Back to text they are only copied. */
export function unitsOf(text: string): TextUnits {
  if (!/[\u0100-\uffff]/.test(text)) {
    const bytes = Buffer.allocUnsafeSlow(text.length);
    bytes.write(text, 'latin1');
    return new Uint8Array(bytes.buffer);
  }
  const bytes = Buffer.allocUnsafeSlow(2 * text.length);
  bytes.write(text, 'utf16le');
  return new Uint16Array(bytes.buffer);
}

export type TextUnits = Uint8Array | Uint16Array;

/** Of units a handler may have posted any number: far too many could not be made a string at all. */
export function isText(value: unknown): boolean {
  if (typeof value === 'string') return true;
  const isUnits = value instanceof Uint8Array || value instanceof Uint16Array;
  return isUnits && value.length <= limits.bodyBytesMax;
}

export function textOf(value: string | TextUnits): string {
  if (typeof value === 'string') return value;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return bytes.toString(value instanceof Uint8Array ? 'latin1' : 'utf16le');
}
