import '../support/netns/enter.js';
import t, { type Test } from 'tap';
import type { ClusterNode } from '../support/cluster-node.js';
import { testTasks } from '../support/hold-job.js';
import { type NetworkCluster, networkClusterFor } from '../support/netns/network-cluster.js';
import { deathsAmong, untilToldOf } from '../support/node-news.js';
import { doneIn, faultsOf, startWorkload, workFor } from '../support/workload.js';

const noticedMsMax = 5_000;
const noticedTimeoutMs = 15_000;
const pairCutMs = 4_000;

function clusterOfFive(t: Test): Promise<NetworkCluster> {
  return networkClusterFor(t, { hosts: 5, args: ['--tasks', testTasks] });
}

t.test(
  'of two nodes one of which doesn’t hear the other, none is taken for dead, and no job is lost',
  async (t) => {
    const cluster = await clusterOfFive(t);
    const { network, nodes } = cluster;
    const [speaker, listener] = network.hosts as [never, never];
    const sinceMs = Date.now();
    const workload = await startWorkload(nodes);
    network.cut([speaker], [listener]);
    const others = await workFor(nodes.slice(2), pairCutMs);
    t.same(faultsOf(others), [], 'the others’ jobs are done while the cut lasts');
    t.equal(deathsAmong(nodes, sinceMs), '');
    network.heal();
    await cluster.untilAgreed();
    const work = await workload.end();
    t.same(faultsOf(work), [], 'all jobs of all are done once it is healed');
    t.ok(doneIn(work) > 0);
    t.equal(deathsAmong(nodes, sinceMs), '');
  },
);

const oneWayCuts = [
  { what: 'a node that hears nobody', from: 'others', to: 'one' },
  { what: 'a node that nobody hears', from: 'one', to: 'others' },
] as const;

for (const { what, from, to } of oneWayCuts) {
  t.test(
    `${what} is found dead within five seconds, nobody else is, and all agree after healing`,
    async (t) => {
      const cluster = await clusterOfFive(t);
      const { network, nodes } = cluster;
      const [one, ...others] = nodes as [ClusterNode, ...ClusterNode[]];
      const hosts = { one: [cluster.hostOf(one)], others: others.map((node) => cluster.hostOf(node)) };
      const sinceMs = Date.now();
      network.cut(hosts[from], hosts[to]);
      const knownAtMs = await untilToldOf({ about: one, what: ['dead'], sinceMs }, others, {
        timeoutMs: noticedTimeoutMs,
      });
      t.ok(knownAtMs - sinceMs <= noticedMsMax, `the four others know after ${knownAtMs - sinceMs} ms`);
      const work = await workFor(others, 500);
      t.same(faultsOf(work), [], 'they go on with jobs');
      await cluster.untilAgreed(others);
      network.heal();
      await cluster.untilAgreed();
      t.equal(deathsAmong(others, sinceMs), '', 'none of the healthy ones took another for dead');
    },
  );
}
