import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readJournal } from '../../src/store/journal-reader.js';
import { recordFormats } from '../../src/store/journal-records.js';
import { mendLmdbFile } from '../../src/store/lmdb-metas.js';
import { nodeA } from '../protocol/peer-samples.js';
import { copyIn, directoryFor, fileOf, TestJournal } from '../support/test-journal.js';

/** Slots and the changes that their copies were of. */
type Changes = Readonly<Record<number, number>>;

interface History {
  readonly directory: string;
  /** At the end, and before the last commit. */
  readonly changes: Changes;
  readonly before: Changes;
}

/** A journal whose records were rewritten and given up, large ones and small ones. */
async function journalWithHistory(t: Test): Promise<History> {
  const directory = directoryFor(t);
  const changes: Record<number, number> = {};
  let before: Changes = {};
  const journal = await TestJournal.open(directory);
  for (let change = 1; change <= 30; change++) {
    before = { ...changes };
    const slots = new Set(Array.from({ length: 20 }, (_, index) => (change * 67 + index * 31) % 160));
    const writes = [...slots].map((slot) => {
      if ((slot + change) % 5 === 0) {
        delete changes[slot];
        return { slot, copy: null };
      }
      changes[slot] = change;
      return copyIn(slot, change, slot % 50 === 7 ? { args: JSON.stringify('y'.repeat(9_000)) } : {});
    });
    await journal.put(...writes);
  }
  await journal.close();
  return { directory, changes, before };
}

/** Opens it as the next process would, and closes it. */
async function reopen(directory: string): Promise<TestJournal> {
  const journal = await TestJournal.open(directory, { instance: 'bbbbb' });
  await journal.close();
  return journal;
}

/** Where the way to the last commit is lost, all is as the one before has left it; which is damage then. */
function areAsTheyWere(found: Changes, { changes, before }: History, isDamaged: boolean): boolean {
  const areIn = (history: Changes): boolean =>
    Object.entries(found).every(([slot, change]) => history[Number(slot)] === change);
  return areIn(changes) || (isDamaged && areIn(before));
}

/** What is there is as it was, and what isn't has been counted. */
function checkHonest(t: Test, journal: TestJournal, history: History, name: string): void {
  const { changes } = history;
  const { copies, damagedCount, lineage } = journal.contents;
  t.ok(
    areAsTheyWere(journal.changes, history, damagedCount > 0),
    `${name}: no record is another than it was`,
  );
  const missing = Object.keys(changes).length - copies.length;
  if (damagedCount === 0) {
    t.equal(missing, 0, `${name}: nothing is missing unseen`);
    t.same(lineage, ['aaaaa', 'bbbbb'], name);
    t.same(journal.logged, [], name);
  } else {
    // Where no tree is left, nobody knows how many there were.
    t.ok(
      damagedCount >= missing || copies.length === 0,
      `${name}: ${missing} are missing, ${damagedCount} counted`,
    );
    t.same(lineage, ['bbbbb'], `${name}: it knows no more what its former processes did`);
    t.match(journal.logged, [{ level: 'error', damaged: damagedCount, intact: copies.length }], name);
  }
}

/** Twice is not at all. */
function flip(directory: string, at: number, bit: number): void {
  const file = openSync(fileOf(directory), 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] as number) ^ (1 << bit);
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

t.test('a file that was cut anywhere gives what is left of it', async (t) => {
  const history = await journalWithHistory(t);
  const { directory } = history;
  const { length } = readFileSync(fileOf(directory));
  const lengths = [
    1,
    100,
    4_095,
    4_096,
    5_000,
    8_192,
    20_000,
    length >> 2,
    length >> 1,
    length - 4_097,
    length - 1,
  ];
  for (const cut of lengths) {
    const copy = directoryFor(t);
    cpSync(directory, copy, { recursive: true });
    truncateSync(fileOf(copy), cut);
    const journal = await reopen(copy);
    checkHonest(t, journal, history, `${cut} of ${length} bytes`);
    // Its last pages may be free ones.
    t.equal(
      existsSync(join(copy, 'journal.damaged-1')),
      journal.contents.damagedCount > 0,
      'it is kept as it was',
    );
    const next = await TestJournal.open(copy, { instance: 'ccccc' });
    t.same(next.changes, journal.changes, 'what could be read is in a new journal');
    t.same(next.contents.lineage, [journal.contents.damagedCount > 0 ? 'bbbbb' : 'aaaaa', 'ccccc']);
    await next.put(copyIn(1, 99));
    await next.close();
  }
});

