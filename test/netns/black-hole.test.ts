import '../support/netns/enter.js';
import t from 'tap';
import type { ClusterNode } from '../support/cluster-node.js';
import { testTasks } from '../support/hold-job.js';
import { networkClusterFor } from '../support/netns/network-cluster.js';
import { deathsAmong, untilToldOf } from '../support/node-news.js';
import { doneIn, faultsOf, startWorkload, workFor } from '../support/workload.js';

const noticedMsMax = 5_000;
const noticedTimeoutMs = 15_000;

t.test(
  'a node in a black hole is found dead, its jobs run elsewhere, and after healing nothing is lost',
  async (t) => {
    const cluster = await networkClusterFor(t, { hosts: 5, args: ['--tasks', testTasks] });
    const { network, nodes } = cluster;
    const [one, ...others] = nodes as [ClusterNode, ...ClusterNode[]];
    const [itsHost, otherHosts] = [[cluster.hostOf(one)], others.map((node) => cluster.hostOf(node))];
    const itsWork = await startWorkload([one]);
    const othersWork = await startWorkload(others);
    const sinceMs = Date.now();
    network.cut(itsHost, otherHosts);
    network.cut(otherHosts, itsHost);
    const knownAtMs = await untilToldOf({ about: one, what: ['dead'], sinceMs }, others, {
      timeoutMs: noticedTimeoutMs,
    });
    t.ok(knownAtMs - sinceMs <= noticedMsMax, `the four others know after ${knownAtMs - sinceMs} ms`);
    const work = await othersWork.end();
    const drainedMs = Date.now() - knownAtMs;
    t.same(faultsOf(work), [], `all jobs of the others are done, ${drainedMs} ms after they knew`);
    await cluster.untilAgreed(others);
    const healedAtMs = Date.now();
    network.heal();
    await cluster.untilAgreed();
    const hole = `${healedAtMs - sinceMs} ms`;
    t.comment(`measured: a node is back ${Date.now() - healedAtMs} ms after a black hole of ${hole}`);
    const itsOwn = await itsWork.end();
    t.same(faultsOf(itsOwn), [], 'all of its own jobs are done');
    t.ok(doneIn(itsOwn) > 0);
    t.equal(deathsAmong(others, sinceMs), '', 'none of the others took another for dead');
    const again = await workFor([others[0] as ClusterNode], 500);
    t.ok((again[0]?.ranOn.get(one.name) ?? 0) > 0, 'and it runs jobs of others again');
  },
);
