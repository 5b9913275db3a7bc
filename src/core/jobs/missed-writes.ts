import type { NodeId } from '../ids.js';
import type { Copies } from './copies.js';
import { type JobCopy, payloadBytesOf } from './copy.js';
import { isForgotten } from './custody.js';
import type { JournalLog } from './journal-log.js';
import type { Ledger } from './ledger.js';
import type { JobRecord } from './record.js';
import type { Replicator } from './replicator.js';

export interface MissedWritesOptions {
  readonly self: NodeId;
  readonly ledger: Ledger;
  readonly copies: Copies;
  readonly replicator: Replicator;
  readonly journal: JournalLog;
}

/** So many jobs are written at a time, or so many bytes: little room is enough for them, and other work goes on in between. */
const writtenAnewMax = 256;
const writtenAnewBytesMax = 1024 * 1024;

/**
 * Writes everything durable that is here into a journal that has missed some of it, and that counts as failed until then. What changes
 * meanwhile is written by itself.
 */
export class MissedWrites {
  constructor(private readonly options: MissedWritesOptions) {}

  /** `written` comes once all is on disk; never, where the journal has failed again: the next recovery begins anew. */
  write(written: () => void): void {
    this.options.journal.resume();
    this.writeNext(this.each(), written);
  }

  private writeNext(rest: Iterator<JobCopy>, written: () => void): void {
    let isAll = false;
    for (let jobs = 0, bytes = 0; !isAll && jobs < writtenAnewMax && bytes < writtenAnewBytesMax; jobs++) {
      const next = rest.next();
      if (next.done === true) isAll = true;
      else bytes += payloadBytesOf(next.value);
    }
    this.options.journal.after((isOnDisk) => {
      if (!isOnDisk) return;
      if (isAll) written();
      else this.writeNext(rest, written);
    });
  }

  /** One job with each step. */
  private *each(): Generator<JobCopy> {
    const { self, ledger, copies, replicator, journal } = this.options;
    // First what no disk has: it is told once it is on one, and where there is no room for it, the rest is not written in vain.
    const told = new Set<JobRecord>();
    for (const record of ledger.values()) {
      if (!record.isUnwritten || record.owner !== self || isForgotten(record)) continue;
      told.add(record);
      replicator.changed(record);
      yield replicator.copyOf(record);
    }
    for (const record of ledger.values()) {
      if (!record.spec.durable || isForgotten(record) || told.has(record)) continue;
      const copy = replicator.copyOf(record);
      record.slot = journal.write(record.slot, copy);
      yield copy;
    }
    for (const held of copies.values()) {
      if (!held.copy.spec.durable) continue;
      held.slot = journal.write(held.slot, held.copy);
      yield held.copy;
    }
  }
}
