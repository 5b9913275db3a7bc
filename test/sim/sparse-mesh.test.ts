import t from 'tap';
import type { LinksConfig } from '../../src/core/links/config.js';
import type { MemberState } from '../../src/core/member.js';
import { SimCluster, type SimRequest } from '../../src/sim/sim-cluster.js';
import { runCommand } from '../support/commands.js';

// A mesh that is sparse from 13 members on, in the same proportions as the real one, so that 40 nodes are a large cluster.
const links: Partial<LinksConfig> = {
  meshLinksMax: 12,
  gossipLinks: 5,
  gossipLinksMax: 10,
  demandLinksMax: 8,
  linksMax: 24,
};
const names = ['a', ...Array.from({ length: 39 }, (_, index) => `n${String(index).padStart(2, '0')}`)];
const seeds = ['one'];

function startLarge(seed: string): SimCluster {
  const cluster = new SimCluster({ seed, links, membership: { meshLinksMax: 12 }, runMs: [5, 50] });
  for (const name of names) cluster.start(name);
  cluster.runUntil('all nodes know all', () => cluster.agree(), 15_000);
  return cluster;
}

function untilAnswered(cluster: SimCluster, requests: readonly SimRequest[], limitMs: number): number {
  return cluster.runUntil('all are answered', () => requests.every(({ reply }) => reply !== null), limitMs);
}

function linkCounts(cluster: SimCluster): number[] {
  return cluster.running().map(({ core }) => core.links.count());
}

function seersOf(cluster: SimCluster, name: string, state: MemberState): number {
  return cluster.running().filter((seer) => cluster.stateOf(name, seer.name) === state).length;
}

t.test('a large cluster that starts at once settles at few links a node, and stays at them', async (t) => {
  for (const seed of seeds) {
    const cluster = startLarge(seed);
    cluster.runFor(20_000);
    for (let second = 0; second < 60; second++) {
      cluster.runFor(1_000);
      const counts = linkCounts(cluster);
      t.ok(
        Math.min(...counts) >= 4 && Math.max(...counts) <= 20,
        `${seed}: ${Math.min(...counts)} to ${Math.max(...counts)}`,
      );
    }
    t.ok(cluster.agree(), `${seed}: nobody is suspected for having no link`);
  }
});

t.test(
  'jobs go to whoever has a link, further ones are asked for while jobs wait, and all are done',
  async (t) => {
    for (const seed of seeds) {
      const cluster = startLarge(seed);
      const requests = Array.from({ length: 2_000 }, (_, index) =>
        cluster.request(names[index % 3] as string, runCommand()),
      );
      untilAnswered(cluster, requests, 20_000);
      t.ok(
        requests.every(({ reply }) => reply?.ok),
        seed,
      );
      t.equal(cluster.attempts.length, 2_000, `${seed}: each ran once`);
      const ranOn = new Set(cluster.attempts.map(({ on }) => on)).size;
      t.ok(ranOn > 20, `${seed}: they ran on ${ranOn} nodes`);
      t.ok(Math.max(...linkCounts(cluster)) <= 24, `${seed}: within the cap`);
    }
  },
);

t.test('a node without a link is reached when a job names it, or a client asks for its job', async (t) => {
  for (const seed of seeds) {
    const cluster = startLarge(seed);
    const named = names.map((name) => cluster.request('a', runCommand({ node: name })));
    untilAnswered(cluster, named, 10_000);
    t.strictSame(
      cluster.attempts.map(({ on }) => on).sort(),
      [...names].sort(),
      `${seed}: each job ran where it should`,
    );
    const waits = names.map((name, index) => {
      const job = cluster.submit(name, runCommand());
      return cluster.request(names[(index * 7 + 13) % 40] as string, { type: 'wait', job, timeoutMs: null });
    });
    untilAnswered(cluster, waits, 10_000);
    t.ok(
      waits.every(({ reply }) => reply?.ok),
      seed,
    );
  }
});

t.test('the same key at all nodes of a large cluster is one job, and every job is listed', async (t) => {
  for (const seed of seeds) {
    const cluster = startLarge(seed);
    const keyed = names.map((name) => cluster.request(name, runCommand({ key: 'once' })));
    untilAnswered(cluster, keyed, 10_000);
    t.equal(cluster.attempts.length, 1, seed);
    const list = cluster.request('n38', { type: 'jobs', state: null, task: null, limit: 10 });
    untilAnswered(cluster, [list], 10_000);
    t.match(list.reply, { ok: true, text: /"state":"done"/ }, seed);
  }
});

t.test('a result finds its owner when their link was closed as a spare one in between', async (t) => {
  for (const seed of seeds) {
    const cluster = new SimCluster({
      seed,
      links,
      membership: { meshLinksMax: 12 },
      runMs: [90_000, 90_000],
    });
    for (const name of names) cluster.start(name);
    cluster.runUntil('all nodes know all', () => cluster.agree(), 15_000);
    const requests = names.slice(20).map((name) => cluster.request('a', runCommand({ node: name })));
    cluster.runFor(85_000);
    t.ok((linkCounts(cluster)[0] as number) < 20, `${seed}: most of the links are closed`);
    untilAnswered(cluster, requests, 10_000);
    t.ok(
      requests.every(({ reply }) => reply?.ok),
      seed,
    );
    t.equal(cluster.attempts.length, 20, seed);
  }
});

t.test('a hung node and a killed one are found by those near them, and everybody hears of it', async (t) => {
  for (const seed of seeds) {
    const cluster = startLarge(seed);
    cluster.runFor(10_000);
    cluster.node('n20').pause();
    const hungMs = cluster.runUntil('all know', () => seersOf(cluster, 'n20', 'dead') === 39, 15_000);
    cluster.node('n30').kill();
    const killedMs = cluster.runUntil('all know', () => seersOf(cluster, 'n30', 'dead') === 38, 5_000);
    t.ok(hungMs < 8_000 && killedMs < 1_500, `${seed}: ${hungMs} and ${killedMs} ms`);
    cluster.node('n20').resume();
    cluster.runUntil('all know that it is back', () => cluster.agree(), 45_000);
  }
});

t.test('a member that was made up is found out, though nobody has a link to it', async (t) => {
  const cluster = startLarge('made up');
  const record = {
    ...cluster.node('n20').core.self(),
    id: 'zzzzzzzzzzzz',
    name: 'zz',
    address: 'zz:1',
    instance: 'zzzzz',
  };
  const liar = cluster.node('n10').core;
  liar.step(
    {
      type: 'message',
      link: [...Array(5_000).keys()].find((link) => liar.links.helloOf(link) !== null) as number,
      message: { type: 'gossip', rumours: [{ type: 'alive', member: record }] },
    },
    cluster.time.instant(),
  );
  cluster.node('n10').arrive({ type: 'tick', lateMs: 0 });
  cluster.runFor(2_000);
  t.ok(seersOf(cluster, 'zz', 'alive') + seersOf(cluster, 'zzzzzzzzzzzz', 'alive') > 30, 'they believe it');
  cluster.runUntil('nobody does any more', () => seersOf(cluster, 'zzzzzzzzzzzz', 'dead') >= 39, 120_000);
});
