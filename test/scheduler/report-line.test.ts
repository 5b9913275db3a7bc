import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { IgnoredReports } from '../../src/scheduler/ignored-reports.js';
import { ReportLine } from '../../src/scheduler/report-line.js';
import { OrderBatch, ReportBatch, replayReports } from '../../src/scheduler/thread-messages.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const large = (bytes: number): unknown[] => [0, 1, new Uint8Array(bytes)];

t.test(
  'a turn takes large reports until they come to its limit; those behind them keep their order',
  async (t) => {
    const taken: string[] = [];
    const line = new ReportLine<string>((thread) => void taken.push(thread));
    line.add('a', large(limits.turnBytes));
    line.add('b', large(limits.turnBytes));
    line.add('small', [5]);
    line.add('c', large(limits.turnBytes / 2));
    line.add('d', large(limits.turnBytes / 2));
    line.add('e', large(1));
    t.same(taken, ['a']);
    await turn();
    t.same(taken, ['a', 'b']);
    await turn();
    t.same(taken, ['a', 'b', 'small', 'c', 'd']);
    await turn();
    t.same(taken, ['a', 'b', 'small', 'c', 'd', 'e']);
  },
);

t.test('small reports are taken as they come, however many', (t) => {
  let taken = 0;
  const line = new ReportLine<string>(() => void taken++);
  for (let count = 0; count < 10_000; count++) line.add('a', [5]);
  t.equal(taken, 10_000);
  t.end();
});

t.test('what a thread has reported is taken at once when it is no more', async (t) => {
  const taken: string[] = [];
  const line = new ReportLine<string>((thread) => void taken.push(thread));
  line.add('a', large(limits.turnBytes));
  line.add('b', large(1));
  line.add('a', large(2));
  line.finish('a');
  t.same(taken, ['a', 'a']);
  await turn();
  t.same(taken, ['a', 'a', 'b']);
});

t.test('a large result goes out at once in memory of its own, and is the same text again', (t) => {
  const batches: [batch: unknown[], moved: readonly ArrayBuffer[]][] = [];
  const reports = new ReportBatch((batch, moved) => void batches.push([batch, moved]));
  const texts = ['x', 'é', '€', '😀', '\ud800'].map((unit) => unit.repeat(100_000));
  const heard: string[] = [];
  class Heard extends IgnoredReports {
    override done(_run: number, result: string): void {
      heard.push(result);
    }
  }
  reports.done(1, 'small');
  for (const [run, text] of texts.entries()) reports.done(run, text);
  t.equal(batches.length, texts.length);
  for (const [batch, moved] of batches) {
    t.equal((batch.at(-1) as Uint8Array).buffer, moved[0]);
    t.ok(replayReports(batch, new Heard()));
  }
  t.ok(heard.length === 6 && heard[0] === 'small' && texts.every((text, index) => text === heard[index + 1]));
  t.end();
});

t.test('a result that a handler has forged is no report', (t) => {
  for (const result of [5, {}, new Uint32Array(4), new Uint8Array(limits.bodyBytesMax + 1)]) {
    t.notOk(replayReports([0, 1, result], new IgnoredReports()));
  }
  t.end();
});

t.test('nor is the size of a heap that is no number', (t) => {
  t.ok(replayReports([5, 1_000], new IgnoredReports()));
  for (const bytes of ['5', null, [1]]) t.notOk(replayReports([5, bytes], new IgnoredReports()));
  t.end();
});

t.test('a turn hands over one order with large arguments', async (t) => {
  const turns: number[] = [];
  let number = 0;
  const orders = new OrderBatch(() => void turns.push(number));
  for (const run of [1, 2, 3]) orders.run(run, 'job', 1, 'task', 'x'.repeat(100_000));
  orders.ping();
  for (number = 1; number <= 5; number++) await turn();
  t.same(turns, [1, 2, 3, 4]);
});
