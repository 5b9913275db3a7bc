import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { JobCopy } from '../../src/core/jobs/copy.js';
import type { Journal, JournalWrite } from '../../src/store/journal.js';
import { type JournalOptions, openJournal } from '../../src/store/lmdb-journal.js';
import { copyOf, specOf } from '../protocol/copy-samples.js';
import { nodeA } from '../protocol/peer-samples.js';

export type JournalEvent =
  | { readonly type: 'written'; readonly seq: number }
  | { readonly type: 'failed'; readonly seq: number; readonly code: string; readonly message: string }
  | { readonly type: 'recovered' };

/** A journal with the node's side of it: what it was told, and what is to be in it. */
export class TestJournal {
  readonly events: JournalEvent[] = [];
  readonly logged: Readonly<Record<string, unknown>>[] = [];
  #seq = 0;
  #waiting: { readonly holds: () => boolean; readonly tell: () => void }[] = [];
  #journal: Journal | null = null;

  static async open(directory: string, options: Partial<JournalOptions> = {}): Promise<TestJournal> {
    const journal = new TestJournal();
    journal.#journal = await openJournal(directory, {
      node: nodeA,
      instance: 'aaaaa',
      listener: {
        written: (seq) => journal.#take({ type: 'written', seq }),
        failed: (seq, code, message) => journal.#take({ type: 'failed', seq, code, message }),
        recovered: () => journal.#take({ type: 'recovered' }),
      },
      log: (level, text, fields) => journal.logged.push({ level, text, ...fields }),
      ...options,
    });
    return journal;
  }

  get contents(): Journal['contents'] {
    return this.#opened.contents;
  }

  /** Of the last write. */
  get seq(): number {
    return this.#seq;
  }

  /** Up to which all is on disk. */
  get writtenSeq(): number {
    return this.events.reduce((last, event) => (event.type === 'written' ? event.seq : last), 0);
  }

  /** Slots and the changes that their copies are of. */
  get changes(): Record<number, number> {
    return Object.fromEntries(this.contents.copies.map(({ slot, copy }) => [slot, copy.change]));
  }

  /** Returns its number. */
  write(...writes: JournalWrite[]): number {
    this.#seq++;
    this.#opened.write(this.#seq, writes);
    return this.#seq;
  }

  /** Resolves once these are on disk. */
  async put(...writes: JournalWrite[]): Promise<void> {
    const seq = this.write(...writes);
    await this.until(() => this.writtenSeq >= seq);
  }

  /** Resolves at the event after which it holds. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((tell) => this.#waiting.push({ holds, tell }));
  }

  close(): Promise<void> {
    return this.#opened.close();
  }

  get #opened(): Journal {
    return this.#journal as Journal;
  }

  #take(event: JournalEvent): void {
    this.events.push(event);
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ holds }) => !holds());
    for (const each of waiting) if (!this.#waiting.includes(each)) each.tell();
  }
}

export function directoryFor(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-journal-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** A job in a slot, as of this change; some 400 bytes as it is stored. */
export function copyIn(slot: number, change: number, more: Partial<JobCopy> = {}): JournalWrite {
  const spec = specOf({ id: `${nodeA}-cdefg-${slot.toString(36)}` });
  return { slot, copy: copyOf({ spec, change, args: JSON.stringify('x'.repeat(240)), ...more }) };
}

/** What a file holds is in this one. */
export function fileOf(directory: string): string {
  return join(directory, 'journal', 'data.mdb');
}
