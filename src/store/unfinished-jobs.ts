import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDirectoryHeld } from './directory-lock.js';
import { openRecord, recordFormats } from './journal-records.js';
import { scanLmdbFile } from './lmdb-scan.js';

/** More are not counted: a start is not to wait for it. */
export const unfinishedCountMax = 10_000;

const enough = new Error('enough are counted');

/**
 * How many unfinished jobs stand in the journal of a data directory that this process does not use. Nothing is written or locked for it. 0
 * also where there is no journal, where another process has it, and goes on with them, and where it can't be read.
 */
export function countUnfinishedJobs(dataDirectory: string, countMax = unfinishedCountMax): number {
  const file = join(dataDirectory, 'journal', 'data.mdb');
  let count = 0;
  try {
    if (!existsSync(file) || isDirectoryHeld(dataDirectory)) return 0;
    scanLmdbFile(file, (key, value) => {
      const record = openRecord(key, value, recordFormats);
      if (record.type === 'intact' && record.content.state === 'waiting' && ++count === countMax)
        throw enough;
    });
  } catch {
    // Whoever starts without a journal is not kept from it by one that is broken: what was read counts.
  }
  return count;
}
