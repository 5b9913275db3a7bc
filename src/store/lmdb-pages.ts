import { readSync } from 'node:fs';
import type { Change } from './journal-orders.js';

/**
 * The pages of an LMDB file as lmdb 3 writes it (data format 2; `dependencies/lmdb/libraries/liblmdb/mdb.c` in its package), on
 * 64-bit machines with the low byte first. Offsets within a page count from the end of its header.
 */
export const dataFormat = 2;

const magic = 0xbeef_c0de;
const headerBytes = 24;
/** What a meta page holds, its header included; the rest of the page is empty. */
const metaBytes = 168;
const noPage = 2 ** 64;
/** A leaf's node before its key: size of the value, flags, size of the key. */
const nodeBytes = 8;
/** Where a large value begins: first page, transaction, number of pages. */
const largeValueBytes = 24;

export const pageFlags = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 } as const;
const kindMask = 0xff;
const nodeIsLarge = 0x01;

/** One of the two trees of a file: its entries, or its free pages. */
export interface Tree {
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** Null: the tree is empty. */
  readonly root: number | null;
}

/** What a transaction has left at its end. There are two, written by turns. */
export interface Meta {
  readonly pageBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: number;
  readonly fault: string | null;
}

/** A page that carries a tree: where its nodes begin, in the order of their keys. */
export interface NodePage {
  readonly bytes: Buffer;
  readonly isLeaf: boolean;
  readonly transaction: number;
  readonly nodes: readonly number[];
}

export type Value =
  | { readonly type: 'inline'; readonly bytes: Buffer }
  | { readonly type: 'large'; readonly page: number; readonly pages: number; readonly size: number };

/** Thrown for whatever is not as LMDB would have written it. */
export class PageFault extends Error {}

export function check(holds: boolean, fault: string): asserts holds {
  if (!holds) throw new PageFault(fault);
}

/** Counts have 64 bits; what is over 2^53 is inexact, and over every bound anyway. */
export function readCount(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

/** Reads so many bytes or says that they are not there. */
export function readBytes(file: number, bytes: Buffer, at: number): void {
  check(Number.isSafeInteger(at + bytes.length), 'the file is too short');
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(file, bytes, length, bytes.length - length, at + length);
    check(read > 0, 'the file is too short');
    length += read;
  }
}

/** The format that a meta page claims to have; null where there is no meta page. */
export function formatOf(file: number, at: number): number | null {
  const bytes = Buffer.alloc(headerBytes + 8);
  readBytes(file, bytes, at);
  if ((bytes.readUInt16LE(18) & kindMask) !== pageFlags.meta || bytes.readUInt32LE(24) !== magic) return null;
  return bytes.readUInt32LE(28) & 0xffff;
}

/** Read as far as it can be: what is wrong with it is its fault. */
export function readMeta(file: number, at: number): Meta {
  const bytes = Buffer.alloc(metaBytes);
  readBytes(file, bytes, at);
  const meta = {
    pageBytes: bytes.readUInt32LE(48),
    free: readTree(bytes, 48),
    main: readTree(bytes, 96),
    lastPage: readCount(bytes, 144),
    transaction: readCount(bytes, 152),
  };
  // Integer keys for the free pages, and nothing else, as Rondo asks for nothing else.
  const isSound =
    formatOf(file, at) === dataFormat &&
    readCount(bytes, 32) === 0 &&
    pageSizes.includes(meta.pageBytes) &&
    meta.free.flags === 0x08 &&
    meta.main.flags === 0;
  return { ...meta, fault: isSound ? null : 'a meta page is damaged' };
}

/** What a meta page says, without what every page begins with. */
export const metaContentsAt: number = headerBytes;

export function readMetaContents(file: number, at: number): Buffer {
  const bytes = Buffer.alloc(metaBytes - metaContentsAt);
  readBytes(file, bytes, at + metaContentsAt);
  return bytes;
}

/** A file without entries, as LMDB begins one. */
export function emptyFile(): Buffer {
  const file = Buffer.alloc(2 * newPageBytes);
  for (const page of [0, 1]) {
    const meta = file.subarray(page * newPageBytes);
    meta.writeUInt32LE(page, 0);
    meta.writeUInt16LE(pageFlags.meta, 18);
    meta.writeUInt32LE(magic, 24);
    meta.writeUInt32LE(dataFormat, 28);
    // The size of the map, which LMDB raises as it needs more.
    meta.writeUInt32LE(128 * 1024, 40);
    meta.writeUInt32LE(newPageBytes, 48);
    meta.writeUInt16LE(0x08, 52);
    // Neither tree has a root.
    meta.fill(0xff, 88, 96);
    meta.fill(0xff, 136, 144);
    meta.writeUInt32LE(1, 144);
  }
  return file;
}

