import t from 'tap';
import { TestScheduler } from './harness.js';

async function loaded(options: ConstructorParameters<typeof TestScheduler>[0] = {}): Promise<TestScheduler> {
  const node = new TestScheduler(options);
  await node.scheduler.load();
  return node;
}

for (const threads of [0, 1]) {
  t.test(`a queued attempt that is stopped never runs (threads: ${threads})`, async (t) => {
    const node = await loaded({ threads, concurrency: 1 });
    const running = node.start('wait');
    const queued = node.start('wait');
    await node.begun(running);
    node.scheduler.stop(queued, 'cancelled');
    t.equal(node.outcomes.size, 0, 'nothing is told from inside stop');
    t.same(await node.outcome(queued), { type: 'stopped' });
    t.same(node.scheduler.stats(), { threads, running: 1, queued: 0, threadsEnded: 0 });
    node.scheduler.stop(running, 'cancelled');
    t.same(await node.outcome(running), { type: 'stopped' });
    await node.scheduler.close();
  });

  t.test(`a handler that obeys its signal ends stopped or timed_out (threads: ${threads})`, async (t) => {
    const node = await loaded({ threads });
    const reasons = {
      cancelled: 'stopped',
      fenced: 'stopped',
      shutdown: 'stopped',
      timed_out: 'timed_out',
    } as const;
    for (const [reason, type] of Object.entries(reasons)) {
      const run = node.start('wait');
      await node.begun(run);
      node.scheduler.stop(run, reason as keyof typeof reasons);
      node.scheduler.stop(run, 'cancelled');
      t.same(await node.outcome(run), { type }, reason);
    }
    t.equal(node.scheduler.stats().threadsEnded, 0);
    await node.scheduler.close();
  });

  t.test(`an attempt that ends well after its signal has fired is done (threads: ${threads})`, async (t) => {
    const node = await loaded({ threads });
    const run = node.start('wait', 'return');
    await node.begun(run);
    node.scheduler.stop(run, 'timed_out');
    t.same(await node.outcome(run), { type: 'done', result: '"ended well"' });
    await node.scheduler.close();
  });

  t.test(`sleep and an endless generator obey their signal (threads: ${threads})`, async (t) => {
    const node = await loaded({ threads });
    const generator = node.start('endless-generator');
    const sleep = node.start('sleep', 1_000_000);
    await node.begun(generator);
    for (const run of [generator, sleep]) node.scheduler.stop(run, 'cancelled');
    t.same(await node.outcome(generator), { type: 'stopped' });
    t.same(await node.outcome(sleep), { type: 'stopped' });
    await node.scheduler.close();
  });
}

t.test('stopping an unknown run, or one that has ended, does nothing', async (t) => {
  const node = await loaded();
  node.scheduler.stop(99, 'cancelled');
  const run = node.start('echo', 1);
  t.same(await node.outcome(run), { type: 'done', result: '1' });
  node.scheduler.stop(run, 'cancelled');
  await node.run('echo', 2);
  t.same(node.endedInOrder, [1, 2]);
  await node.scheduler.close();
});

t.test(
  'a handler that ignores its signal loses its thread, and the others there are displaced',
  async (t) => {
    const node = await loaded({ abortGraceMs: 20 });
    const stubborn = node.start('wait', 'ignore');
    const neighbour = node.start('wait');
    await node.begun(stubborn);
    await node.begun(neighbour);
    node.scheduler.stop(stubborn, 'timed_out');
    t.same(await node.outcome(stubborn), { type: 'timed_out' });
    t.same(await node.outcome(neighbour), { type: 'displaced' });
    t.match(await node.logged(/did not stop within 20 ms/), { fields: { task: 'wait', displaced: 1 } });
    t.same(await node.run('echo', 1), { type: 'done', result: '1' });
    t.equal(node.scheduler.stats().threadsEnded, 1);
    await node.scheduler.close();
  },
);

t.test('what the heap of a busy thread takes is known, and nothing where there is none', async (t) => {
  const node = await loaded({ tuning: { pingIntervalMs: 10, silentAfterMs: 10_000 } });
  t.equal(node.scheduler.threadHeapBytesMax(), 0);
  const running = node.start('wait');
  await node.until(() => node.scheduler.threadHeapBytesMax() > 1024 * 1024);
  node.scheduler.stop(running, 'cancelled');
  await node.outcome(running);
  await node.scheduler.close();
  t.equal(node.scheduler.threadHeapBytesMax(), 0);
});

t.test('a handler that blocks for ever is ended by its stop', async (t) => {
  const node = await loaded({ abortGraceMs: 20 });
  const run = node.start('block', null);
  await node.begun(run);
  node.scheduler.stop(run, 'cancelled');
  t.same(await node.outcome(run), { type: 'stopped' });
  await node.scheduler.close();
});

t.test(
  'a handler that blocks its loop delays no attempt that comes later, and its thread comes back',
  async (t) => {
    const node = await loaded({ tuning: { pingIntervalMs: 10, silentAfterMs: 20 } });
    // Long enough for another thread to start meanwhile.
    const blocking = node.start('block', 2_500);
    await node.logged(/does not answer/);
    t.same(await node.run('echo', 1), { type: 'done', result: '1' });
    t.notOk(node.outcomes.has(blocking), 'the later attempt ended first');
    t.equal(node.scheduler.stats().threads, 2);
    t.same(await node.outcome(blocking), { type: 'done', result: '"blocked"' });
    await node.logged(/answers again/);
    t.equal(node.scheduler.stats().threadsEnded, 0);
    await node.scheduler.close();
  },
);

t.test(
  'replacements of threads that block are bounded; what comes next waits and can be stopped',
  async (t) => {
    const node = await loaded({ abortGraceMs: 10, tuning: { pingIntervalMs: 10, silentAfterMs: 20 } });
    const first = node.start('block', null);
    await node.until(() => node.logs.filter(({ text }) => /does not answer/.test(text)).length === 1);
    node.start('block', null);
    await node.until(() => node.logs.filter(({ text }) => /does not answer/.test(text)).length === 2);
    const waiting = node.start('echo', 'waited');
    const given = node.start('echo', 'never ran');
    t.equal(node.scheduler.stats().threads, 2);
    node.scheduler.stop(given, 'cancelled');
    t.same(await node.outcome(given), { type: 'stopped' });
    node.scheduler.stop(first, 'cancelled');
    t.same(await node.outcome(first), { type: 'stopped' });
    t.same(await node.outcome(waiting), { type: 'done', result: '"waited"' });
    await node.scheduler.close();
    t.same([...node.outcomes.values()].at(-1), { type: 'displaced' });
  },
);
