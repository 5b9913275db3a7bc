import fc from 'fast-check';
import t from 'tap';
import { Deadlines } from '../../src/core/deadlines.js';
import { Fifo } from '../../src/core/fifo.js';
import { createRandom, hashText } from '../../src/core/random.js';
import { rendezvousFirst, rendezvousOrder } from '../../src/core/routing/rendezvous.js';

t.test('a Fifo gives what a plain array would, for any sequence of operations', async () => {
  const operation = fc.constantFrom('push', 'pushFront', 'shift', 'retain');
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 3_000 }), (operations) => {
      const fifo = new Fifo<number>();
      let model: number[] = [];
      operations.forEach((name, value) => {
        if (name === 'push') fifo.push(value);
        if (name === 'push') model.push(value);
        if (name === 'pushFront') fifo.pushFront(value);
        if (name === 'pushFront') model.unshift(value);
        if (name === 'shift' && fifo.shift() !== model.shift()) throw new Error('shift differs');
        if (name === 'retain') fifo.retain((item) => item % 3 !== 0);
        if (name === 'retain') model = model.filter((item) => item % 3 !== 0);
      });
      return fifo.length === model.length && fifo.peek() === model[0] && [...fifo].join() === model.join();
    }),
  );
});

t.test('a Fifo gives its memory back as it drains', async (t) => {
  const fifo = new Fifo<number>();
  for (let value = 0; value < 100_000; value++) fifo.push(value);
  for (let value = 0; value < 99_000; value++) if (fifo.shift() !== value) t.fail(`out of order at ${value}`);
  t.ok((fifo as unknown as { ring: unknown[] }).ring.length <= 4_096);
});

t.test('deadlines come out in order of time, and cancelled ones never', async () => {
  const entry = fc.record({ atMs: fc.integer({ min: 0, max: 1_000 }), cancelled: fc.boolean() });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 500 }), fc.integer({ min: 0, max: 1_000 }), (entries, nowMs) => {
      const deadlines = new Deadlines<number>();
      const added = entries.map(({ atMs }) => deadlines.add(atMs, atMs));
      entries.forEach(({ cancelled }, index) => {
        const deadline = added[index];
        if (cancelled && deadline !== undefined) deadlines.cancel(deadline);
      });
      const kept = entries.filter(({ cancelled }) => !cancelled).map(({ atMs }) => atMs);
      const due: number[] = [];
      for (let next = deadlines.takeDue(nowMs); next !== undefined; next = deadlines.takeDue(nowMs))
        due.push(next);
      const expected = kept.filter((atMs) => atMs <= nowMs).sort((a, b) => a - b);
      return due.join() === expected.join() && deadlines.size === kept.length - expected.length;
    }),
  );
});

t.test('a million cancelled deadlines take no memory', async (t) => {
  const deadlines = new Deadlines<number>();
  for (let index = 0; index < 1_000_000; index++) deadlines.cancel(deadlines.add(index, index));
  t.ok((deadlines as unknown as { heap: unknown[] }).heap.length <= 2_100);
  t.equal(deadlines.nextMs(), Number.POSITIVE_INFINITY);
});

t.test('a deadline that was taken is not counted when it is cancelled later', async (t) => {
  const deadlines = new Deadlines<string>();
  const first = deadlines.add(1, 'first');
  deadlines.add(2, 'second');
  t.equal(deadlines.takeDue(1), 'first');
  deadlines.cancel(first);
  t.equal(deadlines.size, 1);
});

t.test(
  'the same seed gives the same numbers, and a fork does not depend on how far its parent went',
  async (t) => {
    const numbers = (seed: string): number[] => Array.from({ length: 5 }, createRandom(seed).next);
    t.same(numbers('x'), numbers('x'));
    t.notSame(numbers('x'), numbers('y'));
    const parent = createRandom('x');
    const early = parent.fork('links').next();
    parent.next();
    t.equal(parent.fork('links').next(), early);
  },
);

t.test('random numbers spread evenly', async (t) => {
  const random = createRandom('spread');
  const buckets = new Array<number>(16).fill(0);
  for (let index = 0; index < 160_000; index++)
    buckets[random.below(16)] = (buckets[random.below(16)] ?? 0) + 1;
  for (const count of buckets) t.ok(count > 5_000, `${count}`);
});

t.test('a node that goes moves only the keys it had', async (t) => {
  const nodes = ['a', 'b', 'c', 'd', 'e'];
  for (let index = 0; index < 500; index++) {
    const key = `job-${index}`;
    const [first, second] = rendezvousOrder(key, nodes);
    t.equal(rendezvousFirst(key, nodes), first);
    const without = nodes.filter((node) => node !== first);
    t.equal(rendezvousFirst(key, without), second);
  }
});

t.test('keys spread evenly over nodes', async (t) => {
  const nodes = Array.from({ length: 8 }, (_, index) =>
    hashText(`node ${index}`).toString(32).padStart(12, '0'),
  );
  const counts = new Map<string, number>();
  for (let index = 0; index < 16_000; index++) {
    const node = rendezvousFirst(`key-${index}`, nodes) as string;
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  for (const count of counts.values()) t.ok(count > 1_800 && count < 2_200, `${count} of 2,000`);
});

t.test('a deadline that is over keeps nothing of what it was for', async (t) => {
  const deadlines = new Deadlines<string>();
  const [cancelled, taken] = [deadlines.add(1, 'cancelled'), deadlines.add(2, 'taken')];
  deadlines.cancel(cancelled);
  t.equal(deadlines.takeDue(5), 'taken');
  t.same([cancelled.subject, taken.subject], [null, null]);
});
