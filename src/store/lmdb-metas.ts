import { closeSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import {
  dataFormat,
  formatOf,
  type Meta,
  metaContentsAt,
  PageFault,
  pageSizes,
  readBytes,
  readMeta,
  readMetaContents,
  readNodePage,
} from './lmdb-pages.js';

/** A file may end before its last page, where that one is free; not by more than this. */
export const missingBytesMax = 256 * 1024 * 1024;

/** A meta page, and the transaction that has written the newer root of its trees; null where it leads to none. */
export interface FoundMeta extends Meta {
  /** Where in the file it lies. */
  readonly at: number;
  readonly written: number | null;
}

/** What a file is whose trees can't be read. */
export type NotRead =
  /** No part of it can be read. */
  | { readonly type: 'unreadable'; readonly fault: string }
  /** Whole, as far as can be seen, but of another version of LMDB. */
  | { readonly type: 'other_format'; readonly format: number };

/** The two, the later one first; less where one of them is not there. */
export function readMetas(file: number): readonly FoundMeta[] | NotRead {
  const formats = [0, 4_096].map((at) => attempt(() => formatOf(file, at)));
  if (formats[0] != null && formats[0] !== dataFormat && formats[0] === formats[1]) {
    return { type: 'other_format', format: formats[0] };
  }
  const first = attempt(() => readMeta(file, 0));
  const pageBytes = findPageSize(file, first);
  const second = attempt(() => readMeta(file, pageBytes));
  const metas = [first, second].flatMap((meta, index): FoundMeta[] => {
    if (meta === null) return [];
    const fault = meta.pageBytes === pageBytes ? meta.fault : 'a meta page has another page size';
    const written = newestRoot(file, meta, pageBytes);
    return [{ ...meta, pageBytes, fault, written, at: index * pageBytes }];
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
  if (isSure(a) === isSure(b)) return [a, b];
  const [sure, unsure] = isSure(a) ? [a, b] : [b, a];
  const next = sure.transaction + 1;
  const isNext = unsure.written !== null && (unsure.written === next || unsure.transaction === next);
  return isNext ? [unsure, sure] : [sure, unsure];
}

function isSure({ transaction, written }: FoundMeta): boolean {
  return transaction === (written ?? 0);
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
export function metaFault(metas: readonly FoundMeta[], fileBytes: number): string | null {
  const [later, earlier] = metas;
  if (later === undefined || earlier === undefined) return 'a meta page is missing';
  const isInTurn =
    later.transaction === 0 || later.transaction === earlier.transaction + 1 || areSame(later, earlier);
  if (!isInTurn || !metas.every(isSure)) return 'the meta pages do not follow each other';
  const end = (later.lastPage + 1) * later.pageBytes;
  if (later.lastPage < 1 || end > fileBytes + missingBytesMax) return 'the file is too short';
  return later.fault ?? earlier.fault;
}

/** What LMDB goes on from, in a file that is known to be whole. */
export function newestMeta(file: number): Meta {
  const first = readMeta(file, 0);
  const second = readMeta(file, first.pageBytes);
  return second.transaction > first.transaction ? second : first;
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

/**
 * After a commit that failed when only its meta page was left to be written, LMDB puts back that page's old number, and leaves the
 * rest: to LMDB it is the older page of the two, and to whoever reads it later it is damaged. So it is made the same as the
 * other one, which is right: the next commit writes it. Only for who knows that a commit has just failed.
 */
export function mendLmdbFile(path: string): void {
  const file = openSync(path, 'r+');
  try {
    const metas = readMetas(file);
    if ('type' in metas || metas.length < 2) return;
    const right = metas.find(isSure);
    const other = metas.find((meta) => !isSure(meta));
    if (right === undefined || other === undefined) return;
    const isPutBack = other.transaction === right.transaction - 1 || other.transaction === right.transaction;
    if (!isPutBack) return;
    const contents = readMetaContents(file, right.at);
    writeSync(file, contents, 0, contents.length, other.at + metaContentsAt);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** As `mendLmdbFile` leaves them. */
function areSame(a: FoundMeta, b: FoundMeta): boolean {
  const contentsOf = ({ transaction, lastPage, main, free }: FoundMeta): string =>
    JSON.stringify([transaction, lastPage, main, free]);
  return contentsOf(a) === contentsOf(b);
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

/** Null where there is no such thing. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof PageFault) return null;
    throw error;
  }
}
