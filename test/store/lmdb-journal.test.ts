import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { decodeCopy, encodeCopy } from '../../src/protocol/copy-codec.js';
import { FieldReader } from '../../src/protocol/peer-fields.js';
import { type RecordFormat, recordFormats } from '../../src/store/journal-records.js';
import { joinLineage } from '../../src/store/lmdb-journal.js';
import { copies, withPlainSpecs } from '../protocol/copy-samples.js';
import { nodeB } from '../protocol/peer-samples.js';
import { copyIn, directoryFor, fileOf, TestJournal } from '../support/test-journal.js';

t.test(
  'a journal begins empty, with this process alone, and writes nothing before the first write',
  async (t) => {
    const directory = directoryFor(t);
    const journal = await TestJournal.open(directory);
    t.same(journal.contents, { copies: [], damagedCount: 0, lineage: ['aaaaa'] });
    await journal.close();
    t.same(readdirSync(directory), []);
    t.same(journal.logged, []);
  },
);

t.test('what was written is there at the next start, in every state a job can have', async (t) => {
  const directory = directoryFor(t);
  const journal = await TestJournal.open(directory);
  const writes = Object.values(copies).map((copy, slot) => ({ slot, copy }));
  await journal.put(...writes);
  await journal.close();
  const again = await TestJournal.open(directory, { instance: 'bbbbb' });
  t.strictSame(withPlainSpecs(again.contents), {
    copies: writes,
    damagedCount: 0,
    lineage: ['aaaaa', 'bbbbb'],
  });
  await again.close();
});

t.test('a slot holds its last state, and nothing once it is given up', async (t) => {
  const directory = directoryFor(t);
  const journal = await TestJournal.open(directory);
  await journal.put(copyIn(1, 1), copyIn(2, 1), copyIn(3, 1));
  await journal.put(copyIn(1, 2), { slot: 2, copy: null }, { slot: 9, copy: null });
  await journal.put(copyIn(4, 1), copyIn(4, 2));
  await journal.close();
  const again = await TestJournal.open(directory);
  t.same(again.changes, { 1: 2, 3: 1, 4: 2 });
  await again.close();
});

t.test('slots may be as high as numbers are exact', async (t) => {
  const directory = directoryFor(t);
  const slots = [0, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER];
  const journal = await TestJournal.open(directory);
  await journal.put(...slots.map((slot) => copyIn(slot, 1)));
  await journal.close();
  const again = await TestJournal.open(directory);
  t.same(
    again.contents.copies.map(({ slot }) => slot),
    slots,
  );
  await again.close();
});

t.test('the largest arguments that a job can have fit', async (t) => {
  const directory = directoryFor(t);
  const journal = await TestJournal.open(directory);
  const text = copyIn(1, 1, { args: '€'.repeat(limits.bodyBytesMax) });
  const bytes = copyIn(2, 1, {
    args: new Uint8Array(limits.bodyBytesMax).fill(5),
    result: 'x'.repeat(5_000),
  });
  await journal.put(text, bytes, copyIn(3, 1));
  await journal.close();
  const again = await TestJournal.open(directory);
  t.equal(again.contents.copies.length, 3);
  t.ok(again.contents.copies[0]?.copy.args === text.copy?.args);
  t.ok(Buffer.from(bytes.copy?.args as Uint8Array).equals(again.contents.copies[1]?.copy.args as Uint8Array));
  await again.close();
});

t.test(
  'writes that come while a commit is under way go into the next one, and are told in their order',
  async (t) => {
    const directory = directoryFor(t);
    const journal = await TestJournal.open(directory);
    for (let slot = 1; slot <= 1_000; slot++) journal.write(copyIn(slot, slot));
    await journal.until(() => journal.writtenSeq === 1_000);
    t.same(
      journal.events.map((event) => (event.type === 'written' ? event.seq : event)),
      [1, 1_000],
      'the first began a commit at once, and the others waited for its end',
    );
    await journal.close();
    const again = await TestJournal.open(directory);
    t.equal(again.contents.copies.length, 1_000);
    await again.close();
  },
);

t.test('a write of nothing is told too, in its turn', async (t) => {
  const journal = await TestJournal.open(directoryFor(t));
  journal.write(copyIn(1, 1));
  await journal.put();
  t.equal(journal.writtenSeq, 2);
  await journal.close();
});

t.test('a close waits for what has been written, and what comes later is left', async (t) => {
  const directory = directoryFor(t);
  const journal = await TestJournal.open(directory);
  for (let slot = 1; slot <= 3_000; slot++) journal.write(copyIn(slot, 1));
  const closed = journal.close();
  journal.write(copyIn(30_000, 1));
  await closed;
  await journal.close();
  t.equal(journal.writtenSeq, 3_000);
  const again = await TestJournal.open(directory);
  t.equal(again.contents.copies.length, 3_000);
  await again.close();
});

t.test('the last 64 processes are remembered', async (t) => {
  const directory = directoryFor(t);
  for (const instance of ['aaaaa', 'bbbbb', 'ccccc']) {
    const journal = await TestJournal.open(directory, { instance });
    await journal.put();
    await journal.close();
  }
  const journal = await TestJournal.open(directory, { instance: 'ddddd' });
  t.same(journal.contents.lineage, ['aaaaa', 'bbbbb', 'ccccc', 'ddddd']);
  await journal.close();
  const known = Array.from({ length: 64 }, (_, index) => `aaa${index.toString(32).padStart(2, '0')}`);
  t.same(joinLineage(known.slice(1), 'ddddd'), [...known.slice(1), 'ddddd']);
  t.same(joinLineage(known, 'ddddd'), [...known.slice(1), 'ddddd']);
});

