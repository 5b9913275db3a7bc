import t from 'tap';
import type { SubmitCommand, SubmitOptions } from '../../src/core/commands.js';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import { runCommand } from '../support/commands.js';

const seeds = Array.from({ length: 40 }, (_, index) => `seed-${index}`);

function runNumber(args: number, options: Partial<SubmitOptions> = {}): SubmitCommand {
  return runCommand(options, String(args));
}

/** Submits so many jobs, spread over these entry nodes and over this much time. */
function submitMany(
  cluster: SimCluster,
  entries: readonly string[],
  { count, overMs }: { count: number; overMs: number },
): void {
  for (let job = 0; job < count; job++) {
    const entry = entries[job % entries.length] as string;
    cluster.time.after(cluster.random.next() * overMs, () => cluster.request(entry, runNumber(job)));
  }
}

/** Every job has its own result. */
function checkResults(t: { fail(message: string): unknown }, cluster: SimCluster): void {
  for (const { command, reply } of cluster.requests) {
    const expected = (command as SubmitCommand).args;
    if (reply?.ok !== true || reply.text !== expected) t.fail(`job ${expected}: ${JSON.stringify(reply)}`);
  }
}

t.test('without faults every job runs exactly once, and each node gets its share', async (t) => {
  for (const seed of seeds.slice(0, 10)) {
    const cluster = new SimCluster({ seed });
    const names = cluster.startAll(5);
    submitMany(cluster, names, { count: 300, overMs: 2_000 });
    cluster.runFor(10_000);
    checkResults(t, cluster);
    t.equal(cluster.attempts.length, 300, seed);
    for (const name of names) {
      const count = cluster.attempts.filter(({ on }) => on === name).length;
      t.ok(count >= 55 && count <= 65, `${seed}: ${name} ran ${count} of 300`);
    }
  }
});

t.test('jobs of killed, paused, cut off and restarted executors all get their outcome', async (t) => {
  const fired = { kill: 0, pause: 0, reset: 0, cut: 0, restart: 0 };
  for (const seed of seeds) {
    const cluster = new SimCluster({ seed, network: { loss: 0.02 }, runMs: [1, 800] });
    cluster.startAll(6);
    submitMany(cluster, ['a', 'b'], { count: 200, overMs: 20_000 });
    for (let fault = 0; fault < 15; fault++) {
      cluster.runFor(500 + cluster.random.next() * 1_500);
      const kind = (['kill', 'pause', 'reset', 'cut'] as const)[
        cluster.random.below(4)
      ] as keyof typeof fired;
      // Only executors are killed: the jobs of an owner die with it.
      const victims = kind === 'kill' ? 'cdef' : 'abcdef';
      const victim = victims[cluster.random.below(victims.length)] as string;
      const other = 'abcdef'[('abcdef'.indexOf(victim) + 1 + cluster.random.below(5)) % 6] as string;
      const node = cluster.node(victim);
      fired[kind]++;
      if (node.status === 'dead') {
        cluster.start(victim);
        fired.restart++;
      } else if (node.status === 'paused') node.resume();
      else if (kind === 'kill') node.kill();
      else if (kind === 'pause') node.pause();
      else if (kind === 'reset') cluster.network.resetBetween(other, victim);
      else {
        cluster.network.cut(other, victim);
        if (cluster.random.below(2) === 0) cluster.network.cut(victim, other);
        cluster.time.after(1_000 + cluster.random.next() * 8_000, () => cluster.network.heal());
      }
    }
    cluster.runFor(10_000);
    cluster.network.heal();
    for (const node of cluster.nodes.values()) node.resume();
    cluster.runUntil(
      'every job has its outcome',
      () => cluster.requests.every(({ reply }) => reply !== null),
      60_000,
    );
    checkResults(t, cluster);
    cluster.runUntil('all views are right', () => cluster.agree(), 120_000);
    cluster.runFor(3_000);
    const held = cluster.running().reduce((sum, { core }) => sum + core.jobs.executor.heldCount, 0);
    t.equal(held, 0, `${seed}: nothing is held for anybody`);
  }
  for (const [kind, count] of Object.entries(fired)) t.ok(count > 20, `${kind} fired ${count} times`);
});

