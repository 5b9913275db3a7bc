/** Deeper ones are left to the parser: the kinds of all that is open are the bits of one number. */
const openMax = 30;

const nothing = -1;
const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const openArray = 0x5b;
const backslash = 0x5c;
const closeArray = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;

/**
 * Whether the ASCII in `bytes[start, end)` is certainly one JSON value, without a line break; false: ask the parser. It makes nothing of what it reads, and so takes
 * about half of the parser's time, and no memory: nearly all that clients send is such a text, and a node carries it as it came.
 */
export function isPlainJson(bytes: Uint8Array, start: number, end: number): boolean {
  let depth = 0;
  /** Of what is open, the innermost in the lowest bit: 1 is an object. */
  let kinds = 0;
  let position = start;
  for (;;) {
    position = spacesEnd(bytes, position, end);
    const first = position < end ? (bytes[position] as number) : nothing;
    if (first === openObject || first === openArray) {
      const isObject = first === openObject;
      position = spacesEnd(bytes, position + 1, end);
      if (position >= end) return false;
      if (bytes[position] !== (isObject ? closeObject : closeArray)) {
        if (++depth > openMax) return false;
        kinds = (kinds << 1) | (isObject ? 1 : 0);
        if (isObject) position = keyEnd(bytes, position, end);
        if (position < 0) return false;
        continue;
      }
      position++;
    } else {
      position = scalarEnd(bytes, position, end, first);
      if (position < 0) return false;
    }
    for (;;) {
      position = spacesEnd(bytes, position, end);
      if (depth === 0) return position === end;
      if (position >= end) return false;
      const next = bytes[position++] as number;
      const isObject = (kinds & 1) === 1;
      if (next === comma) {
        if (isObject) position = keyEnd(bytes, spacesEnd(bytes, position, end), end);
        if (position < 0) return false;
        break;
      }
      if (next !== (isObject ? closeObject : closeArray)) return false;
      depth--;
      kinds >>= 1;
    }
  }
}

/** Behind a key and its colon; -1: there is none. */
function keyEnd(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || bytes[start] !== quote) return -1;
  const keyEnd = stringEnd(bytes, start + 1, end);
  if (keyEnd < 0) return -1;
  const at = spacesEnd(bytes, keyEnd, end);
  return at < end && bytes[at] === colon ? at + 1 : -1;
}

function scalarEnd(bytes: Uint8Array, start: number, end: number, first: number): number {
  if (first === quote) return stringEnd(bytes, start + 1, end);
  if (first === minus || isDigit(first)) return numberEnd(bytes, first === minus ? start + 1 : start, end);
  for (const word of words) if (isAt(bytes, start, end, word)) return start + word.length;
  return -1;
}

const words = ['true', 'false', 'null'].map((word) => new TextEncoder().encode(word));

function isAt(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (start + word.length > end) return false;
  for (let index = 0; index < word.length; index++) if (bytes[start + index] !== word[index]) return false;
  return true;
}

/** One with an escape by its code is left to the parser. */
function stringEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let position = start; position < end; position++) {
    const byte = bytes[position] as number;
    if (byte === quote) return position + 1;
    if (byte < 0x20 || byte >= 0x80) return -1;
    if (byte === backslash && (++position >= end || !simpleEscapes.includes(bytes[position] as number)))
      return -1;
  }
  return -1;
}

const simpleEscapes = new TextEncoder().encode('"\\/nrtbf');

function numberEnd(bytes: Uint8Array, start: number, end: number): number {
  let position = digitsEnd(bytes, start, end);
  if (position === start || (bytes[start] === zero && position > start + 1)) return -1;
  if (position < end && bytes[position] === point) {
    const decimals = position + 1;
    position = digitsEnd(bytes, decimals, end);
    if (position === decimals) return -1;
  }
  // With an exponent: the parser may say.
  return position < end && ((bytes[position] as number) | 0x20) === 0x65 ? -1 : position;
}

function digitsEnd(bytes: Uint8Array, start: number, end: number): number {
  let position = start;
  while (position < end && isDigit(bytes[position] as number)) position++;
  return position;
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= nine;
}

function spacesEnd(bytes: Uint8Array, start: number, end: number): number {
  let position = start;
  while (position < end && isSpace(bytes[position] as number)) position++;
  return position;
}

/** A line break is left to the parser: what is carried has none. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}
