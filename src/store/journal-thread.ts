import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { open, type RootDatabase } from 'lmdb';
import {
  type Change,
  type JournalOrder,
  type JournalReport,
  type JournalThreadStart,
  readChanges,
} from './journal-orders.js';
import { endOfLmdbFile, mendLmdbFile, newestMeta } from './lmdb-metas.js';
import { emptyFile, pagesFor } from './lmdb-pages.js';
import { scanLmdbFile } from './lmdb-scan.js';

/**
 * The thread that writes a journal: all that waits for the disk is here, so that the node's loop never does. LMDB commits are
 * synchronous (`overlappingSync` off): the call returns once data and meta page are on disk. The asynchronous writes of lmdb are
 * not used: after a failed commit they leave a rejection that nobody can catch, or a lock that nobody opens.
 */
const port = parentPort as NonNullable<typeof parentPort>;
const start = workerData as JournalThreadStart;
const { directory, opening } = start;
const dataFile = join(directory, 'data.mdb');

const probeIntervalMs = 1_000;
/**
 * LMDB maps its file, and what was touched counts as this process's memory until it is closed. So it is opened anew, which takes a
 * millisecond, once so many pages may have been touched.
 */
const changesPerOpening = 16_384;
const bytesPerOpening = 64 * 1024 * 1024;

/** Room for a few readers, of which there is none but this thread. */
const lockBytes = 4_096;
const databaseOptions = {
  path: directory,
  noSubdir: false,
  encoding: 'binary',
  keyEncoding: 'binary',
  overlappingSync: false,
  eventTurnBatching: false,
  maxDbs: 1,
  maxReaders: 4,
  // The files are for the node's own user alone.
  permissionsMode: 0o600,
} as const;

/** The file grows by so much more than it must. */
const reserveBytes = 256 * 1024;

/**
 * A probe asks for what the last commit asked for, but for no more pages than this: what was too large then may be elsewhere by now, or over,
 * and less room than that is of use.
 */
const probePagesMax = 256;

/** A commit for which there is no room, and that takes no more than this, is not divided any more. */
const partPagesMin = 128;

/** What the last commit asked for. */
let pagesWanted = 0;
let database: RootDatabase<Buffer, Buffer> | null = null;
let changesSinceOpening = 0;
let bytesSinceOpening = 0;
/** A broken file may end the process when LMDB opens it, so it is looked through first. */
let { isTrusted } = start;

port.on('message', (order: JournalOrder) => {
  if (order.type === 'write') return write(order.changes);
  closeDatabase();
  process.exit();
});

function write(changes: Uint8Array): void {
  try {
    database ??= openDatabase();
    commitParts(database, [...readChanges(changes)]);
  } catch (error) {
    report({ type: 'failed', ...describe(error) });
    // After some failures LMDB takes nothing more; a new opening starts from what is on disk.
    closeDatabase();
    tidyFile();
    scheduleProbe();
    return;
  }
  report({ type: 'written' });
  if (changesSinceOpening >= changesPerOpening || bytesSinceOpening >= bytesPerOpening) closeDatabase();
}

/** Where there is no room for all at once there may be for one half after the other. */
function commitParts(into: RootDatabase<Buffer, Buffer>, changes: readonly Change[]): void {
  try {
    commit(into, changes);
  } catch (error) {
    const isDivisible = changes.length > 1 && pagesWanted > partPagesMin;
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC' || !isDivisible) throw error;
    const half = Math.ceil(changes.length / 2);
    commitParts(into, changes.slice(0, half));
    commitParts(into, changes.slice(half));
  }
}

function commit(into: RootDatabase<Buffer, Buffer>, changes: readonly Change[]): void {
  if (changes.length === 0) return;
  reserve((leafPages) => pagesFor(changes, leafPages));
  into.transactionSync(() => {
    for (const { key, value } of changes) {
      // In a transaction they have happened on return; what they give back is for those outside of one.
      if (value === null) void into.remove(key);
      else void into.put(key, value);
    }
  });
  changesSinceOpening += changes.length;
  for (const { value } of changes) bytesSinceOpening += value?.length ?? 0;
}

/**
 * When the disk refuses a page, lmdb writes its complaint over the end of a buffer, and the process may end by that. So the file is made
 * long enough for the commit before, where a refusal is only an error: blocks that are written to a second time have their room.
 * Where it is long enough already, its last byte is written again, since a disk may also have become read-only.
 */
