import type { JobError } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { Payload } from '../core/payload.js';

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

/**
 * What a handler returns or yields: bytes as they are, anything else as JSON text. Throws a FinalError that says what to return
 * instead.
 */
export function encodeResult(value: unknown, bytesMax: number = limits.bodyBytesMax): Payload {
  if (value === undefined) return 'null';
  const bytes = bytesOf(value);
  if (bytes !== null) {
    if (bytes.length <= bytesMax) return bytes;
    throw tooLarge(bytes.length, bytesMax);
  }
  refuseWhatJsonLoses(value);
  // Before any copy is made: one allocation far past the heap's limit would end the whole process, not the thread.
  if (typeof value === 'string' && value.length > bytesMax) throw tooLarge(value.length, bytesMax);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new FinalError(
      'BadResult',
      `the result can't be turned into JSON: ${describeError(error).message}`,
    );
  }
  if (text === undefined) {
    throw new FinalError('BadResult', `the result's toJSON() gave nothing; return a value that JSON has`);
  }
  // A UTF-16 unit is at most 3 bytes of UTF-8: only a text near the limit has to be counted.
  if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax) {
    throw tooLarge(Buffer.byteLength(text), bytesMax);
  }
  return text;
}

/** A Buffer, any other view of memory, or memory itself. */
function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer || value instanceof SharedArrayBuffer ? new Uint8Array(value) : null;
}

function tooLarge(bytes: number, bytesMax: number): FinalError {
  return new FinalError(
    'BadResult',
    `the result is ${bytes} bytes, at most ${bytesMax} are allowed; store it elsewhere and return where`,
  );
}

/** JSON.stringify would turn these into `undefined`, `{}` or a list of numbers without a word. */
function refuseWhatJsonLoses(value: unknown): void {
  switch (typeof value) {
    case 'function':
    case 'symbol':
      throw new FinalError(
        'BadResult',
        `the handler returned a ${typeof value}; return a value that JSON has`,
      );
    case 'bigint':
      throw new FinalError(
        'BadResult',
        'the handler returned a BigInt; return String(value) or Number(value)',
      );
    case 'object':
      if (value instanceof Map || value instanceof Set) {
        throw new FinalError('BadResult', 'the handler returned a Map or Set; return [...value]');
      }
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
