import { z } from 'zod';
import { type Address, parseAddress } from '../core/address.js';
import { namePattern } from '../core/ids.js';
import type { Tags } from '../core/member.js';
import { parseDuration, parseSize } from '../core/units.js';

/** What is known of one setting besides its schema; error messages and the reference are made from it. */
export interface SettingInfo {
  readonly description: string;
  /** Completes "it must be ...": unit and range. */
  readonly allowed: string;
  /** As it would be written in the file; null: it follows from something else, which `defaultNote` says. */
  readonly default: SettingDefault;
  readonly defaultNote?: string;
  /** Its value appears in no message. */
  readonly secret?: boolean;
  /** Only from the environment or the file named here, never both and never a flag: a command line shows in `ps`. */
  readonly only?: 'environment' | 'environment and file' | 'file';
  /** Where the flag isn't the key in kebab-case. */
  readonly flag?: string;
}

export type SettingDefault =
  | null
  | string
  | number
  | boolean
  | readonly string[]
  | ReadonlyMap<unknown, unknown>;

/** The info of each setting of a schema; a schema without one is a group. */
export const settingInfo = new WeakMap<z.core.$ZodType, SettingInfo>();

/** A setting of a schema: what may be written, the default, and the words about it. A null default makes it nullable. */
export function setting<S extends z.ZodType>(schema: S, info: SettingInfo): z.ZodPrefault<S> {
  // A default is written as a user would write it, so it passes the same schema and can't be out of range.
  const withDefault = schema.prefault(info.default as z.input<S> & {});
  settingInfo.set(withDefault, info);
  return withDefault;
}

/** Flags and variables are text, so a number may come as one. */
export function wholeNumber(min: number, max: number) {
  return z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,15}$/)
        .transform(Number),
    ])
    .pipe(z.int().min(min).max(max));
}

export const yesOrNo = z.union([
  z.boolean(),
  z.enum(['true', 'yes', '1', 'false', 'no', '0']).transform((text) => ['true', 'yes', '1'].includes(text)),
]);

/** Milliseconds, written as `250ms`, `30s`, `5m` or `2h`. */
export function duration(minMs: number, maxMs: number) {
  return z.string().transform(readWith(parseDuration)).pipe(z.int().min(minMs).max(maxMs));
}

/** Bytes, written as `64KiB`, `16MiB`, `1GiB` or a bare number. */
export function size(minBytes: number, maxBytes: number) {
  return z
    .union([z.number(), z.string().transform(readWith(parseSize))])
    .pipe(z.int().min(minBytes).max(maxBytes));
}

/** Says what `name` takes. */
export const nameAllowed = '1 to 64 letters, digits or _ . : / -';
export const name = z.string().regex(namePattern);
export const path = z
  .string()
  .min(1)
  .max(4_096)
  .regex(/^[^\0]*$/);
export const secretText = z.string().regex(/^[\x21-\x7e]{1,1024}$/);

export const address = z.string().transform((text, context): Address => {
  try {
    return parseAddress(text);
  } catch (error) {
    context.issues.push({ code: 'custom', input: text, message: (error as Error).message });
    return z.NEVER;
  }
});

/** A list, or in flags and variables a text with commas. */
export function listOf<S extends z.ZodType>(item: S, countMax: number) {
  return z
    .union([z.array(z.unknown()), z.string().transform((text) => text.split(',').map((part) => part.trim()))])
    .pipe(z.array(item).max(countMax));
}

/** A map in the file; `K=V` texts in flags, `K=V,K=V` in the environment. Sorted by key. */
export function tagsOf(countMax: number) {
  return z
    .union([z.map(z.unknown(), z.unknown()), z.array(z.string()), z.string()])
    .transform((raw, context): Tags => {
      const pairs =
        raw instanceof Map ? pairsOfMap(raw) : pairsOfTexts(typeof raw === 'string' ? raw.split(',') : raw);
      const problem = tagProblem(pairs, countMax);
      if (problem !== null) context.issues.push({ code: 'custom', input: raw, message: problem });
      return pairs.sort(([a], [b]) => (a < b ? -1 : 1));
    });
}

type Pair = [key: string, value: string];

function pairsOfMap(map: ReadonlyMap<unknown, unknown>): Pair[] {
  const textOf = (part: unknown): string => (typeof part === 'object' ? '' : String(part));
  return [...map].map(([key, value]) => [textOf(key), textOf(value)]);
}

function pairsOfTexts(texts: readonly string[]): Pair[] {
  return texts.map((text) => {
    const equals = text.indexOf('=');
    return equals < 0 ? [text.trim(), ''] : [text.slice(0, equals).trim(), text.slice(equals + 1).trim()];
  });
}

function tagProblem(pairs: readonly Pair[], countMax: number): string | null {
  if (pairs.length > countMax) return `there may be ${countMax} at most`;
  const wrong = pairs.find(([key, value]) => !namePattern.test(key) || !namePattern.test(value));
  if (wrong !== undefined) {
    return `${JSON.stringify(wrong.join('=').slice(0, 150))} is not K=V with a K and a V of ${nameAllowed}`;
  }
  const keys = pairs.map(([key]) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  return twice === undefined ? null : `\`${twice}\` is given twice`;
}

/** An empty message lets the setting's own `allowed` speak. */
function readWith(read: (text: string) => number | null) {
  return (text: string, context: z.RefinementCtx<string>): number => {
    const value = read(text);
    if (value !== null) return value;
    context.issues.push({ code: 'custom', input: text, message: '' });
    return z.NEVER;
  };
}