function reserve(pagesWith: (leafPages: number) => number): void {
  const descriptor = openSync(dataFile, 'r+');
  try {
    const { main, free, lastPage, pageBytes } = newestMeta(descriptor);
    const ofFreeList = free.branchPages + free.leafPages + free.overflowPages;
    pagesWanted = pagesWith(main.leafPages);
    const end = (lastPage + 1 + pagesWanted + main.branchPages + 3 * ofFreeList) * pageBytes;
    const { size } = fstatSync(descriptor);
    if (size >= end) return void writeSync(descriptor, Buffer.alloc(1), 0, 1, size - 1);
    extend(descriptor, size, end + reserveBytes);
  } finally {
    closeSync(descriptor);
  }
}

function extend(descriptor: number, from: number, to: number): void {
  const zeros = Buffer.alloc(Math.min(reserveBytes, to - from));
  try {
    for (let at = from; at < to; ) {
      at += writeSync(descriptor, zeros, 0, Math.min(zeros.length, to - at), at);
    }
  } catch (error) {
    // What there was room for is left for less.
    ftruncateSync(descriptor, from);
    throw error;
  }
}

/** What stands in `opening` is written at once, so that an open journal is one that can be written to. */
function openDatabase(): RootDatabase<Buffer, Buffer> {
  prepareFiles();
  if (!isTrusted) lookThrough();
  const opened = open<Buffer, Buffer>(databaseOptions);
  try {
    changesSinceOpening = 0;
    bytesSinceOpening = 0;
    commit(opened, [...readChanges(opening)]);
  } catch (error) {
    void opened.close();
    throw error;
  }
  isTrusted = true;
  return opened;
}

/**
 * When LMDB can't open its files, lmdb ends the process (it frees what it goes on to use), and so does a map of blocks that the disk
 * turns out to have no room for. So all that LMDB does at an opening is done here before it, where a fault is only an error: both
 * files are there with all their bytes, and can be opened as often as it opens them. No other node has this directory.
 */
function prepareFiles(): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (!existsSync(dataFile)) {
    const aside = `${dataFile}.new`;
    try {
      writeFileSync(aside, emptyFile(), { mode: 0o600 });
      syncPath(aside);
    } catch (error) {
      rmSync(aside, { force: true });
      throw error;
    }
    renameSync(aside, dataFile);
    // A new file is only durable once its directory is.
    for (const each of [directory, dirname(directory)]) syncPath(each);
  }
  const lockFile = join(directory, 'lock.mdb');
  writeFileSync(lockFile, Buffer.alloc(lockBytes), { mode: 0o600 });
  const files = [dataFile, dataFile, lockFile].map((file) => openSync(file, 'r+'));
  for (const file of files) closeSync(file);
}

/** Nothing is under way when this is called, so it has happened on return. */
function closeDatabase(): void {
  void database?.close();
  database = null;
}

/** Where a commit has failed, what it has written of the meta pages is undone, and room that it has taken is given back. */
function tidyFile(): void {
  try {
    mendLmdbFile(dataFile);
    const end = endOfLmdbFile(dataFile);
    if (end !== null && end < statSync(dataFile).size) truncateSync(dataFile, end);
  } catch {
    // The disk takes nothing at all, or it was not there yet: it is tried again before the next opening.
  }
}

/** Again and again, until there is room for something. */
function scheduleProbe(): void {
  isTrusted = false;
  setTimeout(() => {
    try {
      prepareFiles();
      tidyFile();
      const pages = Math.min(pagesWanted, probePagesMax);
      reserve(() => pages);
      database = openDatabase();
    } catch {
      tidyFile();
      return scheduleProbe();
    }
    report({ type: 'recovered' });
  }, probeIntervalMs);
}

function lookThrough(): void {
  if (!existsSync(dataFile)) return;
  const scan = scanLmdbFile(dataFile, () => {});
  if (scan.type === 'scanned' && scan.fault === null) return;
  const fault = 'fault' in scan && scan.fault !== null ? scan.fault : 'it is not what it was';
  throw Object.assign(new Error(`${dataFile} is damaged (${fault}); restart the node, which repairs it`), {
    code: 'EIO',
  });
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The system's name for what went wrong, whether lmdb says it (by its number) or Node (by its name). */
function describe(error: unknown): { code: string; message: string } {
  const { code, message } = error as Error & { code?: unknown };
  const name = typeof code === 'number' ? getSystemErrorMap().get(-code)?.[0] : code;
  // To LMDB a write that ended early, as the last one before a disk is full does, is an EIO.
  if (name === 'EIO' && hasNoRoom()) return { code: 'ENOSPC', message: 'no space left on device' };
  return { code: typeof name === 'string' ? name : 'UNKNOWN', message };
}

function hasNoRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < reserveBytes;
  } catch {
    return false;
  }
}

function report(what: JournalReport): void {
  port.postMessage(what);
}
