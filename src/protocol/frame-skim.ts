import { limits } from '../core/limits.js';
import { PeerFault } from './peer-fault.js';

/** Elements still to come in each array that is open, outermost first; reused, as skimming never waits. */
const pending = new Uint32Array(limits.frameDepthMax + 1);

/**
 * Walks a frame without building anything: exactly one msgpack array, first element a kind of 0 to 127, every count
 * and length within the bytes that are there, at most `frameDepthMax` deep. Maps and extension types are refused:
 * the protocol has none, so no key is ever a property name and no live object is ever built. Answers the kind.
 *
 * What passes can be unpacked with allocations in proportion to its bytes.
 */
export function skimFrame(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start] ?? 0;
  if ((first & 0xf0) !== 0x90 && first !== 0xdc && first !== 0xdd) fail('it is no array');
  let position = start;
  let depth = 0;
  let values = 1;
  pending[0] = 1;
  for (;;) {
    while (pending[depth] === 0) {
      if (depth-- > 0) continue;
      if (position !== end) fail(`${end - position} bytes follow the array`);
      return kindOf(bytes, start, end);
    }
    pending[depth] = (pending[depth] as number) - 1;
    if (position >= end) fail('it ends within an array');
    const token = bytes[position++] as number;
    if (token < 0x80 || token >= 0xe0) continue;
    const count = arrayCount(bytes, position, end, token);
    if (count === notAnArray) {
      position = scalarEnd(bytes, position, end, token);
      if (position > end) fail('a value is longer than the frame');
      continue;
    }
    position += token === 0xdc ? 2 : token === 0xdd ? 4 : 0;
    values += count;
    if (count > end - position) fail(`an array of ${count} in the ${end - position} bytes that are left`);
    if (values > limits.messageValuesMax) fail(`more than ${limits.messageValuesMax} values`);
    if (++depth > limits.frameDepthMax) fail(`arrays more than ${limits.frameDepthMax} deep`);
    pending[depth] = count;
  }
}

const notAnArray = -1;

function arrayCount(bytes: Uint8Array, position: number, end: number, token: number): number {
  if (token < 0xa0) return token >= 0x90 ? token & 0x0f : notAnArray;
  if (token === 0xdc) return uintAt(bytes, position, end, 2);
  if (token === 0xdd) return uintAt(bytes, position, end, 4);
  return notAnArray;
}

/** Where a string, number or constant ends, its first byte being `token` and its second at `position`. */
function scalarEnd(bytes: Uint8Array, position: number, end: number, token: number): number {
  if (token >= 0xa0 && token < 0xc0) return position + (token & 0x1f);
  switch (token) {
    case 0xc0: // nil, false, true
    case 0xc2:
    case 0xc3:
      return position;
    case 0xcc: // integers and floats of 1, 2, 4, 8 bytes
    case 0xd0:
      return position + 1;
    case 0xcd:
    case 0xd1:
      return position + 2;
    case 0xca:
    case 0xce:
    case 0xd2:
      return position + 4;
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return position + 8;
    case 0xc4: // bin and str with a length of 1, 2, 4 bytes
    case 0xd9:
      return position + 1 + uintAt(bytes, position, end, 1);
    case 0xc5:
    case 0xda:
      return position + 2 + uintAt(bytes, position, end, 2);
    case 0xc6:
    case 0xdb:
      return position + 4 + uintAt(bytes, position, end, 4);
    default:
      return fail(`a map, an extension type or an unused token (0x${token.toString(16)})`);
  }
}

function uintAt(bytes: Uint8Array, position: number, end: number, size: 1 | 2 | 4): number {
  if (position + size > end) fail('it ends within a length');
  let value = 0;
  for (let index = 0; index < size; index++) value = value * 256 + (bytes[position + index] as number);
  return value;
}

function kindOf(bytes: Uint8Array, start: number, end: number): number {
  const token = bytes[start];
  const position = start + (token === 0xdc ? 3 : token === 0xdd ? 5 : 1);
  const kind = position < end ? (bytes[position] as number) : 0xff;
  if (kind >= 0x80) fail('it does not begin with a kind of 0 to 127');
  return kind;
}

function fail(reason: string): never {
  throw new PeerFault('FRAME_MALFORMED', `a frame can't be read: ${reason}`);
}

/** A large string in the content of a message: where its bytes begin, how many there are, and its place in the array. */
export interface LargeTextPlace {
  readonly start: number;
  readonly bytes: number;
  /** Its index in the outermost array, then in the one within, and so on. */
  readonly path: readonly number[];
}

/**
 * Finds the first string of more than `bytesMax` bytes that begins in the first piece of a message's content; null if there is none.
 * Checks nothing but what it needs to walk so far: the rest is for `skimFrame`.
 */
export function largeTextIn(piece: Uint8Array, bytesMax: number): LargeTextPlace | null {
  const counts: number[] = [];
  const path: number[] = [];
  let position = 0;
  while (piece.length - position >= longestHeadBytes && path.length <= limits.frameDepthMax) {
    const token = piece[position++] as number;
    const count = arrayCount(piece, position, piece.length, token);
    if (path.length === 0 && count === notAnArray) return null;
    if (token === 0xdb) {
      const bytes = uintAt(piece, position, piece.length, 4);
      if (bytes > bytesMax) return { start: position + 4, bytes, path };
    }
    if (count !== notAnArray) {
      position += token === 0xdc ? 2 : token === 0xdd ? 4 : 0;
      counts.push(count);
      path.push(0);
    } else {
      if (token >= 0x80 && token < 0xe0) position = scalarEnd(piece, position, piece.length, token);
      path[path.length - 1] = (path.at(-1) as number) + 1;
    }
    while (path.length > 0 && path.at(-1) === counts.at(-1)) {
      path.pop();
      counts.pop();
      if (path.length === 0) return null;
      path[path.length - 1] = (path.at(-1) as number) + 1;
    }
  }
  return null;
}

/** A token and the longest length that may follow it. */
const longestHeadBytes = 5;
