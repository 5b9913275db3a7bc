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
    const metas = readMetas(file);
    if ('type' in metas) return metas;
    const fault = metaFault(metas, bytes);
    const meta = fault === null ? (metas[0] as Meta) : chooseByEntries(file, metas, bytes);
    const walk = new Walk(file, meta, bytes, read);
    walk.run();
    // Each has 16 bytes at the least: what says more of them has lost its own count.
    const counts = metas.map(({ main }) => (main.entries * 16 <= bytes ? main.entries : 0));
    const entriesLost =
      fault === null ? meta.main.entries - walk.entries : Math.max(...counts) - walk.entries;
    return { type: 'scanned', fault: fault ?? walk.fault, entriesLost: Math.max(0, entriesLost) };
  } finally {
    closeSync(file);
  }
}

/** Where the last page ends that LMDB knows of; null where that is in doubt. What a failed commit has written may lie behind it. */
export function endOfLmdbFile(path: string): number | null {
  const file = openSync(path, 'r');
  try {
    const metas = readMetas(file);
    if ('type' in metas || metaFault(metas, fstatSync(file).size) !== null) return null;
    return Math.max(...metas.map(({ lastPage, pageBytes }) => (lastPage + 1) * pageBytes));
  } finally {
    closeSync(file);
  }
}

/** As deep as LMDB's own cursors go. */
const levelsMax = 32;
/** A file may end before its last page, where that one is free; not by more than this. */
const missingBytesMax = 256 * 1024 * 1024;

/** A meta page, and the transaction that has written the newer root of its trees; null where it leads to none. */
interface FoundMeta extends Meta {
  readonly written: number | null;
}

/** The two, the later one first; less where one of them is not there. */
function readMetas(file: number): readonly FoundMeta[] | Exclude<Scan, { type: 'scanned' }> {
  const formats = [0, 4_096].map((at) => attempt(() => formatOf(file, at)));
  if (formats[0] != null && formats[0] !== dataFormat && formats[0] === formats[1]) {
    return { type: 'other_format', format: formats[0] };
  }
  const first = attempt(() => readMeta(file, 0));
  const pageBytes = findPageSize(file, first);
  const second = attempt(() => readMeta(file, pageBytes));
  const metas = [first, second].flatMap((meta): FoundMeta[] => {
    if (meta === null) return [];
    const fault = meta.pageBytes === pageBytes ? meta.fault : 'a meta page has another page size';
    return [{ ...meta, pageBytes, fault, written: newestRoot(file, meta, pageBytes) }];
  });
  const isNew = metas.length === 2 && metas.every((meta) => meta.transaction === 0 && meta.fault === null);
  if (!isNew && metas.every((meta) => meta.written === null)) {
    return { type: 'unreadable', fault: 'it has no meta page, or none that leads to a tree' };
  }
  return inOrder(metas);
}

/** A page's number stands in it and in the root that it leads to. Where the two differ, the other page tells which of them is right. */
function inOrder(metas: readonly FoundMeta[]): readonly FoundMeta[] {
  const [a, b] = [...metas].sort((one, other) => (other.written ?? -1) - (one.written ?? -1));
  if (a === undefined || b === undefined) return metas;
  const isSure = ({ transaction, written }: FoundMeta): boolean => transaction === written;
  if (isSure(a) === isSure(b)) return [a, b];
  const [sure, unsure] = isSure(a) ? [a, b] : [b, a];
  const next = sure.transaction + 1;
  const isNext = unsure.written !== null && (unsure.written === next || unsure.transaction === next);
  return isNext ? [unsure, sure] : [sure, unsure];
}

/** The second meta page begins where the first page ends. */
function findPageSize(file: number, first: Meta | null): number {
  const claimed = pageSizes.filter((size) => size === first?.pageBytes);
  const isSecondAt = (size: number): boolean => attempt(() => formatOf(file, size)) !== null;
  return [...claimed, ...pageSizes].find(isSecondAt) ?? claimed[0] ?? (pageSizes[0] as number);
}

/**
 * Transactions write the meta pages by turns, so their numbers follow each other, and each has written the root of a tree, which
 * stays until the one after the next. A page that says less is of an older transaction than it seems, or of a later one.
 */
function metaFault(metas: readonly FoundMeta[], fileBytes: number): string | null {
  const [later, earlier] = metas;
  if (later === undefined || earlier === undefined) return 'a meta page is missing';
  const isInTurn = later.transaction === 0 || later.transaction === earlier.transaction + 1;
  const isWritten = metas.every(({ transaction, written }) => transaction === (written ?? 0));
  if (!isInTurn || !isWritten) return 'the meta pages do not follow each other';
  const end = (later.lastPage + 1) * later.pageBytes;
  if (later.lastPage < 1 || end > fileBytes + missingBytesMax) return 'the file is too short';
  return later.fault ?? earlier.fault;
}