t.test('a file that was emptied is set aside, and said to be damaged', async (t) => {
  const { directory } = await journalWithHistory(t);
  truncateSync(fileOf(directory), 0);
  const journal = await TestJournal.open(directory);
  t.same(journal.contents, { copies: [], damagedCount: 1, lineage: ['aaaaa'] });
  await journal.put(copyIn(1, 1));
  await journal.close();
});

t.test('a file of zeros, or of something else, is set aside and begun anew', async (t) => {
  const { directory } = await journalWithHistory(t);
  const contents = {
    zeros: Buffer.alloc(65_536),
    text: Buffer.from('this is no journal\n'.repeat(5_000)),
    noise: Buffer.from(
      Array.from({ length: 65_536 }, (_, index) => (index * index * 31 + (index >> 3)) & 255),
    ),
  };
  let number = 0;
  for (const [name, bytes] of Object.entries(contents)) {
    writeFileSync(fileOf(directory), bytes);
    const journal = await TestJournal.open(directory, { instance: 'bbbbb' });
    t.same(journal.contents, { copies: [], damagedCount: 1, lineage: ['bbbbb'] }, name);
    number++;
    t.match(journal.logged, [{ level: 'error', keptAs: join(directory, `journal.damaged-${number}`) }], name);
    t.ok(readFileSync(join(directory, `journal.damaged-${number}`, 'data.mdb')).equals(bytes), name);
    await journal.put(copyIn(1, 1));
    await journal.close();
  }
});

t.test('of any flipped bit, each record is as it was or counted as damaged', async (t) => {
  const history = await journalWithHistory(t);
  const { directory, changes } = history;
  const { length } = readFileSync(fileOf(directory));
  let wholeCount = 0;
  let damagedCount = 0;
  const wrong: string[] = [];
  const tryFlip = (at: number, bit: number): void => {
    flip(directory, at, bit);
    const found = readJournal(join(directory, 'journal'), nodeA, recordFormats);
    flip(directory, at, bit);
    const isDamaged = found.fault !== null || found.damagedCount > 0;
    isDamaged ? damagedCount++ : wholeCount++;
    if (found.copies.some((each) => changes[each.slot] !== each.copy.change))
      wrong.push(`${at}.${bit}: wrong`);
    const missing = Object.keys(changes).length - found.copies.length;
    if (missing > found.damagedCount)
      wrong.push(`${at}.${bit}: ${missing} missing, ${found.damagedCount} counted`);
  };
  // What the two meta pages hold; the headers of all pages; then places spread over the file.
  for (let at = 0; at < 200; at++)
    for (const page of [0, 4_096]) for (const bit of [0, 1, 4]) tryFlip(page + at, bit);
  for (let page = 8_192; page < length; page += 4_096) {
    for (const at of [0, 8, 18, 20, 22, 24]) tryFlip(page + at, (page >> 12) & 7);
  }
  for (let index = 0; index < 800; index++) tryFlip((index * 7_919 * 13) % length, index & 7);
  t.same(wrong, []);
  t.ok(damagedCount > 300, `${damagedCount} were seen`);
  t.ok(wholeCount > 300, `${wholeCount} were nowhere in use`);
});

t.test('a journal with a flipped bit is opened, written to and opened again', async (t) => {
  const history = await journalWithHistory(t);
  const { directory } = history;
  const { length } = readFileSync(fileOf(directory));
  for (let index = 0; index < 24; index++) {
    const copy = directoryFor(t);
    cpSync(directory, copy, { recursive: true });
    const at = index < 6 ? (index & 1) * 4_096 + 24 + index * 23 : (index * 104_729 + 4_096 * 2) % length;
    flip(copy, at, index & 7);
    const journal = await TestJournal.open(copy, { instance: 'bbbbb' });
    checkHonest(t, journal, history, `bit ${index & 7} of byte ${at}`);
    // Slots of what was damaged are in use again.
    const slots = Array.from({ length: 160 }, (_, slot) => slot);
    await journal.put(...slots.map((slot) => copyIn(slot, 77)));
    await journal.close();
    const next = await TestJournal.open(copy, { instance: 'ccccc' });
    t.same(next.logged, []);
    t.same(next.changes, Object.fromEntries(slots.map((slot) => [slot, 77])));
    await next.close();
  }
});

