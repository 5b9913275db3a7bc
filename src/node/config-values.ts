import * as v from 'valibot';
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

/** The info of each setting, by its schema; a schema without one is a group. */
export const settingInfo = new WeakMap<object, SettingInfo>();

/** A reader of one value: anything in, the value or issues out. */
type Reader<T> = v.GenericSchema<unknown, T>;

/** A setting of a schema: how it is read, the default, and the words about it. */
export function setting<T>(reader: Reader<T>, info: SettingInfo): Reader<T> {
  // A default is written as a user would write it, so it passes the same reader and can't be out of range.
  const withDefault = v.optional(reader, info.default);
  settingInfo.set(withDefault, info);
  return withDefault;
}

/** A reader that also takes null, for a setting whose default follows from something else. */
export function orNull<T>(reader: Reader<T>): Reader<T | null> {
  return v.nullable(reader);
}

/** Flags and variables are text, so a number may come as one. */
export function wholeNumber(min: number, max: number): Reader<number> {
  const digits = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number));
  return v.pipe(v.union([v.number(), digits]), ...within(min, max));
}

export const yesOrNo: Reader<boolean> = v.union([
  v.boolean(),
  v.pipe(
    v.picklist(['true', 'yes', '1', 'false', 'no', '0']),
    v.transform((text) => ['true', 'yes', '1'].includes(text)),
  ),
]);

/** Milliseconds, written as `250ms`, `30s`, `5m` or `2h`. */
export function duration(minMs: number, maxMs: number): Reader<number> {
  return v.pipe(v.string(), readWith(parseDuration), ...within(minMs, maxMs));
}

/** Bytes, written as `64KiB`, `16MiB`, `1GiB` or a bare number. */
export function size(minBytes: number, maxBytes: number): Reader<number> {
  const text = v.pipe(v.string(), readWith(parseSize));
  return v.pipe(v.union([v.number(), text]), ...within(minBytes, maxBytes));
}

/** Says what `name` takes. */
export const nameAllowed = '1 to 64 letters, digits or _ . : / -';
export const name: Reader<string> = matching(namePattern);
export const path: Reader<string> = matching(/^[^\0]{1,4096}$/);
export const secretText: Reader<string> = matching(/^[\x21-\x7e]{1,1024}$/);

/** A text of this form. */
export function matching(pattern: RegExp): Reader<string> {
  return v.pipe(v.string(), v.regex(pattern));
}

export const address: Reader<Address> = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }): Address => {
    try {
      return parseAddress(dataset.value);
    } catch (error) {
      addIssue({ message: (error as Error).message });
      return NEVER;
    }
  }),
);

/** A list, or in flags and variables a text with commas. */
export function listOf<T>(item: Reader<T>, countMax: number): Reader<T[]> {
  const text = v.pipe(
    v.string(),
    v.transform((text) => text.split(',').map((part) => part.trim())),
  );
  return v.pipe(v.union([v.array(v.unknown()), text]), v.array(item), v.maxLength(countMax));
}

/** A map in the file; `K=V` texts in flags, `K=V,K=V` in the environment. Sorted by key. */
export function tagsOf(countMax: number): Reader<Tags> {
  return v.pipe(
    v.union([v.map(v.unknown(), v.unknown()), v.array(v.string()), v.string()]),
    v.rawTransform(({ dataset: { value: raw }, addIssue }): Tags => {
      const texts = raw instanceof Map ? [] : typeof raw === 'string' ? raw.split(',') : raw;
      const pairs = raw instanceof Map ? pairsOfMap(raw) : pairsOfTexts(texts);
      const problem = missingEquals(texts) ?? tagProblem(pairs, countMax);
      if (problem !== null) addIssue({ message: problem });
      return pairs.sort(([a], [b]) => (a < b ? -1 : 1));
    }),
  );
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

function missingEquals(texts: readonly string[]): string | null {
  const wrong = texts.find((text) => !text.includes('='));
  if (wrong === undefined) return null;
  return `${JSON.stringify(wrong.trim().slice(0, 150))} has no "=": it is K=V with a K and a V of ${nameAllowed}`;
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

function within(min: number, max: number) {
  return [v.safeInteger(), v.minValue<number, number>(min), v.maxValue<number, number>(max)] as const;
}

/** An empty message lets the setting's own `allowed` speak. */
function readWith(read: (text: string) => number | null) {
  return v.rawTransform<string, number>(({ dataset, addIssue, NEVER }) => {
    const value = read(dataset.value);
    if (value === null) addIssue({ message: '' });
    return value ?? NEVER;
  });
}