/** The later one, unless the tree that it leads to has lost most of what the other one's has. */
function chooseByEntries(file: number, metas: readonly Meta[], fileBytes: number): Meta {
  const [later, earlier] = metas as readonly [Meta, Meta?];
  if (earlier === undefined) return later;
  const [entriesOfLater, entriesOfEarlier] = [later, earlier].map((meta) => {
    const walk = new Walk(file, meta, fileBytes, () => {});
    walk.run();
    return walk.entries;
  }) as [number, number];
  return entriesOfLater * 2 >= entriesOfEarlier ? later : earlier;
}

function newestRoot(file: number, { main, free }: Meta, pageBytes: number): number | null {
  const transactions = [main.root, free.root].flatMap((root) => {
    if (root === null) return [];
    const bytes = Buffer.alloc(pageBytes);
    const found = attempt(() => {
      readBytes(file, bytes, root * pageBytes);
      return readNodePage(bytes, root);
    });
    return found === null ? [] : [found.transaction];
  });
  return transactions.length === 0 ? null : Math.max(...transactions);
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof PageFault) return null;
    throw error;
  }
}

type TreeCounts = { -readonly [Count in 'branchPages' | 'leafPages' | 'overflowPages' | 'entries']: number };
/** Keys that a page may hold: from `first` on, and before `end`. */
interface KeyRange {
  readonly first: Buffer | null;
  readonly end: Buffer | null;
}

/** One look through a file. */
class Walk {
  fault: string | null = null;
  entries = 0;
  readonly #lastPage: number;
  readonly #used: Uint8Array;
  /** Buffers for the pages from the root down to where it is. */
  readonly #levels: Buffer[] = [];

  constructor(
    private readonly file: number,
    private readonly meta: Meta,
    fileBytes: number,
    private readonly read: EntryReader,
  ) {
    const pagesMax = Math.ceil((fileBytes + missingBytesMax) / meta.pageBytes);
    this.#lastPage = Math.min(meta.lastPage, pagesMax);
    this.#used = new Uint8Array((this.#lastPage >>> 3) + 1);
  }

  /** The free pages first, so that an entry that leads to one of them is known not to lead to what it did. */
  run(): void {
    this.#walkTree('free', this.meta.free, compareTransactions, (_, value) => this.#markFree(value));
    this.#walkTree('main', this.meta.main, Buffer.compare, (key, value) => {
      this.entries++;
      this.read(key, value);
    });
  }

  #walkTree(name: string, tree: Tree, compare: typeof Buffer.compare, read: EntryReader): void {
    const counts: TreeCounts = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    let depth = 0;
    const visit = (page: number, level: number, range: KeyRange): void => {
      check(level <= levelsMax, 'a tree is too deep');
      this.#use(page, 1);
      const found = this.#readPage(page, level);
      if (found.isLeaf && depth === 0) depth = level;
      check(found.isLeaf === (level === depth), `page ${page} is at a wrong depth`);
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
    const { root } = tree;
    if (root !== null) this.#guard(() => visit(root, 1, { first: null, end: null }));
    const wanted = [tree.branchPages, tree.leafPages, tree.overflowPages, tree.entries];
    const isSame =
      depth === tree.depth && Object.values(counts).every((count, index) => count === wanted[index]);
    this.#note(isSame, `the ${name} tree is not as large as it should be`);
  }

  #readPage(page: number, level: number): NodePage {
    this.#levels[level] ??= Buffer.allocUnsafe(this.meta.pageBytes);
    const bytes = this.#levels[level] as Buffer;
    readBytes(this.file, bytes, page * this.meta.pageBytes);
    const found = readNodePage(bytes, page);
    this.#note(found.transaction <= this.meta.transaction, `page ${page} is of a later transaction`);
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
    check(page > 1 && count > 0 && page + count - 1 <= this.#lastPage, `there is no page ${page}`);
    for (let each = page; each < page + count; each++) {
      const bit = 1 << (each & 7);
      const byte = this.#used[each >>> 3] as number;
      check((byte & bit) === 0, `page ${each} is used twice`);
      this.#used[each >>> 3] = byte | bit;
    }
  }

  /** The first fault is told. Its records have checksums of their own, so a page is read all the same where it can be. */
  #note(holds: boolean, fault: string): void {
    if (!holds) this.fault ??= fault;
  }

  /** What lies below a fault is left out. */
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