t.test('a damaged record is gone with the first commit, and its slot is free', async (t) => {
  const { directory, changes } = await journalWithHistory(t);
  const journal = await TestJournal.open(directory);
  await journal.put(copyIn(500, 1, { args: JSON.stringify('marked'.repeat(1_000)) }));
  await journal.close();
  flip(directory, readFileSync(fileOf(directory)).indexOf('marked'.repeat(500)) + 2_000, 3);
  const damaged = await TestJournal.open(directory, { instance: 'bbbbb' });
  t.equal(damaged.contents.damagedCount, 1);
  t.match(damaged.logged, [{ level: 'error', damaged: 1, intact: Object.keys(changes).length }]);
  t.notOk(existsSync(join(directory, 'journal.damaged-1')), 'the file itself is whole');
  await damaged.put(copyIn(501, 5));
  await damaged.close();
  const again = await TestJournal.open(directory, { instance: 'ccccc' });
  t.same(again.contents.damagedCount, 0);
  t.same(again.logged, []);
  t.same(again.contents.lineage, ['bbbbb', 'ccccc']);
  t.same(again.changes, { ...changes, 501: 5 });
  await again.close();
});

t.test('a journal that has lost its header keeps its records', async (t) => {
  const { directory, changes } = await journalWithHistory(t);
  const bytes = readFileSync(fileOf(directory));
  // Pages of former transactions have it too.
  for (let at = bytes.indexOf('header'); at > 0; at = bytes.indexOf('header', at + 1))
    flip(directory, at + 8, 0);
  const journal = await reopen(directory);
  t.same(journal.contents.damagedCount, 1);
  t.same(journal.contents.lineage, ['bbbbb']);
  t.same(journal.changes, changes);
});

t.test('a start that died while it rebuilt a journal is made up for by the next', async (t) => {
  const { directory, changes } = await journalWithHistory(t);
  // It had written the new one, and moved the old one away.
  renameSync(join(directory, 'journal'), join(directory, 'journal.rebuilt'));
  t.same((await reopen(directory)).changes, changes);
  // It had only begun.
  cpSync(join(directory, 'journal'), join(directory, 'journal.rebuilt'), { recursive: true });
  truncateSync(join(directory, 'journal.rebuilt', 'data.mdb'), 5_000);
  t.same((await reopen(directory)).changes, changes);
  t.same(readdirSync(directory), ['journal']);
});

t.test('a file of another format of LMDB is refused, and left as it is', async (t) => {
  const { directory } = await journalWithHistory(t);
  const bytes = readFileSync(fileOf(directory));
  for (const page of [0, 4_096]) bytes.writeUInt32LE(1, page + 28);
  writeFileSync(fileOf(directory), bytes);
  await t.rejects(TestJournal.open(directory), {
    code: 'JOURNAL_UNSUPPORTED',
    message: /another version of LMDB, in its format 1/,
  });
  t.ok(readFileSync(fileOf(directory)).equals(bytes));
});

t.test('what a commit has left that failed at its meta page is undone, by whoever knows of it', async (t) => {
  const { directory, before } = await journalWithHistory(t);
  const bytes = readFileSync(fileOf(directory));
  const transactionOf = (page: number): number => Number(bytes.readBigUInt64LE(page + 152));
  const later = transactionOf(0) > transactionOf(4_096) ? 0 : 4_096;
  // As LMDB does it: the old number, and the rest as it was to be.
  bytes.writeBigUInt64LE(BigInt(transactionOf(later) - 2), later + 152);
  writeFileSync(fileOf(directory), bytes);
  mendLmdbFile(fileOf(directory));
  const journal = await TestJournal.open(directory, { instance: 'bbbbb' });
  t.same(journal.logged, []);
  t.same(journal.changes, before);
  await journal.put(copyIn(1, 99));
  await journal.close();
  t.same((await reopen(directory)).changes, { ...before, 1: 99 });
});

t.test('a file that is whole is not mended', async (t) => {
  const { directory } = await journalWithHistory(t);
  const bytes = readFileSync(fileOf(directory));
  mendLmdbFile(fileOf(directory));
  t.ok(readFileSync(fileOf(directory)).equals(bytes));
});
