import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { RondoError } from '../core/errors.js';
import { lockDirectory } from './directory-lock.js';
import { type Identity, nextIdentity } from './identity.js';

/** A node's own directory, held by this process until it is released. */
export interface DataDirectory {
  readonly path: string;
  readonly identity: Identity;
  /** The process that had it before was ended, and did not end by itself. */
  readonly isAfterCrash: boolean;
  /** Lets another process have it. Calling it again does nothing. */
  release(): void;
}

/**
 * Makes the directory if it isn't there, locks it, and counts a start of its node. Synchronous, as a node does nothing
 * before it knows who it is. Throws a RondoError: `DATA_DIR_IN_USE`, `DATA_DIR_CORRUPT`, `DATA_DIR_NOT_A_DIRECTORY`,
 * `DATA_DIR_DENIED`, `DATA_DIR_READ_ONLY`, `DATA_DIR_FULL` or `DATA_DIR_UNAVAILABLE`.
 */
export function openDataDirectory(path: string): DataDirectory {
  return explained(path, () => {
    // What a node keeps (arguments of jobs) is for its own user alone.
    makeDirectories(path);
    if (!statSync(path).isDirectory()) throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const lock = lockDirectory(path);
    try {
      const { wasLeft: isAfterCrash } = lock;
      return { path, identity: nextIdentity(path), isAfterCrash, release: () => lock.release() };
    } catch (error) {
      lock.release();
      throw error;
    }
  });
}

/**
 * One level at a time, as `mkdirSync` with `recursive` never returns where a parent is there and mkdir answers ENOENT all the same,
 * as it does in /proc: it then makes that parent, and tries again, for ever.
 */
function makeDirectories(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectories(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another node of this machine, with a directory beside this one's, may have made it in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** What the file system answered, as a sentence that says what to do. */
export function dataDirectoryError(path: string, cause: NodeJS.ErrnoException): RondoError {
  const choose = 'a new node may have another with --data, or keep nothing with --no-journal';
  const { code, message, advice } = fileSystemFaults.get(cause.code ?? '') ?? {
    code: 'DATA_DIR_UNAVAILABLE',
    message: `can't be used (${cause.message})`,
    advice: 'put that right',
  };
  return new RondoError(code, `the data directory ${path} ${message}: ${advice}; ${choose}`, { cause });
}

/** `advice`: for a node that has jobs there, which another directory would leave behind. */
interface DirectoryFault {
  readonly code: string;
  readonly message: string;
  readonly advice: string;
}

const notADirectory: DirectoryFault = {
  code: 'DATA_DIR_NOT_A_DIRECTORY',
  message: 'is not a directory, or lies in something that is not',
  advice: 'give the right path',
};
const denied: DirectoryFault = {
  code: 'DATA_DIR_DENIED',
  message: 'or a file in it may not be read and written by this user',
  advice: 'give it to this user (chown -R)',
};
const full: DirectoryFault = {
  code: 'DATA_DIR_FULL',
  message: 'is on a disk that is full',
  advice: 'make room there',
};
const readOnly: DirectoryFault = {
  code: 'DATA_DIR_READ_ONLY',
  message: 'is on a disk that is mounted read-only',
  advice: 'mount it to be written to',
};

const fileSystemFaults: ReadonlyMap<string, DirectoryFault> = new Map([
  ['ENOTDIR', notADirectory],
  ['EEXIST', notADirectory],
  ['EACCES', denied],
  ['EPERM', denied],
  ['EROFS', readOnly],
  ['ENOSPC', full],
  ['EDQUOT', full],
]);

function explained<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw error instanceof RondoError ? error : dataDirectoryError(path, error as NodeJS.ErrnoException);
  }
}
