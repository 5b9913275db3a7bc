import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { open } from 'lmdb';
import t from 'tap';
import { crc32, tableCrc32 } from '../../src/store/crc32.js';
import { newestMeta } from '../../src/store/lmdb-metas.js';
import { emptyFile, type Meta, pagesFor } from '../../src/store/lmdb-pages.js';
import { scanLmdbFile } from '../../src/store/lmdb-scan.js';
import { directoryFor } from '../support/test-journal.js';

const options = {
  noSubdir: false,
  encoding: 'binary',
  keyEncoding: 'binary',
  overlappingSync: false,
  eventTurnBatching: false,
  pageSize: 4_096,
} as const;

t.test('a file is begun as LMDB begins one', async (t) => {
  const path = directoryFor(t);
  await open({ ...options, path }).close();
  t.ok(readFileSync(join(path, 'data.mdb')).equals(emptyFile()));
});

t.test('a file is read as LMDB has written it, whatever was written', async (t) => {
  const path = directoryFor(t);
  const file = join(path, 'data.mdb');
  const entries = new Map<number, number>();
  // Keys and lengths of values, over which trees grow and shrink and values move to pages of their own and back.
  const change = fc.tuple(
    fc.nat(600),
    fc.option(fc.oneof(fc.nat(700), fc.nat(20_000)), { nil: null, freq: 3 }),
  );
  const commits = fc.sample(fc.array(change, { minLength: 1, maxLength: 400 }), { numRuns: 60, seed: 7 });
  for (const [index, changes] of commits.entries()) {
    const database = open<Buffer, Buffer>({ ...options, path });
    database.transactionSync(() => {
      for (const [key, length] of changes) {
        const bytes = Buffer.alloc(8, key & 255);
        bytes.writeUInt32BE(key);
        if (length === null) void database.remove(bytes);
        else void database.put(bytes, Buffer.alloc(length, length & 255));
        length === null ? entries.delete(key) : entries.set(key, length);
      }
    });
    // Now and then several commits in one opening, as the journal does it.
    if (index % 3 > 0)
      database.transactionSync(() => void database.put(Buffer.from([1]), Buffer.alloc(index)));
    await database.close();
    const found = new Map<number, number>();
    const scan = scanLmdbFile(file, (key, value) => {
      if (key.length === 8 && value.every((byte) => byte === (value.length & 255))) {
        found.set(key.readUInt32BE(), value.length);
      }
    });
    t.same(scan, { type: 'scanned', fault: null, entriesLost: 0 });
    t.same([...found].sort(), [...entries].sort());
  }
});

t.test('a checksum is that of zlib, with it and without', (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (one, other) => {
      const whole = zlibCrc32(Buffer.concat([one, other]));
      t.equal(crc32(other, crc32(one)), whole);
      t.equal(tableCrc32(other, tableCrc32(one)), whole);
    }),
  );
  t.end();
});

t.test('a commit makes no more pages than were counted before it, whatever it writes', async (t) => {
  const value = fc.oneof(
    fc.nat(100),
    fc.integer({ min: 380, max: 460 }),
    fc.integer({ min: 1_000, max: 2_100 }),
    fc.nat(20_000),
  );
  const change = fc.tuple(fc.nat(5_000), fc.option(value, { nil: null, freq: 4 }));
  const manyOfOneKind = fc.tuple(fc.nat(5_000), fc.integer({ min: 1, max: 700 }), value);
  const commits = fc.oneof(
    fc.array(change, { minLength: 1, maxLength: 700 }),
    manyOfOneKind.map(([first, count, length]) =>
      Array.from({ length: count }, (_, index): [number, number] => [first + index, length]),
    ),
  );
  const path = directoryFor(t);
  const metaOf = (): Meta => {
    const file = openSync(join(path, 'data.mdb'), 'r');
    try {
      return newestMeta(file);
    } finally {
      closeSync(file);
    }
  };
  const database = open<Buffer, Buffer>({ ...options, path });
  // While somebody reads the first state, no page becomes free: all that is written is new.
  const reader = database.useReadTransaction();
  for (const changes of fc.sample(commits, { numRuns: 120, seed: 11 })) {
    const before = metaOf();
    const packed = [...new Map(changes)].map(([number, length]) => {
      const key = Buffer.alloc(8);
      key.writeUInt32BE(number);
      return { key, value: length === null ? null : Buffer.alloc(length) };
    });
    database.transactionSync(() => {
      for (const { key, value } of packed)
        void (value === null ? database.remove(key) : database.put(key, value));
    });
    const { main, free } = before;
    const counted =
      pagesFor(packed, main.leafPages) +
      main.branchPages +
      3 * (free.branchPages + free.leafPages + free.overflowPages);
    const made = metaOf().lastPage - before.lastPage;
    t.ok(made <= counted, `${made} of ${counted} pages for ${packed.length} changes`);
  }
  reader.done();
  await database.close();
});
