import t from 'tap';
import { PacedOrders } from '../../src/scheduler/paced-orders.js';
import type { Orders } from '../../src/scheduler/thread-messages.js';
import { TestScheduler } from './harness.js';

/** Orders to a host whose runs each keep the loop for so many milliseconds; `told` is what came to the host, and what was reported. */
function pacedOrders(busyMs: (run: number) => number) {
  const told: string[] = [];
  const host: Orders = {
    run: (run) => {
      told.push(`run ${run}`);
      const endMs = performance.now() + busyMs(run);
      while (performance.now() < endMs);
      setImmediate(() => told.push(`sent ${run}`));
    },
    abort: (run) => told.push(`abort ${run}`),
    room: (run) => told.push(`room ${run}`),
    answer: (run) => told.push(`answer ${run}`),
    ping: () => told.push('ping'),
  };
  const orders = new PacedOrders(host, { aborted: (run) => told.push(`aborted ${run}`) });
  const begin = (...runs: number[]): void => {
    orders.begin();
    for (const run of runs) orders.run(run, 'job', 1, 'task', 'null');
  };
  return { told, orders, begin };
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

t.test(
  'runs that keep the loop for long begin one a turn, and what each came to goes out before the next',
  async (t) => {
    const { told, begin } = pacedOrders(() => 11);
    begin(1, 2, 3);
    await turns(10);
    t.same(told, ['run 1', 'sent 1', 'run 2', 'sent 2', 'run 3', 'sent 3']);
  },
);

t.test('runs that do not all begin at once', async (t) => {
  const { told, begin } = pacedOrders(() => 0);
  begin(1, 2, 3);
  t.same(told, ['run 1', 'run 2', 'run 3']);
});

t.test(
  'a run that waits can be stopped before it begins; pings, and what concerns one that has begun, are heard meanwhile',
  async (t) => {
    const { told, orders, begin } = pacedOrders((run) => (run === 1 ? 11 : 0));
    begin(1, 2, 3);
    orders.abort(2);
    orders.abort(1);
    orders.ping();
    orders.room(1, 5);
    begin(4);
    await turns(4);
    t.same(told, [
      'run 1',
      'abort 1',
      'ping',
      'room 1',
      'sent 1',
      'aborted 2',
      'run 3',
      'run 4',
      'sent 3',
      'sent 4',
    ]);
  },
);

t.test('of jobs that compute, each is told of when it is done, not when all are', async (t) => {
  const source =
    'export default (ms) => { const end = performance.now() + ms; while (performance.now() < end); };';
  const tasks = t.testdir({ 'compute.mjs': source });
  const node = new TestScheduler({ threads: 1, concurrency: 3, taskDirs: [tasks] });
  await node.scheduler.load();
  // The first imports the file.
  await node.run('compute', 0);
  const runs = [200, 200, 200].map((ms) => node.start('compute', ms));
  await node.outcome(runs[0] as number);
  t.equal(node.outcomes.size, 2);
  for (const run of runs) t.same(await node.outcome(run), { type: 'done', result: 'null' });
  await node.scheduler.close();
});
