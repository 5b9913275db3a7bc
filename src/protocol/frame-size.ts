import type { PeerMessage } from '../core/messages.js';
import { frameHeaderBytes } from './frame-decoder.js';
import { fieldsOf } from './peer-codec.js';

/** How long a message's frame is, length prefix included, told without making it. Agrees with the packer to the byte. */
export function frameBytes(message: PeerMessage): number {
  return frameHeaderBytes + arrayBytes(fieldsOf(message));
}

function arrayBytes(values: readonly unknown[]): number {
  let bytes = values.length < 16 ? 1 : values.length < 65_536 ? 3 : 5;
  for (const value of values) bytes += valueBytes(value);
  return bytes;
}

function valueBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return textBytes(value);
    case 'number':
      return numberBytes(value);
    case 'object':
      if (value === null) return 1;
      if (Array.isArray(value)) return arrayBytes(value);
      return binaryBytes((value as Uint8Array).length);
    default:
      return 1;
  }
}

function textBytes(text: string): number {
  const bytes = Buffer.byteLength(text);
  return bytes + (bytes < 32 ? 1 : bytes < 256 ? 2 : bytes < 65_536 ? 3 : 5);
}

function binaryBytes(bytes: number): number {
  return bytes + (bytes < 256 ? 2 : bytes < 65_536 ? 3 : 5);
}

/** Whole numbers up to 32 bits are packed as such, all others as 64-bit floats. */
function numberBytes(value: number): number {
  if (!Number.isInteger(value)) return 9;
  if (value >= 0) return value < 128 ? 1 : value < 256 ? 2 : value < 65_536 ? 3 : value < 2 ** 32 ? 5 : 9;
  return value >= -32 ? 1 : value >= -128 ? 2 : value >= -32_768 ? 3 : value >= -(2 ** 31) ? 5 : 9;
}