/** What nearly all machines have; LMDB takes any of these on any. */
export const newPageBytes = 4_096;
export const pageSizes: readonly number[] = [4_096, 8_192, 16_384, 32_768, 65_536, 512, 1_024, 2_048];

/** Key, header and place of an entry, beside its value. */
const entryBytes = 64;
/** For what grows with the logarithm of the rest: branches that are split, and the list of what becomes free. */
const fixedPages = 64;

/**
 * How many pages a commit of these changes writes at the most, its branches aside: each leaf that is there, or is new and half full, is
 * written anew, or split in two, one for each change; large values have pages of their own.
 */
export function pagesFor(changes: readonly Change[], leafPages: number): number {
  let ownPages = 0;
  let leafBytes = 0;
  for (const { value } of changes) {
    const bytes = value?.length ?? 0;
    const isLarge = bytes * 2 >= newPageBytes;
    if (isLarge) ownPages += 1 + Math.ceil(bytes / newPageBytes);
    leafBytes += entryBytes + (isLarge ? 0 : bytes);
  }
  const leaves = Math.min(changes.length, leafPages + Math.ceil((2 * leafBytes) / newPageBytes));
  return fixedPages + 2 * leaves + ownPages;
}

function readTree(bytes: Buffer, at: number): Tree {
  const root = readCount(bytes, at + 40);
  return {
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branchPages: readCount(bytes, at + 8),
    leafPages: readCount(bytes, at + 16),
    overflowPages: readCount(bytes, at + 24),
    entries: readCount(bytes, at + 32),
    root: root === noPage ? null : root,
  };
}

/** Checks that every node lies where a node can, and that together they fill what the page says is used. */
export function readNodePage(bytes: Buffer, page: number): NodePage {
  check(readCount(bytes, 0) === page, `page ${page} is not where it belongs`);
  const kind = bytes.readUInt16LE(18) & kindMask;
  check(kind === pageFlags.leaf || kind === pageFlags.branch, `page ${page} is of a wrong kind`);
  const isLeaf = kind === pageFlags.leaf;
  const lower = bytes.readUInt16LE(20);
  const upper = bytes.readUInt16LE(22);
  const room = bytes.length - headerBytes;
  check(lower >= 2 && lower % 2 === 0 && lower <= upper && upper <= room, `page ${page} has wrong bounds`);
  const nodes: number[] = [];
  let used = 0;
  for (let index = 0; index < lower; index += 2) {
    const offset = bytes.readUInt16LE(headerBytes + index);
    check(offset >= upper && offset + nodeBytes <= room, `page ${page} has a node outside of it`);
    const at = headerBytes + offset;
    const size = nodeSize(bytes, at, isLeaf);
    check(offset + size <= room, `page ${page} has a node that ends outside of it`);
    used += size + (size % 2);
    nodes.push(at);
  }
  check(used === room - upper, `page ${page} has nodes that overlap`);
  return { bytes, isLeaf, transaction: readCount(bytes, 8), nodes };
}

function nodeSize(bytes: Buffer, at: number, isLeaf: boolean): number {
  const size = nodeBytes + bytes.readUInt16LE(at + 6);
  if (!isLeaf) return size;
  const flags = bytes.readUInt16LE(at + 4);
  check(flags === 0 || flags === nodeIsLarge, 'a node has wrong flags');
  return size + (flags === nodeIsLarge ? largeValueBytes : bytes.readUInt32LE(at));
}

export function keyAt({ bytes }: NodePage, at: number): Buffer {
  return bytes.subarray(at + nodeBytes, at + nodeBytes + bytes.readUInt16LE(at + 6));
}

/** The page below a node of a branch: 48 bits, the highest where a leaf has its flags. */
export function pageBelow({ bytes }: NodePage, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt16LE(at + 4) * 2 ** 32;
}

export function valueAt({ bytes }: NodePage, at: number): Value {
  const size = bytes.readUInt32LE(at);
  const start = at + nodeBytes + bytes.readUInt16LE(at + 6);
  if (bytes.readUInt16LE(at + 4) !== nodeIsLarge) {
    return { type: 'inline', bytes: bytes.subarray(start, start + size) };
  }
  return { type: 'large', page: readCount(bytes, start), pages: readCount(bytes, start + 16), size };
}

/** The value that fills so many pages, checked against the header of the first. */
export function readLargeValue(file: number, value: Value & { type: 'large' }, pageBytes: number): Buffer {
  const { page, pages, size } = value;
  const header = Buffer.alloc(headerBytes);
  readBytes(file, header, page * pageBytes);
  check(
    readCount(header, 0) === page &&
      (header.readUInt16LE(18) & kindMask) === pageFlags.overflow &&
      header.readUInt32LE(20) === pages &&
      headerBytes + size <= pages * pageBytes,
    `page ${page} is no value's`,
  );
  const bytes = Buffer.allocUnsafe(size);
  readBytes(file, bytes, page * pageBytes + headerBytes);
  return bytes;
}
