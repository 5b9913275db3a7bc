import fc from 'fast-check';
import t from 'tap';
import type { Attempt } from '../../src/scheduler/attempt.js';
import { QueueEntry, TaskGate } from '../../src/scheduler/attempt-queue.js';
import { AttemptSlots } from '../../src/scheduler/attempt-slots.js';
import { LentPlaces } from '../../src/scheduler/lent-places.js';

/** Slots whose attempts do nothing but run until a test ends them. */
function slotsOf(base: number) {
  const places = new LentPlaces();
  const running: Attempt[] = [];
  const waiting: Attempt[] = [];
  const slots = new AttemptSlots(base, places, (attempt) => {
    const beyond = running.length - base;
    if (beyond >= 0 && !places.hasPlaceFor(attempt.entry, beyond)) throw new Error('it has no place');
    waiting.splice(waiting.indexOf(attempt), 1);
    running.push(attempt);
  });
  return {
    places,
    running,
    waiting,
    slots,
    add(priority: number, gate: TaskGate | null = null): void {
      const entry = new QueueEntry(priority, gate);
      const attempt = { entry, release: null } as Attempt;
      entry.attempt = attempt;
      waiting.push(attempt);
      slots.add(attempt);
    },
    end(index: number): void {
      const [attempt] = running.splice(index % running.length, 1);
      if (attempt !== undefined) slots.ended(attempt);
    },
    withdraw(index: number): void {
      const [attempt] = waiting.splice(index % waiting.length, 1);
      if (attempt !== undefined) slots.withdraw(attempt);
    },
    lend(priority: number): void {
      places.lend(priority);
      slots.placesChanged();
    },
    takeBack(priority: number): void {
      places.takeBack(priority);
      slots.placesChanged();
    },
  };
}

/** p-queue frees a slot, and starts another, a few microtasks later. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test(
  'the next of a task starts when the one before it is withdrawn, in a place that was lent for it',
  async (t) => {
    const { add, lend, withdraw, running, waiting } = slotsOf(1);
    const gate = new TaskGate(1);
    add(0);
    lend(0);
    add(0, gate);
    add(5, gate);
    await settled();
    t.equal(running.length, 1, 'the first of the task has no place, the second has to wait for it');
    withdraw(waiting.findIndex(({ entry }) => entry.priority === 0));
    await settled();
    t.same(
      running.map(({ entry }) => entry.priority),
      [0, 5],
    );
  },
);

t.test('a slot goes on with what waits, and with what comes when nothing did', async (t) => {
  const { add, end, slots, running, waiting } = slotsOf(2);
  for (let count = 0; count < 5; count++) add(0);
  t.equal(slots.running, 2);
  for (let left = 5; left > 0; left--) {
    t.equal(slots.running, Math.min(2, left));
    end(0);
  }
  await settled();
  t.equal(running.length + waiting.length, 0);
  add(0);
  add(0);
  add(0);
  await settled();
  t.equal(slots.running, 2, 'both slots are there again');
});

t.test(
  'whatever comes, ends, is withdrawn or lends its place, nothing waits that may start, and nothing runs that may not',
  async () => {
    const step = fc.record({
      name: fc.constantFrom('add', 'add', 'addGated', 'end', 'end', 'withdraw', 'lend', 'takeBack', 'settle'),
      priority: fc.integer({ min: -1, max: 2 }),
      index: fc.nat({ max: 50 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 60 }),
        async (base, steps) => {
          const { add, end, withdraw, lend, takeBack, places, running, waiting, slots } = slotsOf(base);
          const gate = new TaskGate(2);
          const lent: number[] = [];
          for (const { name, priority, index } of steps) {
            if (name === 'add') add(priority);
            if (name === 'addGated') add(priority, gate);
            if (name === 'end' && running.length > 0) end(index);
            if (name === 'withdraw' && waiting.length > 0) withdraw(index);
            if (name === 'lend' && running.length > lent.length) {
              lent.push(priority);
              lend(priority);
            }
            if (name === 'takeBack' && lent.length > 0) takeBack(lent.shift() as number);
            if (name === 'settle') await settled();
            if (slots.running !== running.length) return false;
            if (running.filter(({ entry }) => entry.gate !== null).length > gate.concurrency) return false;
          }
          await settled();
          const beyond = running.length - base;
          const mayStart = (entry: QueueEntry): boolean => beyond < 0 || places.hasPlaceFor(entry, beyond);
          const inLine = waiting.map(({ entry }) => entry).filter(({ gate, heap }) => heap !== gate?.waiting);
          const first = inLine.sort((a, b) => b.priority - a.priority || a.sequence - b.sequence)[0];
          return first === undefined || !mayStart(first);
        },
      ),
      { numRuns: 400 },
    );
  },
);
