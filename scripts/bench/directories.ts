import { mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How the directory of all data of a run begins. */
export const dataPrefix = 'rondo-bench-';

/** Null, or what would keep files from being written into the directory, which need not be there yet: it is made for the trial only. */
export function faultOfOutput(directory: string): string | null {
  return faultOf(() => {
    const made = makeDirectories(directory);
    try {
      tryToWrite(directory);
    } finally {
      for (const path of made.reverse()) rmdirSync(path);
    }
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

/** Answers those that it has made, the outermost first. One level at a time: with `recursive` mkdirSync never returns where a parent is there and mkdir answers ENOENT all the same, as in /proc. */
export function makeDirectories(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return [];
  const parent = dirname(path);
  const made = parent === path ? [] : makeDirectories(parent);
  mkdirSync(path);
  return [...made, path];
}
