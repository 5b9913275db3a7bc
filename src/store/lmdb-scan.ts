import { closeSync, fstatSync, openSync } from 'node:fs';
import {
  check,
  dataFormat,
  formatOf,
  keyAt,
  type Meta,
  type NodePage,
  PageFault,
  pageBelow,
  pageSizes,
  readBytes,
  readCount,
  readLargeValue,
  readMeta,
  readNodePage,
  type Tree,
  valueAt,
} from './lmdb-pages.js';

/** What a file was found to be. */
export type Scan =
  /** It has no bytes: LMDB begins it. */
  | { readonly type: 'empty' }
  /** No part of it can be read. */
  | { readonly type: 'unreadable'; readonly fault: string }
  /** Whole, as far as can be seen, but of another version of LMDB. */
  | { readonly type: 'other_format'; readonly format: number }
  /** `fault`: null where all is as LMDB would have written it. `entriesLost`: counted by the file, and not found. */
  | { readonly type: 'scanned'; readonly fault: string | null; readonly entriesLost: number };

/** Takes an entry; its bytes are lent for the call. */
export type EntryReader = (key: Buffer, value: Buffer) => void;

/**
 * Reads all entries of an LMDB file without LMDB, in the order of their keys. LMDB trusts its pages: a page number that has lost a bit, or
 * a file that was cut, ends the whole process by a signal, and a wrong list of free pages makes it write over what is
 * used. So the file is looked through first: every page must be what its parent says, and be used once. What can't be
 * reached any more is left out, and the rest is read all the same. Checksums are the reader's: pages have none.
 */
export function scanLmdbFile(path: string, read: EntryReader): Scan {
  const file = openSync(path, 'r');
  try {
    const bytes = fstatSync(file).size;
    if (bytes === 0) return { type: 'empty' };
    const metas = readMetas(file, bytes);
    if ('type' in metas) return metas;
    const walk = new Walk(file, metas.meta, read);
    walk.run();
    return {
      type: 'scanned',
      fault: metas.fault ?? walk.fault,
      entriesLost: Math.max(0, metas.meta.main.entries - walk.entries),
    };
  } finally {
    closeSync(file);
  }
}

/** As deep as LMDB's own cursors go. */
const levelsMax = 32;
/** A file may end before its last page, where that one is free; not by more than this. */
const missingBytesMax = 256 * 1024 * 1024;

/** The one that LMDB would go on from, or the best of what is left. */
function readMetas(
  file: number,
  fileBytes: number,
): { readonly meta: Meta; readonly fault: string | null } | Exclude<Scan, { type: 'scanned' }> {
  const faults: string[] = [];
  const attempt = <T>(read: () => T): T | null => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof PageFault)) throw error;
      faults.push(error.message);
      return null;
    }
  };
  const readAt = (at: number): Meta | null =>
    attempt(() => {
      const meta = readMeta(file, at);
      const bytes = (meta.lastPage + 1) * meta.pageBytes;
      check(meta.lastPage > 0 && bytes <= fileBytes + missingBytesMax, 'a meta page has a wrong last page');
      return meta;
    });
  const formats = [0, 4_096].map((at) => attempt(() => formatOf(file, at)));
  if (formats[0] != null && formats[0] !== dataFormat && formats[0] === formats[1]) {
    return { type: 'other_format', format: formats[0] };
  }
  faults.length = 0;
  const first = readAt(0);
  const sizes = first === null ? pageSizes : [first.pageBytes];
  // Where the first one is gone, the second lies after a page of unknown size.
  const second = sizes.map((size) => readAt(size)).find((meta, index) => meta?.pageBytes === sizes[index]);
  const fault = faults[0] ?? null;
  if (first === null || second == null) {
    const meta = first ?? second;
    if (meta == null) return { type: 'unreadable', fault: fault ?? 'no meta page' };
    return { meta, fault: fault ?? 'a meta page is damaged' };
  }
  const meta = latest(file, [first, second]);
  const isWritten = meta.transaction === 0 || hasWrittenRoot(file, meta);
  return {
    meta,
    fault: turnFault(first, second) ?? (isWritten ? null : 'a meta page is not of the latest transaction'),
  };
}

/** Transactions write the pages by turns, even ones the first: so their numbers follow each other. */
function turnFault(first: Meta, second: Meta): string | null {
  const isNew = first.transaction === 0 && second.transaction === 0;
  const isInTurn = Math.abs(first.transaction - second.transaction) === 1 && first.transaction % 2 === 0;
  return isNew || isInTurn ? null : 'the meta pages do not follow each other';
}

/** The later one; where that is in doubt, one whose transaction has really written the root of a tree. */
function latest(file: number, metas: readonly Meta[]): Meta {
  const byAge = [...metas].sort((a, b) => b.transaction - a.transaction);
  return byAge.find((meta) => hasWrittenRoot(file, meta)) ?? (byAge[0] as Meta);
}

function hasWrittenRoot(file: number, { transaction, main, free, pageBytes }: Meta): boolean {
  return [main.root, free.root].some((root) => {
    if (root === null) return false;
    try {
      const bytes = Buffer.alloc(pageBytes);
      readBytes(file, bytes, root * pageBytes);
      return readNodePage(bytes, root).transaction === transaction;
    } catch (error) {
      if (error instanceof PageFault) return false;
      throw error;
    }
  });
}

type TreeCounts = { -readonly [Count in 'branchPages' | 'leafPages' | 'overflowPages' | 'entries']: number };
/** Keys that a page may hold: from `first` on, and before `end`. */
interface KeyRange {
  readonly first: Buffer | null;
  readonly end: Buffer | null;
}

