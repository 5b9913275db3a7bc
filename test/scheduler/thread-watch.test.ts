import t from 'tap';
import type { PoolThread } from '../../src/scheduler/pool-thread.js';
import { defaultThreadPoolTuning } from '../../src/scheduler/pool-tuning.js';
import { ThreadWatch } from '../../src/scheduler/thread-watch.js';

const tuning = { ...defaultThreadPoolTuning, pingIntervalMs: 100, silentAfterMs: 300, idleThreadMs: 1_000 };

/** A watch over threads that only exist as facts, and what it said of them. */
function watchOver(threads: Partial<PoolThread>[]) {
  const said: string[] = [];
  const all = threads.map((facts, index) => ({
    id: index,
    state: 'ready',
    isolated: false,
    pingedAtMs: null,
    idleSinceMs: 0,
    attempts: new Map(),
    orders: { ping: () => said.push(`ping ${index}`) },
    ...facts,
  })) as unknown as PoolThread[];
  const watch = new ThreadWatch({
    tuning,
    threads: new Set(all),
    silent: (thread) => said.push(`silent ${thread.id}`),
    idle: (thread) => said.push(`idle ${thread.id}`),
  });
  return { watch, said, threads: all };
}

const busy = { attempts: new Map([[1, {}]]) } as unknown as Partial<PoolThread>;

t.test('a busy thread is asked, and is silent when it owes the answer for long enough', (t) => {
  const { watch, said } = watchOver([busy]);
  for (const nowMs of [0, 100, 200, 299]) t.equal(watch.check(nowMs), true);
  t.same(said, ['ping 0']);
  watch.check(300);
  t.same(said, ['ping 0', 'silent 0']);
  t.end();
});

t.test('a late check judges nobody, and asks again', (t) => {
  const { watch, said } = watchOver([busy]);
  watch.check(100);
  watch.check(5_000);
  t.same(said, ['ping 0', 'ping 0']);
  for (const nowMs of [5_100, 5_200, 5_300]) watch.check(nowMs);
  t.same(said, ['ping 0', 'ping 0', 'silent 0']);
  t.end();
});

t.test('idle threads end after their time, but never the last one', (t) => {
  const { watch, said } = watchOver([{ idleSinceMs: 10 }, { idleSinceMs: 0 }, { idleSinceMs: 0 }]);
  t.equal(watch.check(999), true);
  t.same(said, []);
  t.equal(watch.check(1_000), false);
  t.same(said, ['idle 1', 'idle 2']);
  t.end();
});

t.test('one thread without work is not watched', (t) => {
  t.equal(watchOver([{}]).watch.check(1_000_000), false);
  t.equal(watchOver([]).watch.check(1_000_000), false);
  t.end();
});
