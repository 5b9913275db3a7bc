import t from 'tap';
import type { NodeEffect } from '../../src/core/effects.js';
import { idOfKey } from '../../src/core/jobs/submission.js';
import { rendezvousOrder } from '../../src/core/routing/rendezvous.js';
import { SimCluster, type SimRequest } from '../../src/sim/sim-cluster.js';
import { runCommand } from '../support/commands.js';

const seeds = Array.from({ length: 30 }, (_, index) => `seed-${index}`);
const hour = 3_600_000;

t.setTimeout(120_000);

/** A key that leads to this node when those called `names` are there. */
function keyFor(home: string, names: string): string {
  const ids = [...names].map((name) => name.padEnd(12, '0'));
  for (let number = 0; ; number++) {
    const [first] = rendezvousOrder(idOfKey(`k${number}`), ids);
    if (first?.startsWith(home)) return `k${number}`;
  }
}

function giveUp(cluster: SimCluster, request: SimRequest): void {
  const number = cluster.requests.indexOf(request) + 1;
  cluster.node(request.node).arrive({ type: 'request_abandoned', request: number });
}

/** Three nodes, a job with a key that one of them runs for an hour, and then a fourth that is the key's home from now on. */
function keyThatMovedHome(seed: string) {
  const cluster = new SimCluster({ seed, runMs: [hour, hour] });
  cluster.startAll(3);
  const key = keyFor('d', 'abcd');
  cluster.request('a', { ...runCommand({ key }), wait: false });
  cluster.runFor(1_000);
  cluster.start('d');
  cluster.runUntil('all know d', () => cluster.agree(), 9_000);
  const holder = cluster.running().find(({ core }) => core.jobs.ledger.unfinished > 0)?.name as string;
  const entries = [...'abc'].filter((name) => name !== holder) as [string, string];
  return { cluster, key, holder, entries };
}

/** What the running nodes keep for requests that are not answered. */
function openRequests(cluster: SimCluster): string[] {
  return cluster
    .running()
    .flatMap(({ name, core }) => core.jobs.debts().map((debt) => ({ name, ...debt })))
    .filter(({ kind, count }) => /ask|wait|search|check/.test(kind) && count !== 0)
    .map(({ name, kind, count }) => `${name}: ${count} ${kind}`);
}

t.test('a client that gives up is forgotten by every node that asked for it', async (t) => {
  const { cluster, key, entries } = keyThatMovedHome('give up');
  for (let client = 0; client < 50; client++) {
    const request = cluster.request(entries[0], runCommand({ key }));
    cluster.runFor(50);
    t.equal(request.reply, null, 'it waits');
    giveUp(cluster, request);
    cluster.runFor(50);
  }
  t.same(openRequests(cluster), []);
});

t.test('the clients of a node that died are forgotten by every node that it asked', async (t) => {
  const { cluster, key, holder, entries } = keyThatMovedHome('died');
  for (let client = 0; client < 50; client++) cluster.request(entries[0], runCommand({ key }));
  cluster.runFor(100);
  t.ok(openRequests(cluster).includes(`${holder}: 50 requests that wait`));
  cluster.node(entries[0]).kill();
  cluster.runFor(20_000);
  t.same(openRequests(cluster), []);
});

t.test('giving up is not lost with a link', async (t) => {
  for (const seed of seeds) {
    const { cluster, key, entries } = keyThatMovedHome(seed);
    const requests = Array.from({ length: 10 }, () => cluster.request(entries[0], runCommand({ key })));
    cluster.runFor(100);
    for (const name of 'abc') cluster.network.resetBetween(name, 'd');
    for (const request of requests) giveUp(cluster, request);
    cluster.runFor(5_000);
    t.same(openRequests(cluster), [], seed);
  }
});

t.test('a request that is asked again on a new link is answered once, and rightly', async (t) => {
  for (const seed of seeds) {
    const cluster = new SimCluster({ seed, runMs: [800, 1_200] });
    cluster.startAll(4);
    const key = keyFor('d', 'abcd');
    const requests = [...'abc'].map((name) => cluster.request(name, runCommand({ key })));
    for (let reset = 0; reset < 8; reset++) {
      cluster.runFor(cluster.random.next() * 60);
      for (const name of 'abc') cluster.network.resetBetween(name, 'd');
    }
    cluster.runUntil('all are answered', () => requests.every(({ reply }) => reply !== null), 20_000);
    for (const { reply } of requests) t.same(reply, { ok: true, text: '1' }, seed);
    t.equal(cluster.attempts.length, 1, seed);
  }
});

