import type { JobRecord } from './record.js';

/**
 * Records in order of arrival, to be walked from the newest back, over many steps if need be: a record that leaves
 * still leads to the older ones, so whoever has stopped at it can go on.
 */
export class Arrivals {
  newest: JobRecord | null = null;

  push(record: JobRecord): void {
    record.older = this.newest;
    if (this.newest !== null) this.newest.newer = record;
    this.newest = record;
  }

  remove(record: JobRecord): void {
    const { older, newer } = record;
    if (older !== null) older.newer = newer;
    if (newer === null) this.newest = older;
    else newer.older = older;
    record.newer = null;
  }
}
