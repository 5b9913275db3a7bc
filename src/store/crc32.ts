import zlib from 'node:zlib';

/** Of the polynomial that zlib uses, bits reversed. */
const polynomial = 0xedb8_8320;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  return value;
});

/** CRC-32 as zlib, gzip and PNG have it; `previous` is that of the bytes before these. */
export const crc32: (bytes: Uint8Array, previous?: number) => number =
  // Node has it since 20.15 only.
  typeof zlib.crc32 === 'function' ? (bytes, previous = 0) => zlib.crc32(bytes, previous) : tableCrc32;

export function tableCrc32(bytes: Uint8Array, previous = 0): number {
  let value = ~previous;
  for (let index = 0; index < bytes.length; index++) {
    value = (value >>> 8) ^ (table[(value ^ (bytes[index] as number)) & 0xff] as number);
  }
  return ~value >>> 0;
}
