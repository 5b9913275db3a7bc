import { closeSync, fstatSync, openSync } from 'node:fs';
import { metaFault, missingBytesMax, type NotRead, readMetas } from './lmdb-metas.js';
import {
  check,
  keyAt,
  type Meta,
  type NodePage,
  PageFault,
  pageBelow,
  readBytes,
  readCount,
  readLargeValue,
  readNodePage,
  type Tree,
  valueAt,
} from './lmdb-pages.js';

/** What a file was found to be. */
export type Scan =
  | NotRead
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
    // It is begun aside and moved there whole, so that this was done by something else.
    if (bytes === 0) return { type: 'unreadable', fault: 'it is empty' };
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

/** As deep as LMDB's own cursors go. */
const levelsMax = 32;
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
