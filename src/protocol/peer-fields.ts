import { readAddress } from '../core/address.js';
import { instanceIdPattern, jobIdPattern, namePattern, nodeIdPattern } from '../core/ids.js';
import { limits } from '../core/limits.js';
import { incarnationMax } from '../core/member.js';
import type { AttemptKey } from '../core/messages.js';
import type { Payload } from '../core/payload.js';
import { isProgressText } from '../core/progress.js';
import { PeerFault } from './peer-fault.js';

/**
 * Reads the fields of one unpacked array in their order, each by its type and range; anything else is a PeerFault
 * that names the message and the field's position. Fields that nobody asks for, after the last known one, are
 * what a newer node has added.
 */
export class FieldReader {
  readonly #values: readonly unknown[];
  readonly #subject: string;
  #index: number;

  /** Begins at element `first`: 1 after a kind, 0 in an array without one. */
  constructor(values: readonly unknown[], subject: string, first: 0 | 1) {
    this.#values = values;
    this.#subject = subject;
    this.#index = first;
  }

  /** A whole number; -0 counts as 0, as msgpack can spell both. */
  integer(min: number, max: number): number {
    const value = this.#next();
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
      return this.#fail(`a whole number from ${min} to ${max}`);
    }
    return (value as number) + 0;
  }

  /** A number that is counted up and never near its end. */
  count(): number {
    return this.integer(0, Number.MAX_SAFE_INTEGER);
  }

  incarnation(): number {
    return this.integer(0, incarnationMax);
  }

  durationMs(): number {
    const value = this.#next();
    // The comparison is false for NaN.
    if (typeof value === 'number' && value >= 0 && value <= limits.durationMsMax) return value + 0;
    return this.#fail(`a number of milliseconds from 0 to ${limits.durationMsMax}`);
  }

  /** Milliseconds since 1970 by somebody's clock, as far as a Date can tell them. */
  wallMs(): number {
    const value = this.#next();
    if (typeof value === 'number' && Math.abs(value) <= limits.wallMsMax) return value + 0;
    return this.#fail(`a number of milliseconds from -${limits.wallMsMax} to ${limits.wallMsMax}`);
  }

  boolean(): boolean {
    const value = this.#next();
    return typeof value === 'boolean' ? value : this.#fail('true or false');
  }

  /** A boolean that only newer nodes send, and leave out where it is false. */
  flag(): boolean {
    return this.#next() === true;
  }

  text(lengthMax: number): string {
    const value = this.#next();
    if (typeof value === 'string' && value.length <= lengthMax) return value;
    return this.#fail(`a string of at most ${lengthMax} characters`);
  }

  /** The text of one JSON value: who shows it later must not have to doubt it. */
  progress(): string {
    const value = this.#next();
    if (isProgressText(value)) return value;
    return this.#fail(
      `the text of a JSON value on one line, at most ${limits.progressLengthMax} characters and nested ${limits.progressDepthMax} deep`,
    );
  }

  /** Chosen by a user: an idempotency key, an affinity. Anything printable. */
  label(): string {
    return this.#matching(
      labelPattern,
      `a string of 1 to ${limits.keyLengthMax} characters, none of them control`,
    );
  }

  name(): string {
    return this.#matching(namePattern, 'a name');
  }

  nodeId(): string {
    return this.#matching(nodeIdPattern, "a node's id");
  }

  instanceId(): string {
    return this.#matching(instanceIdPattern, "an instance's id");
  }

  jobId(): string {
    return this.#matching(jobIdPattern, "a job's id");
  }

  address(): string {
    const value = this.#next();
    if (typeof value === 'string' && (readAddress(value)?.port ?? 0) > 0) return value;
    return this.#fail('an address, host:port');
  }

  /** JSON text or raw bytes; bytes are copied out of what was only lent. */
  payload(): Payload {
    const value = this.#next();
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) return this.#fail('a payload');
    if (value.length > limits.bodyBytesMax) return this.#fail(`a payload of at most ${limits.bodyBytesMax}`);
    return typeof value === 'string' ? value : new Uint8Array(value);
  }

  /**
   * The same for what is passed on soon: large bytes stay where they arrived, which is memory of their message alone or little
   * more. See `FrameDecoder`.
   */
  passingPayload(): Payload {
    const value = this.#values[this.#index];
    const isLarge = value instanceof Uint8Array && value.length >= limits.handedOverBytesMin;
    if (!isLarge || value.buffer.byteLength > 2 * value.length + 4_096) return this.payload();
    this.#index++;
    if (value.length > limits.bodyBytesMax) return this.#fail(`a payload of at most ${limits.bodyBytesMax}`);
    return value;
  }

  /** Bytes of their own, copied out of what was only lent. */
  bytes(): Uint8Array {
    const value = this.payload();
    return typeof value === 'string' ? this.#fail('bytes') : value;
  }

  /** Bytes that are lent: valid until the frame's handler returns. */
  lentBytes(): Uint8Array {
    const value = this.#next();
    return value instanceof Uint8Array ? value : this.#fail('bytes');
  }

  /** One of a list, by its position in it. */
  oneOf<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)] as T;
  }

  /** Null, or what `read` reads. */
  nullable<T>(read: (fields: this) => T): T | null {
    if (this.#values[this.#index] !== null) return read(this);
    this.#index++;
    return null;
  }

  /** The same for a last field that an older node doesn't send. */
  optional<T>(read: (fields: this) => T): T | null {
    return this.#index < this.#values.length ? this.nullable(read) : null;
  }

  /** An array of at most `countMax` elements, to be read one by one. */
  array(countMax: number): readonly unknown[] {
    const value = this.#next();
    if (Array.isArray(value) && value.length <= countMax) return value;
    return this.#fail(`an array of at most ${countMax}`);
  }

  /** Whole numbers, as `count`. */
  counts(countMax: number): number[] {
    const values = this.array(countMax);
    const inner = new FieldReader(values, `${this.#subject}: numbers`, 0);
    return values.map(() => inner.count());
  }

  /** An array of at most `countMax` whole numbers from 0 to `max`. */
  integers(countMax: number, max: number): number[] {
    const values = this.array(countMax);
    const inner = new FieldReader(values, `${this.#subject}: numbers`, 0);
    return values.map(() => inner.integer(0, max));
  }

  /** An array of at most `countMax` nodes' ids. */
  nodeIds(countMax: number): string[] {
    const values = this.array(countMax);
    if (values.length === 0) return [];
    const inner = new FieldReader(values, `${this.#subject}: nodes`, 0);
    return values.map(() => inner.nodeId());
  }

  /** An array of at most `countMax` jobs' ids. */
  jobIds(countMax: number): string[] {
    const values = this.array(countMax);
    if (values.length === 0) return [];
    const inner = new FieldReader(values, `${this.#subject}: jobs`, 0);
    return values.map(() => inner.jobId());
  }

  /** The fields of an array within this one; `first` as for the constructor. */
  nested(subject: string, first: 0 | 1): FieldReader {
    return nestedFields(this.array(limits.frameBytesMax), subject, first);
  }

  /** Key and value, key and value, each a name, no key twice. */
  pairs(pairsMax: number): (readonly [key: string, value: string])[] {
    const flat = this.array(2 * pairsMax);
    if (flat.length === 0) return [];
    const inner = new FieldReader(flat, `${this.#subject}: pairs`, 0);
    const pairs: (readonly [string, string])[] = [];
    while (inner.#index < flat.length) pairs.push([inner.name(), inner.name()]);
    if (new Set(pairs.map(([key]) => key)).size < pairs.length) return this.#fail('pairs, no key twice');
    return pairs;
  }

  #matching(pattern: RegExp, what: string): string {
    const value = this.#next();
    return typeof value === 'string' && pattern.test(value) ? value : this.#fail(what);
  }

  #next(): unknown {
    return this.#values[this.#index++];
  }

  /** Says where and what was wanted, never the value itself: it may be large, or a secret. */
  #fail(wanted: string): never {
    throw new PeerFault('FIELD_INVALID', `${this.#subject}: field ${this.#index - 1} is not ${wanted}`);
  }
}

/** The fields of an element that must itself be an array. */
export function nestedFields(value: unknown, subject: string, first: 0 | 1): FieldReader {
  if (!Array.isArray(value)) throw new PeerFault('FIELD_INVALID', `${subject}: not an array`);
  return new FieldReader(value, subject, first);
}

const labelPattern = new RegExp(`^\\P{Cc}{1,${limits.keyLengthMax}}$`, 'u');

/** The key of an attempt: three fields. */
export function readKey(fields: FieldReader): AttemptKey {
  return { job: fields.jobId(), epoch: fields.count(), attempt: fields.count() };
}
