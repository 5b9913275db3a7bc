import { pathToFileURL } from 'node:url';
import t from 'tap';
import { TestScheduler } from './harness.js';

async function loaded(options: ConstructorParameters<typeof TestScheduler>[0] = {}): Promise<TestScheduler> {
  const node = new TestScheduler(options);
  await node.scheduler.load();
  return node;
}

const causes: readonly (readonly [way: string, name: string, message: RegExp])[] = [
  ['exit', 'ThreadExit', /process\.exit\(3\) was called/],
  ['uncaught', 'UncaughtException', /TypeError: out of nowhere/],
  ['unhandled', 'UnhandledRejection', /nobody listens/],
  ['memory', 'OutOfMemory', /ran out of memory/],
];
for (const [way, name, message] of causes) {
  t.test(`a thread that ends by itself (${way}) costs its attempts only, with the true cause`, async (t) => {
    const node = await loaded({ memoryMbMax: 24 });
    t.match(await node.run('ends', way), { type: 'crashed', error: { name, message }, alone: true });
    t.equal(node.scheduler.stats().threadsEnded, 1);
    t.same(await node.run('echo', 1), { type: 'done', result: '1' });
    await node.scheduler.close();
  });
}

t.test(
  'attempts that shared the thread are not blamed alone, and what had ended before keeps its outcome',
  async (t) => {
    const node = await loaded();
    const neighbour = node.start('wait');
    await node.begun(neighbour);
    const finished = node.start('echo', 'kept');
    const culprit = node.start('ends', 'exit');
    t.same(await node.outcome(finished), { type: 'done', result: '"kept"' });
    t.match(await node.outcome(culprit), { type: 'crashed', alone: false });
    t.match(await node.outcome(neighbour), { type: 'crashed', error: { name: 'ThreadExit' }, alone: false });
    await node.scheduler.close();
  },
);

t.test('an isolated attempt has a thread of its own, which ends with it', async (t) => {
  const node = await loaded();
  const neighbour = node.start('wait');
  await node.begun(neighbour);
  t.match(await node.run('ends', 'exit', { isolate: true }), { type: 'crashed', alone: true });
  t.same(await node.run('echo', 1, { isolate: true }), { type: 'done', result: '1' });
  t.notOk(node.outcomes.has(neighbour));
  node.scheduler.stop(neighbour, 'cancelled');
  await node.outcome(neighbour);
  await node.scheduler.close();
});

t.test('isolated attempts past the number of threads wait for one another', async (t) => {
  const node = await loaded();
  const first = node.start('wait', 'return', { isolate: true });
  const second = node.start('echo', 2, { isolate: true });
  await node.begun(first);
  t.equal(node.scheduler.stats().threads, 1);
  t.same(node.started, [first], 'and are not said to have started');
  node.scheduler.stop(first, 'cancelled');
  t.same(await node.outcome(second), { type: 'done', result: '2' });
  t.same(node.endedInOrder, [first, second]);
  await node.scheduler.close();
});

t.test(
  'threads that can not start are tried again with pauses, then the attempts fail with the reason',
  async (t) => {
    const entry = pathToFileURL('/nowhere/thread-entry.js');
    const node = new TestScheduler({ taskDirs: [], tuning: { entry, bootBackoffMs: 1 } });
    await node.scheduler.load();
    t.match(await node.run('echo', 1), {
      type: 'failed',
      error: { name: 'ThreadStartFailed', message: /can start no thread.*Cannot find module/ },
      final: false,
    });
    const pauses = node.logs.map(({ fields }) => fields.pauseMs);
    t.same(pauses, [1, 2, 4]);
    await node.scheduler.close();
  },
);
