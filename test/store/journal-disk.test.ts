import '../support/own-mounts.js';
import { existsSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { mountMemory, remount, unmount } from '../support/memory-disk.js';
import { copyIn, directoryFor, fileOf, TestJournal } from '../support/test-journal.js';

function diskFor(t: Test, size: string): string {
  const directory = directoryFor(t);
  mountMemory(directory, size);
  t.teardown(() => unmount(directory));
  return directory;
}

/** Takes all room but so many bytes. */
function fillDisk(directory: string, leaving: number): void {
  rmSync(join(directory, 'ballast'), { force: true });
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(join(directory, 'ballast'), Buffer.alloc(Math.max(0, bavail * bsize - leaving)));
}

function freeDisk(directory: string): void {
  rmSync(join(directory, 'ballast'));
}

function failureOf(journal: TestJournal): { seq: number; code: string } | undefined {
  return journal.events.find((event) => event.type === 'failed');
}

t.test(
  'a disk that is full fails what can not be written, and all after it, until there is room',
  async (t) => {
    const directory = diskFor(t, '4m');
    const journal = await TestJournal.open(directory);
    await journal.put(copyIn(0, 1));
    let slot = 0;
    while (failureOf(journal) === undefined) {
      for (let count = 0; count < 200; count++) journal.write(copyIn(++slot, 1));
      const last = journal.seq;
      await journal.until(() => journal.writtenSeq >= last || failureOf(journal) !== undefined);
    }
    const failure = failureOf(journal);
    t.equal(failure?.code, 'ENOSPC');
    t.equal(failure?.seq, journal.writtenSeq + 1, 'the first that is not on disk');
    t.equal(journal.events.at(-1), failure, 'nothing is written after it');
    const writtenSeq = journal.writtenSeq;
    journal.write(copyIn(90_000, 1));

    await t.test('it stays so while there is none, and says it once', async (t) => {
      // Two probes.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      t.equal(journal.events.at(-1), failure);
      t.same(readdirSync(directory), ['journal'], 'and no probe is left over');
    });

    remount(directory, 'size=8m');
    await journal.until(() => journal.events.at(-1)?.type === 'recovered');
    await journal.put(copyIn(90_001, 1));
    await journal.close();
    const again = await TestJournal.open(directory);
    t.same(again.logged, []);
    const slots = again.contents.copies.map((each) => each.slot);
    // A slot has the number of its write, but one. Of the commit that failed a part may be there.
    const known = Array.from({ length: writtenSeq }, (_, index) => index);
    t.same(slots.slice(0, writtenSeq), known);
    t.ok(slots.slice(writtenSeq, -1).every((each) => each <= slot));
    t.equal(slots.at(-1), 90_001);
    await again.close();
  },
);

t.test(
  'however little room is left, nothing that was told is missing, and the process goes on',
  async (t) => {
    const directory = diskFor(t, '2m');
    for (let pages = 0; pages <= 24; pages++) {
      fillDisk(directory, pages * 4_096);
      const journal = await TestJournal.open(directory);
      const known = journal.contents.copies.length;
      for (let slot = 0; slot < 40; slot++) {
        const seq = journal.write(copyIn(slot, pages));
        await journal.until(() => journal.writtenSeq >= seq || failureOf(journal) !== undefined);
      }
      const written = journal.writtenSeq;
      const code = failureOf(journal)?.code ?? 'ENOSPC';
      t.equal(code, 'ENOSPC', `${pages} pages: ${written} were written`);
      await journal.close();
      const again = await TestJournal.open(directory);
      t.same(again.logged, [], 'the file is whole');
      const changes = again.changes;
      t.equal(Object.keys(changes).length, Math.max(known, written));
      t.ok(Array.from({ length: written }, (_, slot) => changes[slot]).every((change) => change === pages));
      await again.close();
      freeDisk(directory);
      if (pages % 75 === 60) rmSync(join(directory, 'journal'), { recursive: true });
    }
  },
);

t.test('a disk that is full when the first job comes takes it later', async (t) => {
  const directory = diskFor(t, '1m');
  fillDisk(directory, 0);
  const journal = await TestJournal.open(directory);
  journal.write(copyIn(1, 1));
  await journal.until(() => failureOf(journal) !== undefined);
  t.match(failureOf(journal), { seq: 1, code: 'ENOSPC' });
  freeDisk(directory);
  await journal.until(() => journal.events.at(-1)?.type === 'recovered');
  await journal.put(copyIn(1, 2));
  await journal.close();
  const again = await TestJournal.open(directory);
  t.same(again.changes, { 1: 2 });
  await again.close();
});

t.test('a write larger than the room fails, and smaller ones are taken soon', async (t) => {
  const directory = diskFor(t, '16m');
  const journal = await TestJournal.open(directory);
  await journal.put(copyIn(1, 1));
  fillDisk(directory, 2 * 1024 * 1024);
  journal.write(copyIn(2, 1, { args: new Uint8Array(3 * 1024 * 1024) }));
  await journal.until(() => failureOf(journal) !== undefined);
  t.match(failureOf(journal), { seq: 2, code: 'ENOSPC' });
  await journal.until(() => journal.events.at(-1)?.type === 'recovered');
  await journal.put(copyIn(2, 2, { args: new Uint8Array(256 * 1024) }));
  freeDisk(directory);
  await journal.put(copyIn(2, 3, { args: new Uint8Array(3 * 1024 * 1024) }));
  await journal.close();
});

t.test(
  'thousands of slots are written anew after a failure, with little more room than they take',
  async (t) => {
    const directory = diskFor(t, '10m');
    const journal = await TestJournal.open(directory);
    const slots = Array.from({ length: 6_000 }, (_, slot) => slot);
    await journal.put(...slots.map((slot) => copyIn(slot, 1)));
    fillDisk(directory, 0);
    for (let slot = 10_000; failureOf(journal) === undefined; slot++) {
      const seq = journal.write(copyIn(slot, 1, { args: new Uint8Array(64 * 1024) }));
      await journal.until(() => journal.writtenSeq >= seq || failureOf(journal) !== undefined);
    }
    t.match(failureOf(journal), { code: 'ENOSPC' });
    freeDisk(directory);
    await journal.until(() => journal.events.at(-1)?.type === 'recovered');
    // Two pages for each slot would be 47 MiB.
    await journal.put(...slots.map((slot) => copyIn(slot, 2)));
    t.ok(statSync(fileOf(directory)).size < 10 * 1024 * 1024);
    await journal.close();
    const again = await TestJournal.open(directory);
    t.same(again.logged, []);
    const { changes } = again;
    t.ok(slots.every((slot) => changes[slot] === 2));
    await again.close();
  },
);

t.test('a write of many slots goes on in smaller parts where there is no room for a large one', async (t) => {
  const directory = diskFor(t, '16m');
  const journal = await TestJournal.open(directory);
  await journal.put(copyIn(0, 1));
  fillDisk(directory, 1536 * 1024);
  // 400 kB, for which at the worst over 3 MB would be needed at once.
  await journal.put(...Array.from({ length: 1_000 }, (_, index) => copyIn(index + 1, 1)));
  t.equal(failureOf(journal), undefined);
  await journal.close();
});

t.test('of a group that is written in part, a job that changes its slot is in one of the two', async (t) => {
  const directory = diskFor(t, '16m');
  const journal = await TestJournal.open(directory);
  await journal.put(copyIn(1, 1));
  fillDisk(directory, 2 * 1024 * 1024);
  // While it is written, the rest gathers.
  journal.write(copyIn(2, 1));
  journal.write(copyIn(1, 2));
  for (let slot = 3; slot <= 60; slot++) journal.write(copyIn(slot, 1, { args: new Uint8Array(60 * 1024) }));
  journal.write({ slot: 61, copy: copyIn(1, 3).copy }, { slot: 1, copy: null });
  await journal.until(() => failureOf(journal) !== undefined);
  t.match(failureOf(journal), { seq: 3, code: 'ENOSPC' });
  await journal.close();
  const again = await TestJournal.open(directory);
  t.ok(again.changes[3], 'a part is there');
  t.ok(again.changes[1] ?? again.changes[61]);
  await again.close();
});

t.test('a disk that is mounted read-only is named, and used once it is no more', async (t) => {
  const directory = diskFor(t, '4m');
  const first = await TestJournal.open(directory);
  await first.put(copyIn(1, 1));
  await first.close();
  remount(directory, 'ro');
  const journal = await TestJournal.open(directory, { instance: 'bbbbb' });
  t.same(journal.changes, { 1: 1 }, 'it is read all the same');
  journal.write(copyIn(2, 1));
  await journal.until(() => failureOf(journal) !== undefined);
  t.match(failureOf(journal), { seq: 1, code: 'EROFS' });
  remount(directory, 'rw');
  await journal.until(() => journal.events.at(-1)?.type === 'recovered');
  await journal.put(copyIn(2, 1));
  await journal.close();
  const again = await TestJournal.open(directory, { instance: 'ccccc' });
  t.same(again.changes, { 1: 1, 2: 1 });
  await again.close();
});

t.test('a broken journal on a full disk is refused, as there is no room to rebuild it', async (t) => {
  const directory = diskFor(t, '32m');
  const journal = await TestJournal.open(directory);
  for (let slot = 0; slot < 2_000; slot++) journal.write(copyIn(slot, 1));
  await journal.close();
  // Pages that hold or held one of its records.
  const bytes = readFileSync(fileOf(directory));
  const record = Buffer.from(`-${(1_000).toString(36)}`);
  for (let at = bytes.indexOf(record); at > 0; at = bytes.indexOf(record, at + 1))
    bytes.fill(0, at & ~4_095, at | 4_095);
  writeFileSync(fileOf(directory), bytes);
  fillDisk(directory, 100_000);
  await t.rejects(TestJournal.open(directory), { code: 'DATA_DIR_FULL' });
  t.notOk(existsSync(join(directory, 'journal.damaged-1')));
  freeDisk(directory);
  const again = await TestJournal.open(directory);
  const { copies, damagedCount } = again.contents;
  t.equal(copies.length + damagedCount, 2_000, `${damagedCount} were lost`);
  t.ok(copies.length > 1_900);
  t.same(readdirSync(directory).sort(), ['journal', 'journal.damaged-1']);
  await again.close();
});

t.test('a close while the disk is full does not wait for room', async (t) => {
  const directory = diskFor(t, '1m');
  fillDisk(directory, 0);
  const journal = await TestJournal.open(directory);
  journal.write(copyIn(1, 1));
  await journal.until(() => failureOf(journal) !== undefined);
  const startedAtMs = performance.now();
  await journal.close();
  t.ok(performance.now() - startedAtMs < 1_000);
});