t.test("a wait for another node's job ends in its time, whatever happens to that node", async (t) => {
  const troubles = {
    resets: (cluster: SimCluster) => {
      for (let at = 100; at < 5_000; at += 700)
        cluster.time.after(at, () => cluster.network.resetBetween('b', 'c'));
    },
    pause: (cluster: SimCluster) => cluster.node('b').pause(),
    cut: (cluster: SimCluster) => cluster.network.cut('b', 'c'),
  };
  for (const [trouble, begin] of Object.entries(troubles)) {
    for (const seed of seeds.slice(0, 10)) {
      const cluster = new SimCluster({ seed, runMs: [hour, hour] });
      cluster.startAll(3);
      const job = cluster.submit('b', runCommand());
      cluster.runFor(500);
      const wait = cluster.request('c', { type: 'wait', job, timeoutMs: 1_000 });
      begin(cluster);
      const tookMs = cluster.runUntil(`answered in spite of ${trouble}`, () => wait.reply !== null, 20_000);
      t.match(wait.reply, { code: 'TIMEOUT' }, `${trouble}, ${seed}`);
      t.ok(tookMs > 999 && tookMs < 1_300, `${trouble}, ${seed}: ${tookMs} ms`);
      cluster.node('b').resume();
      cluster.network.heal();
      cluster.runFor(10_000);
      t.same(openRequests(cluster), [], `${trouble}, ${seed}`);
    }
  }
});

t.test('a wait by key ends in its time, too, while a node that may know the key is silent', async (t) => {
  const cluster = new SimCluster({ seed: 'silent' });
  cluster.startAll(3);
  cluster.node('b').pause();
  const wait = cluster.request('c', { type: 'wait', job: idOfKey('unknown'), timeoutMs: 500 });
  const tookMs = cluster.runUntil('answered', () => wait.reply !== null, 5_000);
  t.match(wait.reply, { code: 'TIMEOUT' });
  t.ok(tookMs < 800, `${tookMs} ms`);
});

t.test('a key is not said to be unknown while a node that may know it is silent', async (t) => {
  const cluster = new SimCluster({ seed: 'silent', jobs: { askTimeoutMs: 1_000 } });
  cluster.startAll(3);
  const early = cluster.request('c', { type: 'status', job: idOfKey('unknown') });
  cluster.runFor(100);
  t.match(early.reply, { code: 'NOT_FOUND' }, 'all have answered');
  cluster.node('b').pause();
  const status = cluster.request('c', { type: 'status', job: idOfKey('unknown') });
  cluster.runUntil('answered', () => status.reply !== null, 5_000);
  t.match(status.reply, { code: 'UNAVAILABLE', message: /node b, which may know/ });
});

/** Knows which nodes were about to take a job with a key. */
class ClaimWatch extends SimCluster {
  readonly claimants = new Set<string>();

  override performed(node: string, effect: NodeEffect): void {
    super.performed(node, effect);
    if (effect.type !== 'send' || effect.message.type !== 'ask') return;
    if (effect.message.command.type === 'claim') this.claimants.add(node);
  }
}

t.test('a key that comes to all nodes at once, while a node joins or resumes, still runs once', async (t) => {
  let contested = 0;
  for (const how of ['join', 'resume', 'drain'] as const) {
    for (let number = 0; number < 150; number++) {
      const cluster = new ClaimWatch({ seed: `${how}-${number}` });
      const names = cluster.startAll(4);
      if (how === 'resume') {
        cluster.request('b', { type: 'drain', node: null });
        cluster.runFor(5_000);
      }
      if (how === 'join') cluster.start('e');
      else cluster.request('b', { type: how, node: null });
      cluster.runFor((number % 10) / 2);
      const requests = names.map((name) => cluster.request(name, runCommand({ key: `key-${number}` })));
      cluster.runUntil('all are answered', () => requests.every(({ reply }) => reply !== null), 8_000);
      for (const { reply } of requests) t.same(reply, { ok: true, text: '1' });
      t.equal(cluster.attempts.length, 1, `${how}-${number}`);
      if (cluster.claimants.size > 1) contested++;
    }
  }
  t.ok(contested > 10, `${contested} times two nodes were about to take it`);
});

t.test('a node that leaves has given its answers to other nodes before it goes', async (t) => {
  for (const seed of seeds.slice(0, 10)) {
    const cluster = new SimCluster({ seed, network: { delayMs: [20, 40] } });
    cluster.startAll(3);
    const args = JSON.stringify('x'.repeat(4 * 1024 * 1024));
    const job = cluster.submit('b', { ...runCommand(), args });
    cluster.runFor(2_000);
    const waits = Array.from({ length: 12 }, () =>
      cluster.request('c', { type: 'wait', job, timeoutMs: null }),
    );
    cluster.runFor(60);
    cluster.request('b', { type: 'leave' });
    cluster.runUntil('all are answered', () => waits.every(({ reply }) => reply !== null), 10_000);
    t.equal(waits.filter(({ reply }) => reply?.ok).length, 12, seed);
  }
});