t.test('resets alone make no job run twice', async (t) => {
  let again = 0;
  for (const seed of seeds) {
    const cluster = new SimCluster({ seed, runMs: [1, 300] });
    cluster.startAll(4);
    submitMany(cluster, ['a', 'b'], { count: 200, overMs: 6_000 });
    for (let reset = 0; reset < 12; reset++) {
      cluster.runFor(500);
      cluster.network.resetBetween(
        cluster.random.below(2) === 0 ? 'a' : 'b',
        cluster.random.below(2) === 0 ? 'c' : 'd',
      );
    }
    cluster.runUntil(
      'every job has its outcome',
      () => cluster.requests.every(({ reply }) => reply !== null),
      30_000,
    );
    checkResults(t, cluster);
    again += cluster.attempts.length - 200;
  }
  t.equal(again, 0);
});

t.test('a node that leaves finishes what it has, and nothing runs twice', async (t) => {
  for (const seed of seeds.slice(0, 10)) {
    const cluster = new SimCluster({ seed, runMs: [100, 900] });
    cluster.startAll(4);
    submitMany(cluster, ['a', 'b'], { count: 100, overMs: 3_000 });
    cluster.runFor(1_500);
    cluster.node('d').arrive({ type: 'leave' });
    cluster.runUntil('d is gone', () => cluster.node('d').status === 'dead', 5_000);
    t.equal(cluster.stateOf('d', 'a'), 'left', seed);
    cluster.runUntil(
      'every job has its outcome',
      () => cluster.requests.length === 100 && cluster.requests.every(({ reply }) => reply !== null),
      30_000,
    );
    checkResults(t, cluster);
    t.equal(cluster.attempts.length, 100, seed);
  }
});

t.test('any node waits for a job of any other, over resets of their link', async (t) => {
  for (const seed of seeds.slice(0, 20)) {
    const cluster = new SimCluster({ seed, runMs: [2_000, 3_000] });
    cluster.startAll(3);
    const job = cluster.submit('a', runNumber(7, { node: 'c' }));
    const wait = cluster.request('b', { type: 'wait', job, timeoutMs: null });
    for (let reset = 0; reset < 3; reset++) {
      cluster.runFor(400);
      cluster.network.resetBetween('a', 'b');
    }
    cluster.runUntil('the wait is answered', () => wait.reply !== null, 10_000);
    t.same(wait.reply, { ok: true, text: '7' }, seed);
  }
});

t.test('the same key gives one job, whichever nodes are asked at once', async (t) => {
  for (const seed of seeds.slice(0, 20)) {
    const cluster = new SimCluster({ seed });
    const names = cluster.startAll(5);
    const requests = names.map((name) => cluster.request(name, runNumber(1, { key: 'once' })));
    cluster.runUntil('all are answered', () => requests.every(({ reply }) => reply !== null), 5_000);
    t.equal(cluster.attempts.length, 1, seed);
  }
});

t.test('the same seed gives the same run, bit for bit', async (t) => {
  const traceOf = (seed: string): number => {
    const cluster = new SimCluster({ seed, network: { loss: 0.05 } });
    cluster.startAll(4);
    submitMany(cluster, ['a', 'b'], { count: 50, overMs: 1_000 });
    cluster.runFor(500);
    cluster.node('d').kill();
    cluster.runFor(5_000);
    return cluster.traceHash;
  };
  t.equal(traceOf('x'), traceOf('x'));
  t.not(traceOf('x'), traceOf('y'));
});

