import type { JobError } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { Payload } from '../core/payload.js';
import { jsonDepth } from '../core/progress.js';

/** A handler's result or arguments are not what can be sent: the same would happen again, so no retry. */
export class FinalError extends Error {
  constructor(name: 'BadResult' | 'BadArguments', message: string) {
    super(message);
    this.name = name;
  }
}

/** What the handler gets: parsed JSON, or a Buffer for binary arguments. */
export function decodeArguments(args: Payload): unknown {
  if (typeof args !== 'string') return Buffer.from(args.buffer, args.byteOffset, args.byteLength);
  try {
    return JSON.parse(args);
  } catch (error) {
    throw new FinalError('BadArguments', `the arguments are not JSON: ${(error as Error).message}`);
  }
}

const bytesMax = limits.bodyBytesMax;

/** How a handler gave a value, in the words of what is said of one that won't do. */
export type Given = 'return' | 'yield';

/**
 * What a handler returns or yields: bytes as they are, anything else as JSON text. Throws a FinalError that says what to return, or
 * to yield, instead.
 */
export function encodeResult(value: unknown, given: Given = 'return'): Payload {
  if (value === undefined) return 'null';
  const bytes = bytesOf(value);
  if (bytes !== null) {
    if (bytes.length <= bytesMax) return bytes;
    throw tooLarge(bytes.length, given);
  }
  const advice = lostAdvice(value, given);
  if (advice !== null) throw new FinalError('BadResult', `the handler ${given}ed ${advice}`);
  // Before any copy is made: one allocation far past the heap's limit would end the whole process, not the thread.
  if (typeof value === 'string' && value.length > bytesMax) throw tooLarge(value.length, given);
  const text = jsonOf(value, given);
  // A UTF-16 unit is at most 3 bytes of UTF-8: only a text near the limit has to be counted.
  if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax) {
    throw tooLarge(Buffer.byteLength(text), given);
  }
  return text;
}

function jsonOf(value: unknown, given: Given): string {
  const what = subjects[given];
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new FinalError('BadResult', `${what} can't be turned into JSON: ${describeError(error).message}`);
  }
  if (text !== undefined) return text;
  throw new FinalError('BadResult', `${what}'s toJSON() gave nothing; ${given} a value that JSON has`);
}

/** The JSON text of a progress value. Throws an error that says why it has none that can be sent; `undefined` has null, as when it is returned. */
export function progressText(value: unknown): string {
  if (value === undefined) return 'null';
  const advice = bytesOf(value) === null ? lostAdvice(value, 'give') : 'bytes; give a value that JSON has';
  if (advice !== null) throw new Error(`it is ${advice}`);
  const text = progressJson(value);
  const { progressLengthMax, progressDepthMax } = limits;
  if (text.length > progressLengthMax)
    throw new Error(`${text.length} characters of JSON, at most ${progressLengthMax} are sent`);
  const depth = jsonDepth(text);
  if (depth <= progressDepthMax) return text;
  throw new Error(`arrays and objects nested ${depth} deep, at most ${progressDepthMax} are sent`);
}

function progressJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new Error(`it can't be turned into JSON (${describeError(error).message})`);
  }
  if (text === undefined) throw new Error('its toJSON() gave nothing; give a value that JSON has');
  return text;
}

const subjects: Readonly<Record<Given, string>> = { return: 'the result', yield: 'the yielded value' };

/** A Buffer, any other view of memory, or memory itself. */
function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer || value instanceof SharedArrayBuffer ? new Uint8Array(value) : null;
}

function tooLarge(bytes: number, given: Given): FinalError {
  return new FinalError(
    'BadResult',
    `${subjects[given]} is ${bytes} bytes, at most ${bytesMax} are allowed; store it elsewhere and ${given} where`,
  );
}

/** JSON.stringify would turn these into `undefined`, `{}` or a list of numbers without a word. Null for a value that it keeps. */
function lostAdvice(value: unknown, verb: Given | 'give'): string | null {
  switch (typeof value) {
    case 'function':
    case 'symbol':
      return `a ${typeof value}; ${verb} a value that JSON has`;
    case 'bigint':
      return `a BigInt; ${verb} String(value) or Number(value)`;
    case 'object':
      return value instanceof Map || value instanceof Set ? `a Map or Set; ${verb} [...value]` : null;
    default:
      return null;
  }
}

/**
 * Name and message of anything that can be thrown: a string, undefined, an object whose getters throw, a Proxy.
 * Never throws; both are strings and bounded.
 */
export function describeError(thrown: unknown): JobError {
  if (typeof thrown !== 'object' || thrown === null) {
    return {
      name: 'Error',
      message: cut(typeof thrown === 'string' ? thrown : `the handler threw ${show(thrown)}`),
    };
  }
  const name = readText(thrown, 'name');
  const message = readText(thrown, 'message');
  return {
    name: name === null || name === '' ? 'Error' : name.slice(0, limits.keyLengthMax),
    message: cut(message ?? `the handler threw ${show(thrown)}`),
  };
}

/** True when the handler says that another try is pointless: a FinalError, or `error.retryable === false`. */
export function isFinal(thrown: unknown): boolean {
  try {
    return thrown instanceof FinalError || (thrown as { retryable?: unknown } | null)?.retryable === false;
  } catch {
    return false;
  }
}

export function cut(text: string): string {
  const max = limits.errorMessageLengthMax;
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

function readText(from: object, property: 'name' | 'message'): string | null {
  try {
    const value: unknown = (from as Record<string, unknown>)[property];
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

function show(thrown: unknown): string {
  if (typeof thrown === 'function') return 'a function';
  if (typeof thrown === 'bigint') return `${thrown}n`;
  try {
    return typeof thrown === 'object' ? (JSON.stringify(thrown) ?? 'an object') : String(thrown);
  } catch {
    return 'an object that can not be shown';
  }
}
