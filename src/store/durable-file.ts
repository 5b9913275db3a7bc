import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Files of this store are a line long; a longer one was not written by it. */
const smallFileBytesMax = 64 * 1024;

/** The text of a file, null when there is none. */
export function readTextFile(file: string): string | null {
  try {
    return readFileSync(file).subarray(0, smallFileBytesMax).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Replaces a file so that after a crash at any moment it is whole, the old or the new: write aside, sync, rename, sync the directory. */
export function writeFileDurably(file: string, text: string): void {
  const aside = `${file}.new`;
  try {
    const descriptor = openSync(aside, 'w', 0o600);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
  syncDirectory(dirname(file));
}

/** A rename is only durable once its directory is. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
