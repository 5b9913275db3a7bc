import { readdirSync, statSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { RondoError } from '../core/errors.js';
import { namePattern } from '../core/ids.js';
import type { TaskFile } from './thread-messages.js';

export interface FoundTasks {
  readonly files: readonly TaskFile[];
  /** Files that are no tasks though they look like one, with what to do. */
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Lists the task files in the directories, in the order of those and of the names. Not looked at: subdirectories,
 * `.d.ts`, and names that start with `.` or `_`, so that what tasks share can live beside them.
 * `taken` are the names of other tasks, with what they are. Throws a RondoError `BAD_TASK_DIRECTORY`.
 */
export function findTaskFiles(
  directories: readonly string[],
  taken: ReadonlyMap<string, string>,
): FoundTasks {
  const owners = new Map(taken);
  const files: TaskFile[] = [];
  const refused: { path: string; reason: string }[] = [];
  for (const directory of new Set(directories.map((path) => resolve(path)))) {
    for (const path of listFiles(directory)) {
      const { name } = parse(path);
      const owner = owners.get(name);
      if (!namePattern.test(name)) {
        refused.push({ path, reason: 'a task name has 1 to 64 of A-Z a-z 0-9 _ . - : rename the file' });
      } else if (owner !== undefined) {
        refused.push({ path, reason: `${name} is already ${owner}: rename the file` });
      } else {
        owners.set(name, `the task of ${path}`);
        files.push({ name, path });
      }
    }
  }
  return { files, refused };
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^[^._].*\.(?:js|mjs|ts)$/.test(name) && !name.endsWith('.d.ts'))
      .sort()
      .map((name) => join(directory, name))
      .filter((path) => statSync(path).isFile());
  } catch (error) {
    const { message } = error as Error;
    throw new RondoError('BAD_TASK_DIRECTORY', `can't read tasks from ${directory}: ${message}`, {
      cause: error,
    });
  }
}