t.test('a node that leaves has the time to drain for a large answer', async (t) => {
  const cluster = new SimCluster({ seed: 'large', network: { delayMs: [50, 55], format: 'bytes' } });
  cluster.startAll(2);
  const args = JSON.stringify('x'.repeat(12 * 1024 * 1024));
  const job = cluster.submit('b', runCommand({ node: 'b', copies: 1 }, args));
  cluster.runFor(1_000);
  const wait = cluster.request('a', { type: 'wait', job, timeoutMs: null });
  cluster.runFor(60);
  cluster.request('b', { type: 'leave' });
  // Others ask on and on.
  for (let at = 0; at < 4_000; at += 10) {
    cluster.time.after(at, () => cluster.request('a', { type: 'status', job }));
  }
  const tookMs = cluster.runUntil('b is gone', () => cluster.node('b').status === 'dead', 20_000);
  t.ok(wait.reply?.ok);
  t.ok(tookMs < 4_000, `${tookMs} ms`);
});

t.test('a request that comes while a node takes its leave is answered', async (t) => {
  for (const seed of seeds.slice(0, 10)) {
    const cluster = new SimCluster({ seed, runMs: [hour, hour] });
    cluster.startAll(3);
    // Its answer keeps b from going for as long as it may: c can't hear it.
    const job = cluster.submit('b', runCommand());
    cluster.request('c', { type: 'wait', job, timeoutMs: null });
    cluster.runFor(500);
    cluster.request('b', { type: 'leave' });
    cluster.runFor(4_000);
    cluster.network.cut('b', 'c');
    const late: SimRequest[] = [];
    for (let at = 0; at < 6_000; at += 50) {
      cluster.time.after(at, () => {
        if (cluster.node('b').status === 'running')
          late.push(cluster.request('b', runCommand({ key: keyFor('a', 'ac') })));
      });
    }
    cluster.runUntil('b is gone', () => cluster.node('b').status === 'dead', 20_000);
    t.ok(late.length > 20 && late.every(({ reply }) => reply !== null), `${seed}: ${late.length} requests`);
  }
});

t.test(
  'a key that comes to all nodes of a cluster that drains as a whole is refused or taken at once',
  async (t) => {
    for (const seed of seeds) {
      const cluster = new SimCluster({ seed });
      const names = cluster.startAll(5);
      for (const name of names) cluster.time.after(cluster.random.next() * 20, () => drain(cluster, name));
      const requests: SimRequest[] = [];
      for (let at = 0; at < 60; at += 2) {
        const name = names[at % 5] as string;
        cluster.time.after(at, () =>
          requests.push(cluster.request(name, { ...runCommand({ key: 'k' }), wait: false })),
        );
      }
      cluster.runFor(3_000);
      t.ok(
        requests.every(({ reply }) => reply !== null),
        `${seed}: all are answered`,
      );
      const before = cluster.network.messageCount;
      cluster.runFor(1_000);
      const count = cluster.network.messageCount - before;
      t.ok(count < 200, `${seed}: and then nothing goes on but probes: ${count} messages`);
    }
  },
);

t.test('a key that comes to nodes that are resumed while they ask for it gives one job', async (t) => {
  for (const isStopped of [false, true]) {
    for (const seed of seeds) {
      const cluster = new SimCluster({ seed });
      for (const name of cluster.startAll(3)) drain(cluster, name);
      cluster.runFor(2_000);
      // Its answer is waited for.
      if (isStopped) cluster.node('c').pause();
      const requests = ['a', 'b'].map((name) => cluster.request(name, runCommand({ key: 'k' })));
      cluster.runFor(isStopped ? 200 : 0.1);
      for (const name of 'ab') cluster.request(name, { type: 'resume', node: null });
      cluster.runUntil('both are answered', () => requests.every(({ reply }) => reply !== null), 30_000);
      t.equal(cluster.attempts.length, 1, `${seed} ${isStopped}`);
      t.ok(requests.every(({ reply }) => reply?.ok));
    }
  }
});

t.test('a node that stood still while it asked for a key asks again: others may have taken it', async (t) => {
  for (const seed of seeds.slice(0, 10)) {
    const cluster = new SimCluster({ seed });
    cluster.startAll(4);
    const command = runCommand({ key: keyFor('b', 'abcd'), copies: 1 });
    cluster.node('d').pause();
    const early = cluster.request('b', command);
    cluster.runFor(200);
    t.equal(early.reply, null, `${seed}: b waits for what d knows`);
    cluster.node('b').pause();
    cluster.runFor(12_000);
    const late = cluster.request('c', command);
    cluster.runUntil('others run it', () => late.reply !== null, 20_000);
    cluster.node('b').resume();
    cluster.runUntil('b answers, too', () => early.reply !== null, 30_000);
    t.strictSame(early.reply, late.reply);
    t.equal(cluster.attempts.length, 1, seed);
  }
});

t.test('a node that is alone takes a key at the moment at which it goes on again', async (t) => {
  const cluster = new SimCluster({ seed: 'alone' });
  cluster.start('a');
  cluster.runFor(1_000);
  cluster.node('a').pause();
  const request = cluster.request('a', runCommand({ key: 'k' }));
  cluster.runFor(5_000);
  cluster.node('a').resume();
  cluster.runUntil('it is answered', () => request.reply !== null, 10_000);
  t.match(request.reply, { ok: true });
});

function drain(cluster: SimCluster, name: string): void {
  cluster.request(name, { type: 'drain', node: null });
}
