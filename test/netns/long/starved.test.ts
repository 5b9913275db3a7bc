import '../../support/netns/enter.js';
import t from 'tap';
import type { ClusterNode } from '../../support/cluster-node.js';
import { testTasks } from '../../support/hold-job.js';
import { networkClusterFor } from '../../support/netns/network-cluster.js';
import { newsOf, tell } from '../../support/node-news.js';
import { starve } from '../../support/process-faults.js';
import { doneIn, faultsOf, startWorkload } from '../../support/workload.js';

t.test('a node that runs a tenth of the time for ten seconds takes no healthy one for dead', async (t) => {
  const cluster = await networkClusterFor(t, { hosts: 5, args: ['--tasks', testTasks] });
  const starved = cluster.nodes[2] as ClusterNode;
  const sinceMs = Date.now();
  const workload = await startWorkload(cluster.nodes);
  await starve(starved, { stoppedMs: 900, runningMs: 100, durationMs: 10_000 });
  await cluster.untilAgreed();
  const work = await workload.end();
  t.same(faultsOf(work), []);
  t.ok(doneIn(work) > 0);
  const news = newsOf(cluster.nodes, sinceMs);
  const wrong = news.filter(({ what, about }) => what === 'dead' && about !== starved.name);
  t.equal(tell(wrong), '', 'no healthy node was declared dead, by whomever');
  const deaths = news.filter(({ what, about }) => what === 'dead' && about === starved.name).length;
  t.comment(
    `measured: the starved node was declared dead ${deaths} times by ${cluster.nodes.length - 1} others`,
  );
});
