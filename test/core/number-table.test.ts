import fc from 'fast-check';
import t from 'tap';
import { NumberTable } from '../../src/core/number-table.js';

t.test('a table of rising numbers holds what a map would, for any sequence of operations', async () => {
  const operation = fc.record({
    name: fc.constantFrom('add', 'add', 'add', 'delete', 'replace', 'get'),
    step: fc.constantFrom(1, 1, 1, 2, 8, 4_096, 100_000),
    which: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const table = new NumberTable<string>();
      const model = new Map<number, string>();
      let last = 0;
      for (const { name, step, which } of operations) {
        const keys = [...model.keys()];
        const key = keys[which % Math.max(1, keys.length)] ?? which % 50;
        if (name === 'add') {
          last += step;
          table.set(last, `v${last}`);
          model.set(last, `v${last}`);
        }
        if (name === 'replace' && model.has(key)) {
          table.set(key, `w${which}`);
          model.set(key, `w${which}`);
        }
        if (name === 'delete' && table.delete(key) !== model.delete(key)) return false;
        if (table.get(key) !== model.get(key) || table.has(key) !== model.has(key)) return false;
        if (table.size !== model.size) return false;
      }
      return (
        table.keys().join() === [...model.keys()].join() &&
        table.values().join() === [...model.values()].join()
      );
    }),
    { numRuns: 500 },
  );
});

t.test('one that stays needs no room for those that come and go beside it', async (t) => {
  const table = new NumberTable<string>();
  table.set(1, 'stays');
  for (let key = 2; key <= 10_000; key += 3) {
    table.set(key, 'goes');
    table.delete(key);
  }
  const { keyAt } = table as unknown as { keyAt: number[] };
  t.equal(keyAt.length, 8);
  t.equal(table.get(1), 'stays');
});

t.test('a few that stay for ever cost those that come and go no more than a place', async (t) => {
  const table = new NumberTable<number>();
  for (let key = 1; key <= 300_000; key++) {
    table.set(key, key);
    if (key % 100_000 !== 0 && key > 100) table.delete(key - 100);
  }
  const { keyAt, older } = table as unknown as { keyAt: number[]; older: Map<number, number> };
  t.ok(keyAt.length <= 4_096);
  t.ok(older.size <= 10, `${older.size} in the map`);
  t.equal(table.get(299_950), 299_950);
  table.clear();
  t.equal(table.size, 0);
  t.same(table.keys(), []);
});
