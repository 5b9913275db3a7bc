import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RondoError } from '../core/errors.js';
import { identityFile } from '../core/identity.js';
import type { InstanceId, NodeId } from '../core/ids.js';
import type { JournalContents } from './journal.js';
import {
  headerKey,
  type JournalHeader,
  type Opened,
  openHeader,
  openRecord,
  type RecordFormat,
  slotOfKey,
} from './journal-records.js';
import { type Scan, scanLmdbFile } from './lmdb-scan.js';

/** What a journal holds, read without changing it. */
export interface FoundJournal {
  readonly copies: JournalContents['copies'];
  /** Records that could not be read, the header among them; where whole parts are gone, at least so many. */
  readonly damagedCount: number;
  /** Where such records stand, as far as they stand anywhere. */
  readonly damagedKeys: readonly Buffer[];
  /** Of the processes before this one. */
  readonly lineage: readonly InstanceId[];
  /** What is wrong with the file itself, so that LMDB must not open it; null: nothing. */
  readonly fault: string | null;
}

const nothing: FoundJournal = { copies: [], damagedCount: 0, damagedKeys: [], lineage: [], fault: null };

/** Throws `JOURNAL_FOREIGN`, `JOURNAL_NEWER` or `JOURNAL_UNSUPPORTED`. */
export function readJournal(directory: string, node: NodeId, formats: readonly RecordFormat[]): FoundJournal {
  const file = join(directory, 'data.mdb');
  if (!existsSync(file)) return nothing;
  const copies: JournalContents['copies'][number][] = [];
  const damagedKeys: Buffer[] = [];
  let newestVersion = 0;
  let isBegun = false;
  let header: Opened<JournalHeader> = { type: 'damaged' };
  const scan = scanLmdbFile(file, (key, value) => {
    isBegun = true;
    if (key.equals(headerKey)) {
      header = openHeader(value, formats);
      if (header.type === 'newer') newestVersion = Math.max(newestVersion, header.version);
      return;
    }
    const record = openRecord(key, value, formats);
    const slot = slotOfKey(key);
    if (record.type === 'newer') newestVersion = Math.max(newestVersion, record.version);
    else if (record.type === 'damaged' || slot === null) damagedKeys.push(Buffer.from(key));
    else copies.push({ slot, copy: record.content });
  });
  // The header comes with the first commit.
  if (scan.type === 'scanned' && scan.fault === null && !isBegun) return nothing;
  if (scan.type === 'other_format') throw otherFormat(directory, scan.format);
  refuseForeign(directory, header, node);
  if (newestVersion > 0) throw newer(directory, newestVersion, formats);
  return found(scan, { copies, damagedKeys, header });
}

function found(
  scan: Exclude<Scan, { type: 'other_format' }>,
  {
    copies,
    damagedKeys,
    header,
  }: { copies: JournalContents['copies']; damagedKeys: Buffer[]; header: Opened<JournalHeader> },
): FoundJournal {
  if (scan.type === 'unreadable') return { ...nothing, damagedCount: 1, fault: scan.fault };
  const isHeaderLost = header.type !== 'intact';
  // What the tree has lost may be the header.
  const lost = Math.max(scan.entriesLost, isHeaderLost ? 1 : 0, scan.fault === null ? 0 : 1);
  return {
    copies,
    damagedCount: damagedKeys.length + lost,
    damagedKeys,
    lineage: isHeaderLost ? [] : header.content.lineage,
    fault: scan.fault,
  };
}

function refuseForeign(directory: string, header: Opened<JournalHeader>, node: NodeId): void {
  if (header.type !== 'intact' || header.content.node === node) return;
  throw new RondoError(
    'JOURNAL_FOREIGN',
    `${directory} is the journal of node ${header.content.node}, and this is node ${node}: put ${identityFile} of that ` +
      'node back beside it, or move the journal away to begin a new one',
  );
}

function newer(directory: string, version: number, formats: readonly RecordFormat[]): RondoError {
  const known = formats.at(-1)?.version;
  return new RondoError(
    'JOURNAL_NEWER',
    `${directory} was written by a newer Rondo, in format ${version}, and this one knows formats up to ${known}: start ` +
      `the newer one again, or move the journal away to begin a new one, without the jobs that are in it`,
  );
}

function otherFormat(directory: string, format: number): RondoError {
  return new RondoError(
    'JOURNAL_UNSUPPORTED',
    `${directory} was written by another version of LMDB, in its format ${format}: move it away to begin a new journal`,
  );
}
