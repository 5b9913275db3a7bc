import t from 'tap';
import { defaultSubmitOptions, type SubmitCommand } from '../../src/core/commands.js';
import { SimCluster, type SimWatch } from '../../src/sim/sim-cluster.js';
import { runCommand } from '../support/commands.js';

const seeds = Array.from({ length: 60 }, (_, index) => `links-${index}`);

function submitMany(cluster: SimCluster, { count, overMs }: { count: number; overMs: number }): void {
  for (let job = 0; job < count; job++) {
    const command: SubmitCommand = {
      type: 'submit',
      wait: true,
      task: 'echo',
      args: String(job),
      options: defaultSubmitOptions,
    };
    cluster.time.after(cluster.random.next() * overMs, () =>
      cluster.request(job % 2 === 0 ? 'a' : 'b', command),
    );
  }
}

/** So many dials between a and b in a short while, by either of them. */
function dialAgain(cluster: SimCluster, dialCount: number): void {
  for (let dial = 0; dial < dialCount; dial++) {
    const [from, to] = cluster.random.below(2) === 0 ? ['a', 'b'] : ['b', 'a'];
    cluster.time.after(cluster.random.next() * 20, () => {
      cluster.network.dial(cluster.node(from), `${to}:1`);
    });
  }
}

/** Every job is answered with its own result, the views agree, and each pair has one link in the end. */
function checkEnd(
  t: {
    same(found: unknown, wanted: unknown): unknown;
    equal(found: unknown, wanted: unknown, name: string): unknown;
  },
  cluster: SimCluster,
  count: number,
): void {
  const isAnswered = () => cluster.requests.length === count && cluster.requests.every(({ reply }) => reply);
  cluster.runUntil('every job has its outcome', isAnswered, 20_000);
  t.same(
    cluster.requests.map(({ reply }) => reply),
    cluster.requests.map(({ command }) => ({ ok: true, text: (command as SubmitCommand).args })),
  );
  cluster.runUntil('all views are right', () => cluster.agree(), 20_000);
  cluster.runUntil('each pair has one link', () => cluster.network.linkCountBetween('a', 'b') === 1, 20_000);
  const held = cluster.running().reduce((sum, { core }) => sum + core.jobs.executor.heldCount, 0);
  t.equal(held, 0, 'nothing is held for anybody');
}

// Each way to lose one of several links left jobs unanswered for ever while only the loss of the last one was told.
for (const extraLinks of [1, 2, 6]) {
  t.test(`${extraLinks} more links of a pair, and one of them broken: every job is answered`, async (t) => {
    let several = 0;
    for (const seed of seeds) {
      const cluster = new SimCluster({ seed, runMs: [1, 60] });
      cluster.startAll(2);
      submitMany(cluster, { count: 100, overMs: 1_500 });
      cluster.runFor(100);
      dialAgain(cluster, extraLinks);
      cluster.runFor(30 + cluster.random.next() * 600);
      if (cluster.network.linkCountBetween('a', 'b') > 1) several++;
      cluster.network.resetOneBetween('a', 'b');
      checkEnd(t, cluster, 100);
    }
    t.ok(several > 50, `${several} times there were several links`);
  });
}

t.test('both ends dial after a reset, and one of the two links breaks: every job is answered', async (t) => {
  for (const seed of seeds) {
    const cluster = new SimCluster({ seed, runMs: [1, 60] });
    cluster.startAll(3);
    submitMany(cluster, { count: 100, overMs: 2_000 });
    for (let reset = 0; reset < 4; reset++) {
      cluster.runFor(300);
      cluster.network.resetBetween('a', 'b');
      cluster.runFor(cluster.random.next() * 20);
      cluster.network.resetOneBetween('a', 'b');
    }
    checkEnd(t, cluster, 100);
  }
});

t.test('several links that nothing breaks make no job run twice', async (t) => {
  for (const seed of seeds) {
    const cluster = new SimCluster({ seed, runMs: [1, 60] });
    cluster.startAll(2);
    submitMany(cluster, { count: 100, overMs: 3_000 });
    cluster.runFor(100);
    dialAgain(cluster, 2);
    checkEnd(t, cluster, 100);
    t.equal(cluster.attempts.length, 100, seed);
  }
});