t.test(
  'an owner that stood still for longer than its death takes goes on where it was, and so do its clients',
  async (t) => {
    for (const seed of seeds.slice(0, 20)) {
      const cluster = new SimCluster({ seed, runMs: [100, 9_000] });
      cluster.startAll(3);
      submitMany(cluster, ['b', 'c'], { count: 60, overMs: 500 });
      cluster.runFor(600);
      cluster.node('b').pause();
      cluster.runUntil(
        'b is dead',
        () => cluster.stateOf('b', 'a') === 'dead' && cluster.stateOf('b', 'c') === 'dead',
        20_000,
      );
      cluster.runFor(cluster.random.next() * 3_000);
      cluster.node('b').resume();
      const answered = (count: number): boolean =>
        cluster.requests.length === count && cluster.requests.every(({ reply }) => reply !== null);
      cluster.runUntil('every job has its outcome', () => answered(60), 60_000);
      checkResults(t, cluster);
      cluster.runUntil('all views are right', () => cluster.agree(), 10_000);
      const before = cluster.attempts.length;
      submitMany(cluster, ['a'], { count: 30, overMs: 100 });
      cluster.runUntil('the new ones too', () => answered(90), 60_000);
      for (const name of ['a', 'b', 'c']) {
        const share = cluster.attempts.slice(before).filter(({ on }) => on === name).length;
        t.ok(share >= 8, `${seed}: ${name} ran ${share} of 30`);
      }
    }
  },
);

t.test(
  'a leaving node waits for what can end, hands over the rest, tells who waits for it, and is not talked out of it',
  async (t) => {
    const cluster = new SimCluster({ seed: 'leave', runMs: [1_000, 1_000] });
    cluster.startAll(2);
    const soon = cluster.request('b', runNumber(1));
    const late = cluster.request('b', runNumber(2, { delayMs: 3_600_000 }));
    const never = cluster.request('b', runNumber(3, { on: [['zone', 'z9']] }));
    cluster.runFor(50);
    const leaving = cluster.request('b', { type: 'leave' });
    t.strictSame(JSON.parse((leaving.reply as { text: string }).text), {
      unfinished: 3,
      dropped: 0,
      lost: 0,
      drainTimeoutMs: 5_000,
    });
    t.match(cluster.request('b', { type: 'resume', node: null }).reply, { code: 'DRAINING' });
    t.match(cluster.request('b', runNumber(4)).reply, { code: 'DRAINING' });
    const tookMs = cluster.runUntil('b is gone', () => cluster.node('b').status === 'dead', 10_000);
    t.ok(tookMs < 2_000, `${tookMs} ms: not until the time to drain is over`);
    t.match(soon.reply, { ok: true, text: '1' });
    t.match([late.reply, never.reply], [{ code: 'UNAVAILABLE' }, { code: 'UNAVAILABLE' }]);
  },
);

t.test(
  'what an owner sent after it was taken for dead, and before it died, is not kept for ever',
  async (t) => {
    for (const seed of seeds) {
      const cluster = new SimCluster({ seed, runMs: [10, 300] });
      cluster.startAll(3);
      cluster.node('b').pause();
      cluster.runUntil(
        'b is dead',
        () => cluster.stateOf('b', 'a') === 'dead' && cluster.stateOf('b', 'c') === 'dead',
        20_000,
      );
      for (let job = 0; job < 12; job++) cluster.request('b', { ...runNumber(job), wait: false });
      cluster.node('b').resume();
      cluster.runFor(cluster.random.next() * 4);
      cluster.node('b').kill();
      cluster.runFor(60_000);
      for (const name of ['a', 'c'])
        t.ok(cluster.node(name).core.jobs.executor.isEmpty(), `${seed}: ${name}`);
    }
  },
);

t.test('a node that leaves says so to whoever comes too late, also when it is alone', async (t) => {
  const cluster = new SimCluster({ seed: 'alone' });
  cluster.startAll(1);
  cluster.request('a', { type: 'leave' });
  // It has nothing to finish, so it has said goodbye; its process ends a moment later.
  t.equal(cluster.node('a').status, 'running');
  t.match(cluster.request('a', runNumber(1)).reply, { code: 'DRAINING' });
  t.match(cluster.request('a', runNumber(2, { node: 'a' })).reply, { code: 'DRAINING' });
});
