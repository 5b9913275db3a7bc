import { RondoError } from '../core/errors.js';

/**
 * Arguments as they are sent: JSON text, or the bytes of a `Uint8Array`, which are not copied; nothing is null. Throws a `RondoError`
 * for what JSON can't hold at all: a function, a symbol, a BigInt, a cycle; and for what it would hold nothing of: a Map, a Set, other
 * kinds of bytes.
 */
export function encodeArguments(args: unknown): string | Uint8Array | null {
  if (args === undefined || args === null) return null;
  if (args instanceof Uint8Array) return args;
  const fault = faultOf(args);
  if (fault !== null) throw bad(fault);
  let text: string | undefined;
  try {
    text = JSON.stringify(args);
  } catch (cause) {
    throw bad(
      `the arguments can't be turned into JSON: ${cause instanceof Error ? cause.message : cause}`,
      cause,
    );
  }
  if (text === undefined) throw bad("the arguments' toJSON() gave nothing; give a value that JSON has");
  return text;
}

function faultOf(args: unknown): string | null {
  switch (typeof args) {
    case 'function':
    case 'symbol':
      return `the arguments are a ${typeof args}; give a value that JSON has`;
    case 'bigint':
      return 'the arguments are a BigInt; give String(value) or Number(value)';
    case 'number':
      return Number.isFinite(args) ? null : `the arguments are ${args}, which JSON has not`;
    case 'object':
      if (args instanceof Map || args instanceof Set)
        return 'the arguments are a Map or a Set; give [...value]';
      if (ArrayBuffer.isView(args) || args instanceof ArrayBuffer)
        return 'the arguments are bytes, but no Uint8Array; give new Uint8Array(...)';
      return null;
    default:
      return null;
  }
}

function bad(message: string, cause?: unknown): RondoError {
  return new RondoError('BAD_JSON', message, cause === undefined ? {} : { cause });
}
