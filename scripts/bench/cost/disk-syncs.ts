import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DiskFigures } from './figures.js';

const recordBytes = 4_096;

/** How often a second the disk under `parent` syncs what was appended to one file, one after the other. */
export function measureSyncs(parent: string, syncs: number): DiskFigures {
  const directory = mkdtempSync(join(parent, 'rondo-cost-model-'));
  const file = openSync(join(directory, 'appended'), 'a');
  // It has no name from here on, so nothing is left of it however this process ends.
  rmSync(directory, { recursive: true });
  const record = Buffer.alloc(recordBytes, 1);
  const startedAtMs = performance.now();
  for (let count = 0; count < syncs; count++) {
    writeSync(file, record);
    fdatasyncSync(file);
  }
  const seconds = (performance.now() - startedAtMs) / 1_000;
  closeSync(file);
  return { syncs, syncsPerSecond: syncs / seconds };
}