for (const [what, ways] of Object.entries({
  'one way': ['ab'],
  'the other way': ['ba'],
  'both ways': ['ab', 'ba'],
})) {
  t.test(
    `of two nodes whose link goes dead ${what} and without a word, each gives it up, and jobs go elsewhere`,
    async (t) => {
      for (const seed of seeds.slice(0, 10)) {
        const cluster = new SimCluster({ seed, runMs: [1_000, 1_000] });
        cluster.startAll(4);
        submitMany(cluster, { count: 40, overMs: 100 });
        cluster.runFor(200);
        for (const [from, to] of ways as unknown as [string, string][]) cluster.network.cut(from, to);
        const isAnswered = () => cluster.requests.every(({ reply }) => reply !== null);
        const tookMs = cluster.runUntil('every job has its outcome', isAnswered, 60_000);
        t.ok(tookMs < 40_000, `${seed}: ${tookMs} ms`);
        for (const { command, reply } of cluster.requests)
          t.same(reply, { ok: true, text: (command as SubmitCommand).args });
        t.ok(cluster.agree(), 'and nobody is taken for dead');
        for (const [from, to] of ways as unknown as [string, string][]) cluster.network.uncut(from, to);
        const isLinked = () => cluster.network.linkCountBetween('a', 'b') === 1;
        cluster.runUntil('they are linked again', isLinked, 60_000);
      }
    },
  );
}

t.test('who waits at a node for a job of another that it can’t reach any more is told so', async (t) => {
  const cluster = new SimCluster({ seed: 'unreached', runMs: [60_000, 60_000] });
  cluster.startAll(4);
  submitMany(cluster, { count: 1, overMs: 0 });
  cluster.runFor(500);
  const [submitted] = cluster.requests;
  const [record] = [...cluster.node('a').core.jobs.ledger.values()];
  const job = record?.spec.id as string;
  const waiting = cluster.request('b', { type: 'wait', job, timeoutMs: null });
  cluster.runFor(500);
  for (const [from, to] of ['ab', 'ba'] as unknown as [string, string][]) cluster.network.cut(from, to);
  const tookMs = cluster.runUntil('it is told', () => waiting.reply !== null, 60_000);
  t.match(waiting.reply, { ok: false, code: 'UNAVAILABLE', message: /node a can't be reached/ });
  t.ok(tookMs < 40_000, `${tookMs} ms`);
  t.equal(submitted?.reply, null, 'the job goes on');
});

t.test('a job that takes nodes down is blamed, however much they have to send to its owner', async (t) => {
  const cluster = new SimCluster({ seed: 'full links', runMs: [2_000, 2_000], network: { format: 'bytes' } });
  const executors = [...'bcdefghi'];
  cluster.start('a', []);
  for (const name of executors) cluster.start(name);
  cluster.runUntil('all nodes know all', () => cluster.agree(), 5_000);
  const large = JSON.stringify('x'.repeat(2_000_000));
  for (const name of executors) cluster.network.paths.between(name, 'a').own = { bytesPerSecond: 1_000_000 };
  for (const name of Array.from({ length: 8 }, () => executors).flat())
    cluster.request('a', runCommand({ node: name }, large));
  cluster.runFor(4_000);
  const killer = cluster.request('a', runCommand({}, '"killer"'));
  let seen = 0;
  const killsNodes = (): boolean => {
    for (const { on, start } of cluster.attempts.slice(seen))
      if (start.args === '"killer"') cluster.time.after(1_400, () => cluster.node(on).kill());
    seen = cluster.attempts.length;
    return killer.reply !== null;
  };
  cluster.runUntil('the killer has its outcome', killsNodes, 60_000);
  t.match(killer.reply, { ok: false, code: 'JOB_FAILED', message: /took 3 nodes or threads down/ });
  t.equal(executors.filter((name) => cluster.node(name).status === 'dead').length, 3, 'and takes no more');
});

t.test(
  'a large result over a slow path arrives, though its node is reached through others much sooner',
  async (t) => {
    let silent = 0;
    const watch: SimWatch = {
      arrived: (_, event) => {
        if (event.type === 'link_closed' && event.reason === 'silent') silent++;
      },
      performed: () => {},
    };
    const cluster = new SimCluster({ seed: 'slow', skipsTrace: true, network: { format: 'bytes' }, watch });
    cluster.startAll(16);
    cluster.network.paths.between('a', 'b').own = { bytesPerSecond: 10_000 };
    const args = JSON.stringify('x'.repeat(400_000));
    const request = cluster.request('a', runCommand({ node: 'b' }, args));
    const tookMs = cluster.runUntil('it is answered', () => request.reply !== null, 120_000);
    t.ok(request.reply?.ok);
    t.ok(tookMs < 60_000, `${tookMs} ms`);
    t.equal(silent, 0, 'no link is closed on the way');
  },
);

t.test(
  'two nodes whose link a firewall forgets are back with each other as soon as they miss each other',
  async (t) => {
    for (const seed of seeds.slice(0, 20)) {
      const cluster = new SimCluster({ seed });
      cluster.startAll(2);
      cluster.runFor(2_000);
      cluster.network.silenceBetween('a', 'b');
      cluster.runFor(3_000);
      const tookMs = cluster.runUntil('they agree', () => cluster.agree(), 60_000);
      t.ok(tookMs < 5_000, `${seed}: ${tookMs} ms`);
      cluster.runFor(60_000);
      t.ok(cluster.agree());
      t.equal(cluster.network.linkCountBetween('a', 'b'), 1);
    }
  },
);
