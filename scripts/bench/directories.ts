import { mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How the directory of all data of a run begins. */
export const dataPrefix = 'rondo-bench-';

/** Makes the directory where it isn't there. Null, or what keeps files from being written into it. */
export function faultOfOutput(directory: string): string | null {
  return faultOf(() => {
    makeDirectories(directory);
    tryToWrite(directory);
  });
}

/** The same of a directory that has to be there already. */
export function faultOfDirectory(directory: string): string | null {
  return faultOf(() => tryToWrite(directory));
}

function faultOf(use: () => void): string | null {
  try {
    use();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Rights alone say little: root has them in /proc as well. */
function tryToWrite(directory: string): void {
  rmdirSync(mkdtempSync(join(directory, '.rondo-bench-')));
}

/** One level at a time: with `recursive` mkdirSync never returns where a parent is there and mkdir answers ENOENT all the same, as in /proc. */
function makeDirectories(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectories(parent);
  mkdirSync(path);
}
