import t from 'tap';
import { limits } from '../../src/core/limits.js';
import type { Payload } from '../../src/core/payload.js';
import { TestScheduler } from './harness.js';

const theEnd = { type: 'done', result: '"the end"' };

for (const threads of [1, 0]) {
  t.test(`with threads: ${threads}`, async (t) => {
    const node = new TestScheduler({ threads, memoryMbMax: 256 });
    await node.scheduler.load();
    t.teardown(() => node.scheduler.close());
    const chunksOf = (run: number): Payload[] =>
      node.chunks.filter((each) => each.run === run).map(({ chunk }) => chunk);

    t.test('each value that a generator yields is told, in order and before its end', async (t) => {
      const run = node.start('yields', {
        kinds: ['undefined', 'nan', 'bytes', 'text', 'wide', 'hello'],
        count: 3,
      });
      t.same(await node.outcome(run), theEnd);
      t.strictSame(chunksOf(run), [
        'null',
        'null',
        new Uint8Array([1, 2, 255]),
        JSON.stringify('x'.repeat(100_000)),
        JSON.stringify('ü€'.repeat(50_000)),
        '"hello"',
        '1',
        '2',
        '3',
      ]);
    });

    t.test('memory that a generator uses again is not seen to change', async (t) => {
      const run = node.start('yields', { count: 5, bytes: 100 });
      await node.outcome(run);
      t.strictSame(
        chunksOf(run),
        [1, 2, 3, 4, 5].map((number) => new Uint8Array(100).fill(number)),
      );
    });

    t.test('a generator waits at its yield while there is no room, and goes on when there is', async (t) => {
      const chunk = 64 * 1024;
      const first = Math.ceil(limits.itemWindowBytes / (chunk + 64));
      const run = node.start('yields', { count: 1_000, bytes: chunk });
      await node.until(() => chunksOf(run).length >= first);
      await new Promise((resolve) => setTimeout(resolve, 50));
      t.equal(chunksOf(run).length, first, 'no more than it may');
      node.scheduler.giveRoom(run, 2 * limits.itemWindowBytes);
      await node.until(() => chunksOf(run).length >= 2 * first - 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      t.equal(chunksOf(run).length, Math.ceil((2 * limits.itemWindowBytes) / (chunk + 64)));
      node.scheduler.giveRoom(run, Number.MAX_SAFE_INTEGER);
      t.same(await node.outcome(run), theEnd);
      t.equal(chunksOf(run).length, 1_000);
    });

    t.test('one that waits for room obeys its signal', async (t) => {
      const run = node.start('yields', { count: 1_000, bytes: 64 * 1024 });
      await node.until(() => chunksOf(run).length > 10);
      node.scheduler.stop(run, 'cancelled');
      t.same(await node.outcome(run), { type: 'stopped' });
    });

    t.test('what a generator has yielded before it throws is told before its failure', async (t) => {
      const run = node.start('yields', { count: 2, end: 'throws' });
      t.match(await node.outcome(run), {
        type: 'failed',
        error: { name: 'Error', message: 'in the middle' },
      });
      t.strictSame(chunksOf(run), ['1', '2']);
    });

    t.test('a value that cannot be sent ends the attempt, and says what to yield', async (t) => {
      const complaints: Readonly<Record<string, string>> = {
        map: 'the handler yielded a Map or Set; yield [...value]',
        bigint: 'the handler yielded a BigInt; yield String(value) or Number(value)',
        function: 'the handler yielded a function; yield a value that JSON has',
        cycle: "the yielded value can't be turned into JSON: ",
        toNothing: "the yielded value's toJSON() gave nothing; yield a value that JSON has",
        hundredMegabytes:
          'the yielded value is 104857600 bytes, at most 16777216 are allowed; store it elsewhere and yield where',
      };
      for (const [kind, message] of Object.entries(complaints)) {
        const outcome = await node.run('yields', { kinds: [kind] });
        t.match(outcome, { type: 'failed', error: { name: 'BadResult', message }, final: true }, kind);
      }
    });

    t.test('room for a run that has ended, or never was, is ignored', async (t) => {
      const run = node.start('yields', { count: 1 });
      await node.outcome(run);
      node.scheduler.giveRoom(run, 1e9);
      node.scheduler.giveRoom(999_999, 1e9);
      t.same(await node.run('yields', { count: 1 }), theEnd);
    });
  });
}
