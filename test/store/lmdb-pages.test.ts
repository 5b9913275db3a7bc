import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { open } from 'lmdb';
import t from 'tap';
import { crc32, tableCrc32 } from '../../src/store/crc32.js';
import { emptyFile } from '../../src/store/lmdb-pages.js';
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
