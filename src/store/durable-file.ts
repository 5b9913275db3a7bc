import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { assertNever } from '../core/assert.js';
import { type DiskStep, replaceFileSteps } from '../core/durable-steps.js';

/** Files of this store are a line long; a longer one was not written by it. */
const smallFileBytesMax = 64 * 1024;

/** The text of a file, null when there is none. */
export function readTextFile(file: string): string | null {
  try {
    return readFileSync(file).subarray(0, smallFileBytesMax).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    // Node names no file where it has opened one that can't be read.
    if (error instanceof Error && !error.message.includes(file)) error.message += `: ${file}`;
    throw error;
  }
}

/** Replaces a file so that after a crash at any moment it is whole, the old or the new. */
export function writeFileDurably(file: string, text: string): void {
  for (const step of replaceFileSteps(file, text)) performStep(step, dirname(file));
}

function performStep(step: DiskStep, directory: string): void {
  switch (step.type) {
    case 'write':
      return leavingNothing(step.file, () => writeFileSync(step.file, step.text, { mode: 0o600 }));
    case 'sync':
      return leavingNothing(step.file, () => syncFile(step.file));
    case 'rename':
      return leavingNothing(step.from, () => renameSync(step.from, step.to));
    case 'sync_directory':
      return syncDirectory(directory);
    default:
      assertNever(step);
  }
}

/** What is written aside and can't be used is taken away again. */
function leavingNothing(aside: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

function syncFile(file: string): void {
  const descriptor = openSync(file, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A rename is only durable once its directory is. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