/** One look through a file: its entries, then its free pages. */
class Walk {
  fault: string | null = null;
  entries = 0;
  readonly #used: Uint8Array;
  /** Buffers for the pages from the root down to where it is. */
  readonly #levels: Buffer[] = [];

  constructor(
    private readonly file: number,
    private readonly meta: Meta,
    private readonly read: EntryReader,
  ) {
    this.#used = new Uint8Array((meta.lastPage >>> 3) + 1);
  }

  run(): void {
    this.#walkTree('main', this.meta.main, Buffer.compare, (key, value) => {
      this.entries++;
      this.read(key, value);
    });
    this.#walkTree('free', this.meta.free, compareTransactions, (_, value) => this.#markFree(value));
  }

  #walkTree(name: string, tree: Tree, compare: typeof Buffer.compare, read: EntryReader): void {
    const counts: TreeCounts = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    const visit = (page: number, level: number, range: KeyRange): void => {
      check(level <= levelsMax, 'a tree is too deep');
      this.#use(page, 1);
      const found = this.#readPage(page, level);
      check(found.isLeaf === (level === tree.depth), `page ${page} is at a wrong depth`);
      counts[found.isLeaf ? 'leafPages' : 'branchPages']++;
      this.#checkOrder(found, range, compare, page);
      found.nodes.forEach((at, index) => {
        this.#guard(() => {
          if (found.isLeaf) {
            counts.entries++;
            read(keyAt(found, at), this.#valueAt(found, at, counts));
            return;
          }
          const next = found.nodes[index + 1];
          // The buffer of this level stays as it is while those below are read.
          const first = index === 0 ? range.first : keyAt(found, at);
          visit(pageBelow(found, at), level + 1, {
            first,
            end: next === undefined ? range.end : keyAt(found, next),
          });
        });
      });
    };
    const { root, depth } = tree;
    if (root !== null) this.#guard(() => visit(root, 1, { first: null, end: null }));
    else this.#guard(() => check(depth === 0, `the ${name} tree has no root`));
    const wanted = [tree.branchPages, tree.leafPages, tree.overflowPages, tree.entries];
    const isSame = Object.values(counts).every((count, index) => count === wanted[index]);
    this.#guard(() => check(isSame, `the ${name} tree is not as large as it should be`));
  }

  #readPage(page: number, level: number): NodePage {
    this.#levels[level] ??= Buffer.allocUnsafe(this.meta.pageBytes);
    const bytes = this.#levels[level] as Buffer;
    readBytes(this.file, bytes, page * this.meta.pageBytes);
    const found = readNodePage(bytes, page);
    check(found.transaction <= this.meta.transaction, `page ${page} is of a later transaction`);
    return found;
  }

  #checkOrder(page: NodePage, range: KeyRange, compare: typeof Buffer.compare, number: number): void {
    let previous = range.first;
    page.nodes.forEach((at, index) => {
      // The first key of a branch is empty: it stands for all that come before the second.
      if (!page.isLeaf && index === 0) return;
      const key = keyAt(page, at);
      const order = previous === null ? 1 : compare(key, previous);
      const isFirst = index === 0 || (!page.isLeaf && index === 1);
      check(order > 0 || (isFirst && order === 0), `page ${number} has keys out of order`);
      check(range.end === null || compare(key, range.end) < 0, `page ${number} has keys of another`);
      previous = key;
    });
  }

  #valueAt(page: NodePage, at: number, counts: TreeCounts): Buffer {
    const value = valueAt(page, at);
    if (value.type === 'inline') return value.bytes;
    this.#use(value.page, value.pages);
    counts.overflowPages += value.pages;
    return readLargeValue(this.file, value, this.meta.pageBytes);
  }

  /** A count, then so many words: a page, 0 for nothing, or below 0 for so many pages from the next word on. */
  #markFree(list: Buffer): void {
    check(list.length >= 8 && 8 + 8 * readCount(list, 0) <= list.length, 'a list of free pages is damaged');
    const end = 8 + 8 * readCount(list, 0);
    for (let at = 8; at < end; at += 8) {
      const word = Number(list.readBigInt64LE(at));
      if (word > 0) this.#use(word, 1);
      else if (word < 0) {
        at += 8;
        check(at < end, 'a list of free pages ends too early');
        this.#use(readCount(list, at), -word);
      }
    }
  }

  /** Pages 0 and 1 are the meta pages; every other is used once, or free once. */
  #use(page: number, count: number): void {
    check(page > 1 && count > 0 && page + count - 1 <= this.meta.lastPage, `there is no page ${page}`);
    for (let each = page; each < page + count; each++) {
      const bit = 1 << (each & 7);
      const byte = this.#used[each >>> 3] as number;
      check((byte & bit) === 0, `page ${each} is used twice`);
      this.#used[each >>> 3] = byte | bit;
    }
  }

  /** The first fault is told; what lies below it is left out. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof PageFault)) throw error;
      this.fault ??= error.message;
    }
  }
}

/** Keys of the free pages are numbers of transactions. */
function compareTransactions(a: Uint8Array, b: Uint8Array): -1 | 0 | 1 {
  check(a.length === 8 && b.length === 8, 'a key of free pages is damaged');
  const difference = readCount(a as Buffer, 0) - readCount(b as Buffer, 0);
  return difference === 0 ? 0 : difference < 0 ? -1 : 1;
}
