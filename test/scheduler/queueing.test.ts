import t from 'tap';
import { AttemptQueue, QueueEntry, TaskGate } from '../../src/scheduler/attempt-queue.js';
import { TestScheduler } from './harness.js';

/** Puts entries in line; `drain` takes all that may start, as names. */
function lineOf() {
  const queue = new AttemptQueue();
  const names = new Map<QueueEntry | undefined, string>();
  return {
    queue,
    add(name: string, priority = 0, gate: TaskGate | null = null): QueueEntry {
      const entry = new QueueEntry(priority, gate);
      names.set(entry, name);
      queue.enqueue(entry);
      return entry;
    },
    drain(): string[] {
      const order: string[] = [];
      while (queue.size > 0) order.push(names.get(queue.dequeue()) as string);
      return order;
    },
  };
}

t.test('higher priority goes first, and equal ones in order of arrival', (t) => {
  const line = lineOf();
  for (const [name, priority] of [
    ['a', 0],
    ['b', 5],
    ['c', 0],
    ['d', -1],
    ['e', 5],
  ] as const)
    line.add(name, priority);
  t.same(line.drain(), ['b', 'e', 'a', 'c', 'd']);
  t.equal(line.queue.dequeue(), undefined);
  t.end();
});

t.test('an entry can be withdrawn from anywhere, once', (t) => {
  const line = lineOf();
  const entries = ['a', 'b', 'c', 'd', 'e'].map((name, index) => line.add(name, index % 2));
  for (const index of [1, 4]) t.equal(line.queue.withdraw(entries[index] as QueueEntry), true);
  t.equal(line.queue.withdraw(entries[1] as QueueEntry), false);
  t.same(line.drain(), ['d', 'a', 'c']);
  t.end();
});

t.test('a task at its limit lets others by, and goes on when one of it ends or is withdrawn', (t) => {
  const line = lineOf();
  const gate = new TaskGate(1);
  const first = line.add('limited 1', 0, gate);
  const second = line.add('limited 2', 0, gate);
  line.add('limited 3', 9, gate);
  line.add('free');
  t.same(line.drain(), ['limited 1', 'free']);
  t.equal(line.queue.withdraw(second), true);
  t.equal(line.queue.size, 0);
  line.queue.release(first);
  t.same(line.drain(), ['limited 3']);
  t.end();
});

t.test('a limited task whose place in the line is given up lets its next one in', (t) => {
  const line = lineOf();
  const gate = new TaskGate(1);
  const first = line.add('limited 1', 0, gate);
  line.add('limited 2', 0, gate);
  line.queue.withdraw(first);
  t.same(line.drain(), ['limited 2']);
  t.equal(gate.admitted, 1);
  t.end();
});

t.test('a hundred thousand mixed priorities come out in order within a second', (t) => {
  const queue = new AttemptQueue();
  const startedAtMs = performance.now();
  for (let index = 0; index < 100_000; index++) {
    queue.enqueue(new QueueEntry((index * 7_919) % 1_009, null));
  }
  let last = Number.POSITIVE_INFINITY;
  while (queue.size > 0) {
    const { priority } = queue.dequeue() as QueueEntry;
    if (priority > last) t.fail(`${priority} came after ${last}`);
    last = priority;
  }
  t.ok(performance.now() - startedAtMs < 1_000);
  t.end();
});

t.test(
  'no more attempts run at once than the node may, and the most urgent of the queue goes first',
  async (t) => {
    const node = new TestScheduler({ threads: 0, concurrency: 1 });
    await node.scheduler.load();
    const first = node.start('wait', 'return');
    const low = node.start('echo', 1, { priority: -1 });
    const normal = node.start('echo', 2);
    const high = node.start('echo', 3, { priority: 7 });
    await node.begun(first);
    t.same(node.scheduler.stats(), { threads: 0, running: 1, queued: 3, threadsEnded: 0 });
    node.scheduler.stop(first, 'cancelled');
    await node.outcome(low);
    t.same(node.endedInOrder, [first, high, normal, low]);
    await node.scheduler.close();
  },
);

t.test('a task runs no more attempts at once than its author allows, and holds nobody up', async (t) => {
  const node = new TestScheduler({
    commands: [{ name: 'one', command: ['cat'], concurrency: 1 }],
    concurrency: 4,
  });
  const runs = [1, 2, 3].map((each) => node.start('one', each));
  const other = node.start('echo', 'other');
  t.same(node.scheduler.stats(), { threads: 1, running: 2, queued: 2, threadsEnded: 0 });
  for (const run of [...runs, other]) t.match(await node.outcome(run), { type: 'done' });
  t.same(
    node.endedInOrder.filter((run) => run !== other),
    runs,
  );
  await node.scheduler.close();
});

t.test(
  'attempts that run at once share threads evenly, and threads start only when there is work',
  async (t) => {
    const node = new TestScheduler({ threads: 2 });
    await node.scheduler.load();
    t.equal(node.scheduler.stats().threads, 0);
    const runs = [node.start('wait'), node.start('wait'), node.start('wait')];
    t.equal(node.scheduler.stats().threads, 2);
    for (const run of runs) await node.begun(run);
    await node.scheduler.close();
    t.same(
      [...node.outcomes.values()],
      [{ type: 'displaced' }, { type: 'displaced' }, { type: 'displaced' }],
    );
  },
);

t.test('threads beyond the first end when they have been idle', async (t) => {
  const node = new TestScheduler({ threads: 2, tuning: { pingIntervalMs: 5, idleThreadMs: 10 } });
  await node.scheduler.load();
  const runs = [node.start('echo', 1), node.start('echo', 2)];
  t.equal(node.scheduler.stats().threads, 2);
  for (const run of runs) await node.outcome(run);
  await node.logged(/was idle and is ended/);
  t.same(await node.run('echo', 3), { type: 'done', result: '3' });
  t.equal(node.scheduler.stats().threadsEnded, 0);
  await node.scheduler.close();
});
