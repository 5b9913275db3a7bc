import { Packr, Unpackr } from 'msgpackr';
import { type InstanceId, instanceIdPattern, type NodeId, nodeIdPattern } from '../core/ids.js';
import type { JobCopy } from '../core/jobs/copy.js';
import { decodeCopy, encodeCopy } from '../protocol/copy-codec.js';
import { FieldReader } from '../protocol/peer-fields.js';
import { crc32 } from './crc32.js';

/** One way to write the content of a record. Those of former versions stay here, to be read. */
export interface RecordFormat {
  readonly version: number;
  encode(copy: JobCopy): unknown[];
  decode(values: readonly unknown[]): JobCopy;
}

/** All that this Rondo reads, by version; it writes the last. */
export const recordFormats: readonly RecordFormat[] = [
  { version: 1, encode: encodeCopy, decode: (values) => decodeCopy(new FieldReader(values, 'record', 0)) },
];

/** Whose journal it is, and what `JournalContents.lineage` says. */
export interface JournalHeader {
  readonly node: NodeId;
  readonly lineage: readonly InstanceId[];
}

/** What a value that has been read is. `newer`: whole, but only a newer Rondo knows what it says. */
export type Opened<T> =
  | { readonly type: 'intact'; readonly content: T }
  | { readonly type: 'damaged' }
  | { readonly type: 'newer'; readonly version: number };

/** Under which the header stands; keys of slots have 8 bytes. */
export const headerKey: Buffer = Buffer.from('header');

/**
 * A value is a checksum (CRC-32 of its key and all that follows, four bytes, big-endian), its version (one byte) and its content, a
 * msgpack array. This frame stays the same in all versions, so that what is newer can be told from what is damaged. The key is
 * in the checksum, so that a record that stands in another's place is not taken for it.
 */
const versionAt = 4;
const frameBytes = 5;

const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false });
const unpackr = new Unpackr({ useRecords: false, moreTypes: false, int64AsType: 'number' });
/** Small records are packed one behind the other into buffers of this size. */
const packBytes = 32 * 1024;

/** Slots are whole numbers up to 2^53 - 1; as keys they are in their order, big-endian. */
export function keyOfSlot(slot: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(Math.floor(slot / 2 ** 32), 0);
  key.writeUInt32BE(slot % 2 ** 32, 4);
  return key;
}

/** Null for what is no slot's key. */
export function slotOfKey(key: Buffer): number | null {
  if (key.length !== 8) return null;
  const slot = key.readUInt32BE(0) * 2 ** 32 + key.readUInt32BE(4);
  return slot <= Number.MAX_SAFE_INTEGER ? slot : null;
}

export function sealRecord(key: Buffer, copy: JobCopy, formats: readonly RecordFormat[]): Buffer {
  const { version, encode } = formats.at(-1) as RecordFormat;
  return seal(key, version, encode(copy));
}

export function openRecord(key: Buffer, value: Buffer, formats: readonly RecordFormat[]): Opened<JobCopy> {
  return openValue(key, value, formats.at(-1) as RecordFormat, (version, values) => {
    const format = formats.find((each) => each.version === version);
    // A version between those known was never written by any Rondo.
    return format?.decode(values) ?? null;
  });
}

export function sealHeader({ node, lineage }: JournalHeader, formats: readonly RecordFormat[]): Buffer {
  return seal(headerKey, (formats.at(-1) as RecordFormat).version, [node, lineage]);
}

export function openHeader(value: Buffer, formats: readonly RecordFormat[]): Opened<JournalHeader> {
  return openValue(headerKey, value, formats.at(-1) as RecordFormat, (_, [node, lineage]) => {
    if (typeof node !== 'string' || !nodeIdPattern.test(node) || !Array.isArray(lineage)) return null;
    const isInstance = (each: unknown): boolean => typeof each === 'string' && instanceIdPattern.test(each);
    return lineage.every(isInstance) ? { node, lineage } : null;
  });
}

function seal(key: Buffer, version: number, values: unknown[]): Buffer {
  const content = packr.pack(values);
  const value = Buffer.allocUnsafe(frameBytes + content.length);
  value[versionAt] = version;
  content.copy(value, frameBytes);
  value.writeUInt32BE(checksum(key, value), 0);
  // The packer has made room for the worst case, and would keep it for what comes next.
  if (content.length > packBytes) packr.useBuffer(Buffer.allocUnsafeSlow(packBytes));
  return value;
}

function openValue<T>(
  key: Buffer,
  value: Buffer,
  known: RecordFormat,
  read: (version: number, values: readonly unknown[]) => T | null,
): Opened<T> {
  if (value.length < frameBytes || value.readUInt32BE(0) !== checksum(key, value)) return { type: 'damaged' };
  const version = value[versionAt] as number;
  if (version > known.version) return { type: 'newer', version };
  try {
    const values: unknown = unpackr.unpack(value.subarray(frameBytes));
    const content = Array.isArray(values) ? read(version, values) : null;
    return content === null ? { type: 'damaged' } : { type: 'intact', content };
  } catch {
    return { type: 'damaged' };
  }
}

function checksum(key: Buffer, value: Buffer): number {
  return crc32(value.subarray(versionAt), crc32(key));
}
