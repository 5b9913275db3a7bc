import t from 'tap';
import { limits } from '../../../src/core/limits.js';
import { createRandom } from '../../../src/core/random.js';
import { KeptMessages } from '../../../src/core/topics/kept-messages.js';
import { lastOf, type Numbered, type Recalled, withLive } from '../../../src/core/topics/replay-order.js';
import type { KeptMessage } from '../../../src/core/topics/topic-messages.js';

function keep(kept: KeptMessages, topic: string, number: number, payload = '1'): void {
  kept.add({ topic, number, wallMs: number, payload });
}

function last(kept: KeptMessages, names: readonly string[], count: number): readonly KeptMessage[] {
  const search = kept.search(names, count, Number.MAX_SAFE_INTEGER);
  while (!search.isOver) search.run(10);
  return search.found;
}

function numbersOf(messages: readonly { readonly number: number }[]): number[] {
  return messages.map(({ number }) => number).sort((a, b) => a - b);
}

t.test('the last hundred messages of a topic are kept, and as many given as are wanted', async (t) => {
  const kept = new KeptMessages();
  for (let number = 1; number <= 250; number++) keep(kept, number % 2 === 0 ? 'even' : 'odd.1', number);
  t.equal(last(kept, ['even'], 100).length, 100);
  t.strictSame(numbersOf(last(kept, ['even'], 3)), [246, 248, 250]);
  t.strictSame(numbersOf(last(kept, ['odd.*', 'nothing', 'odd.1'], 2)), [247, 249]);
  t.strictSame(numbersOf(last(kept, ['*'], 1)), [249, 250]);
  t.strictSame(last(kept, ['od'], 1), []);
});

t.test('all topics together take 16 MiB, and those published to longest ago go first', async (t) => {
  const kept = new KeptMessages();
  const payload = 'x'.repeat(100_000);
  for (let number = 1; number <= 500; number++) {
    keep(kept, `room.${number}`, number, payload);
    keep(kept, 'often', 1_000 + number);
    t.ok(kept.bytes <= limits.replayBytesMax);
  }
  t.equal(last(kept, ['room.300'], 1).length, 0);
  t.equal(last(kept, ['room.499'], 1).length, 1);
  t.equal(last(kept, ['often'], 100).length, 100);
  for (let number = 2_000; number < 102_000; number++) keep(kept, `many.${number}`, number, '');
  t.ok(kept.topicCount < 32_000, `${kept.topicCount} topics without anything in them`);
});

t.test('a single topic takes no more either', async (t) => {
  const kept = new KeptMessages();
  for (let number = 1; number <= 40; number++) keep(kept, 'large', number, 'x'.repeat(1024 * 1024));
  t.ok(kept.bytes <= limits.replayBytesMax);
  t.ok(kept.bytes > limits.replayBytesMax / 2);
});

t.test('an answer holds 1 MiB at most, of what was published last', async (t) => {
  const kept = new KeptMessages();
  for (let number = 1; number <= 50; number++) keep(kept, `room.${number % 5}`, number, 'x'.repeat(100_000));
  const messages = last(kept, ['*'], 100);
  t.equal(messages.length, 10);
  t.ok(numbersOf(messages).includes(50));
});

t.test('a search goes on from where it was, and finds what was there when it began', async (t) => {
  const kept = new KeptMessages();
  for (let number = 1; number <= 1_000; number++) keep(kept, `room.${number % 200}`, number);
  const whole = last(kept, ['room.*', 'nothing.*'], 3);
  t.equal(whole.length, 600);
  const search = kept.search(['room.*', 'nothing.*'], 3, 1_000);
  for (let number = 1_001; !search.isOver; number += 2) {
    const steps = search.run(50);
    t.ok(steps < 70, `${steps} steps at once`);
    keep(kept, `room.${number % 200}`, number);
    keep(kept, `other.${number}`, number + 1);
  }
  t.strictSame(numbersOf(search.found), numbersOf(whole));
});

t.test('a topic that is gone by the time it is looked at is passed over', async (t) => {
  const kept = new KeptMessages();
  for (let number = 1; number <= 16; number++) keep(kept, `room.${number}`, number, 'x'.repeat(1_000_000));
  const search = kept.search(['room.*'], 1, 16);
  keep(kept, 'room.17', 17, 'x'.repeat(1_000_000));
  while (!search.isOver) search.run(1);
  t.strictSame(numbersOf(search.found), [16]);
});

function recalled(publisher: string, number: number, wallMs: number, topic = 'a'): Recalled {
  return { publisher, number, wallMs, message: { topic, payload: `${publisher}${number}` } };
}

function live(publisher: string, number: number): Numbered {
  return { publisher, number, message: { topic: 'a', payload: `${publisher}${number}` } };
}

const payloadsOf = (messages: readonly { readonly payload: unknown }[]): unknown[] =>
  messages.map(({ payload }) => payload);

t.test('messages are ordered by time, and those of one node as they were published', async (t) => {
  const messages = [
    recalled('b', 1, 100),
    recalled('c', 1, 90),
    recalled('c', 2, 120),
    // Its clock was set back.
    recalled('b', 2, 50),
    recalled('b', 3, 130),
  ];
  t.strictSame(
    lastOf(messages, 100).map(({ message }) => message.payload),
    ['c1', 'b1', 'b2', 'c2', 'b3'],
  );
});

t.test('of each topic so many are left, the latest', async (t) => {
  const messages = [1, 2, 3, 4].flatMap((number) => [
    recalled('b', number, number),
    recalled('c', number, number, 'other'),
  ]);
  t.strictSame(numbersOf(lastOf(messages, 2)), [3, 3, 4, 4]);
});

t.test('what is live comes behind, each once, and never before an earlier one of its node', async (t) => {
  const before = [recalled('b', 5, 10), recalled('c', 1, 20), recalled('b', 7, 30)];
  const messages = withLive(before, [live('b', 6), live('b', 7), live('d', 1), live('b', 8), live('c', 2)]);
  t.strictSame(payloadsOf(messages), ['b5', 'b6', 'c1', 'b7', 'd1', 'b8', 'c2']);
});

t.test('however answer and link overlap, nothing is missing, doubled or out of order', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const random = createRandom(`overlap ${seed}`);
    const before: Recalled[] = [];
    const after: Numbered[] = [];
    const firsts = new Map<string, number>();
    for (const publisher of ['b', 'c', 'd']) {
      const last = 1 + random.below(30);
      const [from, to] = [random.below(last), last - random.below(5)];
      let clock = 1_000;
      for (let number = 1; number <= last; number++) {
        clock += random.below(20) - 5;
        if (number > from && number <= to) before.push(recalled(publisher, number, clock));
      }
      // The link brings everything from a moment on that is not later than the answer's.
      const start = 1 + random.below(Math.max(1, to));
      for (let number = start; number <= last; number++) after.push(live(publisher, number));
      firsts.set(publisher, Math.min(from + 1, start));
    }
    const told = withLive(lastOf(before, 100), after).map(({ payload }) => String(payload));
    for (const [publisher] of firsts) {
      const numbers = told.filter((text) => text.startsWith(publisher)).map((text) => Number(text.slice(1)));
      const sorted = [...new Set(numbers)].sort((a, b) => a - b);
      t.strictSame(numbers, sorted, `seed ${seed}: ${publisher}`);
      const expected = new Set([
        ...before.filter((one) => one.publisher === publisher).map(({ number }) => number),
        ...after.filter((one) => one.publisher === publisher).map(({ number }) => number),
      ]);
      t.equal(numbers.length, expected.size, `seed ${seed}: all of ${publisher}`);
    }
  }
});