t.test('a hundred thousand records are written and read in seconds', async (t) => {
  const directory = directoryFor(t);
  const journal = await TestJournal.open(directory);
  const startedAtMs = performance.now();
  for (let slot = 0; slot < 100_000; slot++) journal.write(copyIn(slot, slot % 7));
  await journal.until(() => journal.writtenSeq === 100_000);
  await journal.close();
  const writtenAtMs = performance.now();
  const again = await TestJournal.open(directory);
  const readAtMs = performance.now();
  t.equal(again.contents.copies.length, 100_000);
  t.ok(again.contents.copies.every(({ slot, copy }) => copy.change === slot % 7));
  t.comment(`written in ${writtenAtMs - startedAtMs} ms, read in ${readAtMs - writtenAtMs} ms`);
  t.ok(readAtMs - writtenAtMs < 5_000, 'a node has five seconds to be ready');
  await again.close();
});

t.test('slots that are used over and over do not make the file grow', async (t) => {
  const directory = directoryFor(t);
  const journal = await TestJournal.open(directory);
  const fill = (change: number): Promise<void> =>
    journal.put(...Array.from({ length: 500 }, (_, slot) => copyIn(slot, change)));
  for (let change = 0; change < 10; change++) await fill(change);
  const early = statSync(fileOf(directory)).size;
  // Over 16,384 changes, the file is closed and opened in between.
  for (let change = 10; change < 60; change++) {
    await fill(change);
    if (change % 7 === 0)
      await journal.put(...Array.from({ length: 500 }, (_, slot) => ({ slot, copy: null })));
  }
  t.ok(
    statSync(fileOf(directory)).size <= early * 1.5,
    `${early} to ${statSync(fileOf(directory)).size} bytes`,
  );
  await journal.close();
  const again = await TestJournal.open(directory);
  t.same(again.logged, [], 'and it is whole');
  t.equal(again.contents.copies.length, 500);
  await again.close();
});

t.test('the journal of another node is refused, and left as it is', async (t) => {
  const directory = directoryFor(t);
  const journal = await TestJournal.open(directory);
  await journal.put(copyIn(1, 1));
  await journal.close();
  await t.rejects(TestJournal.open(directory, { node: nodeB }), {
    code: 'JOURNAL_FOREIGN',
    message: /is the journal of node 0123456789ab, and this is node ba9876543210: put identity\.json/,
  });
  const again = await TestJournal.open(directory);
  t.same(again.changes, { 1: 1 });
  await again.close();
});

/** A format as a former version may have had: something else in the place of the field that came last. */
const older: RecordFormat = {
  version: 0,
  encode: (copy) => [...encodeCopy(copy).slice(0, -1), 'old'],
  decode: (values) => decodeCopy(new FieldReader([...values.slice(0, -1), []], 'old record', 0)),
};
const newer: RecordFormat = { ...(recordFormats[0] as RecordFormat), version: 2 };

t.test(
  'records of an older format are read as what they are now, and written as such when they change',
  async (t) => {
    const directory = directoryFor(t);
    const journal = await TestJournal.open(directory, { formats: [older] });
    await journal.put(copyIn(1, 1), copyIn(2, 1));
    await journal.close();
    const upgraded = await TestJournal.open(directory, { formats: [older, ...recordFormats] });
    t.strictSame(withPlainSpecs(upgraded.contents.copies), [copyIn(1, 1), copyIn(2, 1)]);
    const changed = copyIn(2, 2, { error: { name: 'E', message: 'm' } });
    await upgraded.put(changed);
    await upgraded.close();
    const again = await TestJournal.open(directory, { formats: [older, ...recordFormats] });
    t.strictSame(withPlainSpecs(again.contents), {
      copies: [copyIn(1, 1), changed],
      damagedCount: 0,
      lineage: ['aaaaa', 'aaaaa', 'aaaaa'],
    });
    await again.close();
  },
);

t.test('a journal with a record of a newer format is refused, and left as it is', async (t) => {
  const directory = directoryFor(t);
  const formats = [...recordFormats, newer];
  const journal = await TestJournal.open(directory, { formats });
  await journal.put(copyIn(1, 1));
  await journal.close();
  await t.rejects(TestJournal.open(directory), {
    code: 'JOURNAL_NEWER',
    message:
      /written by a newer Rondo, in format 2, and this one knows formats up to 1: start the newer one again/,
  });
  const again = await TestJournal.open(directory, { formats });
  t.same(again.changes, { 1: 1 });
  t.notOk(existsSync(join(directory, 'journal.damaged-1')));
  await again.close();
});

t.test('the files are for the user of the node alone', async (t) => {
  const directory = directoryFor(t);
  const journal = await TestJournal.open(directory);
  await journal.put(copyIn(1, 1));
  await journal.close();
  t.equal(statSync(join(directory, 'journal')).mode & 0o777, 0o700);
  for (const name of readdirSync(join(directory, 'journal'))) {
    t.equal(statSync(join(directory, 'journal', name)).mode & 0o777, 0o600, name);
  }
});

t.test('many slots are written in groups, and their file is of the size of what it holds', async (t) => {
  const directory = directoryFor(t);
  const journal = await TestJournal.open(directory);
  const slots = Array.from({ length: 10_000 }, (_, slot) => slot);
  for (let change = 1; change <= 3; change++) {
    for (let start = 0; start < slots.length; start += 256)
      journal.write(...slots.slice(start, start + 256).map((slot) => copyIn(slot, change)));
    const last = journal.seq;
    await journal.until(() => journal.writtenSeq >= last);
    // All at once it took 39 MiB.
    const { size } = statSync(fileOf(directory));
    t.ok(size < 24 * 1024 * 1024, `${size} bytes`);
  }
  await journal.close();
});
