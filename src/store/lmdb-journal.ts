import { existsSync, renameSync, rmSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { RondoError } from '../core/errors.js';
import type { InstanceId, NodeId } from '../core/ids.js';
import { dataDirectoryError } from './data-directory.js';
import { syncDirectory } from './durable-file.js';
import type { Journal, JournalListener } from './journal.js';
import { checkJournalDirectory } from './journal-directory.js';
import type { Change } from './journal-orders.js';
import { type FoundJournal, readJournal } from './journal-reader.js';
import { headerKey, type RecordFormat, recordFormats, sealHeader } from './journal-records.js';
import { JournalWriter } from './journal-writer.js';

export interface JournalOptions {
  /** Whose journal it is: one of another node is refused. */
  readonly node: NodeId;
  /** This process, which joins the lineage. */
  readonly instance: InstanceId;
  readonly listener: JournalListener;
  log(level: 'warn' | 'error', text: string, fields: Readonly<Record<string, unknown>>): void;
  /** Only tests have others. */
  readonly formats?: readonly RecordFormat[];
}

const lineageLengthMax = 64;
const slotsPerPart = 1_024;

/**
 * Opens the journal in a node's data directory, which this process has locked, and reads what it holds. Nothing is written before the
 * first write, unless the file is broken: then what can be read of it is written to a new one, and the old one is kept as
 * `journal.damaged-1` (2, 3...). Even where nothing can be read of it the node starts: other nodes' copies stand for what was lost,
 * and a lone node finds its error in the log and the file as it was.
 *
 * Throws a RondoError: `JOURNAL_NOT_A_DIRECTORY`, `JOURNAL_FOREIGN`, `JOURNAL_NEWER`, `JOURNAL_UNSUPPORTED`, or one of a data directory.
 */
export async function openJournal(dataDirectory: string, options: JournalOptions): Promise<Journal> {
  checkMachine(dataDirectory);
  const formats = options.formats ?? recordFormats;
  const paths = pathsIn(dataDirectory);
  try {
    finishRebuilding(paths);
    checkJournalDirectory(paths.journal);
    const found = readJournal(paths.journal, options.node, formats);
    const isDamaged = found.fault !== null || found.damagedCount > 0;
    const lineage = joinLineage(isDamaged ? [] : found.lineage, options.instance);
    const header = { key: headerKey, value: sealHeader({ node: options.node, lineage }, formats) };
    const keptAs = found.fault === null ? null : await rebuild(paths, found, { header, formats });
    if (isDamaged) logDamage(paths.journal, found, keptAs, options);
    const writer = new JournalWriter({
      directory: paths.journal,
      opening: [header],
      leftOver: keptAs === null ? found.damagedKeys : [],
      formats,
      listener: options.listener,
    });
    return {
      contents: { copies: found.copies, damagedCount: found.damagedCount, lineage },
      write: (seq, writes) => writer.write(seq, writes),
      close: () => writer.close(),
    };
  } catch (error) {
    throw error instanceof RondoError
      ? error
      : dataDirectoryError(dataDirectory, error as NodeJS.ErrnoException);
  }
}

/** The latest last; the oldest are forgotten. */
export function joinLineage(known: readonly InstanceId[], instance: InstanceId): InstanceId[] {
  return [...known, instance].slice(-lineageLengthMax);
}

/** What is read without lmdb is read as 64-bit machines write it, the low byte first. */
function checkMachine(dataDirectory: string): void {
  const has32Bits = ['arm', 'ia32', 'mips', 'mipsel'].includes(process.arch);
  if (!has32Bits && endianness() === 'LE') return;
  throw new RondoError(
    'JOURNAL_UNSUPPORTED',
    `a journal in ${dataDirectory} would need a 64-bit machine with the low byte first; keep nothing with --no-journal`,
  );
}

interface JournalPaths {
  readonly parent: string;
  readonly journal: string;
  /** A new one that is being written from what could be read of a broken one. */
  readonly rebuilt: string;
}

function pathsIn(dataDirectory: string): JournalPaths {
  const journal = join(dataDirectory, 'journal');
  return { parent: dataDirectory, journal, rebuilt: `${journal}.rebuilt` };
}

/** The broken one is only moved away once the new one is complete: where it is gone, there was a crash right after. */
function finishRebuilding({ parent, journal, rebuilt }: JournalPaths): void {
  if (!existsSync(rebuilt)) return;
  if (existsSync(journal)) return rmSync(rebuilt, { recursive: true });
  renameSync(rebuilt, journal);
  syncDirectory(parent);
}

/** Returns where the broken one is kept. */
async function rebuild(
  { parent, journal, rebuilt }: JournalPaths,
  { copies }: FoundJournal,
  { header, formats }: { header: Change; formats: readonly RecordFormat[] },
): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const parts = Array.from({ length: Math.ceil(copies.length / slotsPerPart) }, (_, part) =>
      copies.slice(part * slotsPerPart, (part + 1) * slotsPerPart),
    );
    const end = (act: () => void): void => void writer.close().then(act, reject);
    const listener: JournalListener = {
      written: (seq) => {
        if (seq >= parts.length) end(resolve);
      },
      failed: (_, code, message) => end(() => reject(Object.assign(new Error(message), { code }))),
      recovered: () => {},
    };
    const writer = new JournalWriter({
      directory: rebuilt,
      opening: [header],
      leftOver: [],
      formats,
      listener,
    });
    for (const [index, part] of parts.entries()) writer.write(index + 1, part);
    // Without a copy that is left, it is begun by the write of nothing.
    if (parts.length === 0) writer.write(0, []);
  });
  const keptAs = freeName(`${journal}.damaged`);
  renameSync(journal, keptAs);
  syncDirectory(parent);
  renameSync(rebuilt, journal);
  syncDirectory(parent);
  return keptAs;
}

function freeName(stem: string): string {
  for (let number = 1; ; number++) {
    if (!existsSync(`${stem}-${number}`)) return `${stem}-${number}`;
  }
}

function logDamage(
  journal: string,
  { copies, damagedCount, fault }: FoundJournal,
  keptAs: string | null,
  { log }: JournalOptions,
): void {
  const text =
    'the journal was damaged: what could not be read is missing here, and comes back only where other nodes hold copies of it';
  const kept = keptAs === null ? {} : { fault, keptAs };
  log('error', text, { journal, damaged: damagedCount, intact: copies.length, ...kept });
}
