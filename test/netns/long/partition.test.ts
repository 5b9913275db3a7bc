import '../../support/netns/enter.js';
import t, { type Test } from 'tap';
import type { ClusterNode } from '../../support/cluster-node.js';
import { testTasks } from '../../support/hold-job.js';
import { type NetworkCluster, networkClusterFor } from '../../support/netns/network-cluster.js';
import { untilToldOf } from '../../support/node-news.js';
import { faultsOf, startWorkload, workFor } from '../../support/workload.js';

const partedTimeoutMs = 60_000;
/** Longer than links to the dead are kept, so that only new dials can bring both sides together. */
const longHoleMs = 45_000;

function cutBetween(
  { network, hostOf }: NetworkCluster,
  one: readonly ClusterNode[],
  other: readonly ClusterNode[],
): void {
  const [these, those] = [one.map(hostOf), other.map(hostOf)];
  network.cut(these, those);
  network.cut(those, these);
}

t.test(
  'both halves of a cluster go on with jobs while they are apart, and agree when they are not',
  async (t: Test) => {
    const cluster = await networkClusterFor(t, { hosts: 6, args: ['--tasks', testTasks] });
    const halves = [cluster.nodes.slice(0, 3), cluster.nodes.slice(3)] as const;
    const workload = await startWorkload(cluster.nodes);
    const sinceMs = Date.now();
    cutBetween(cluster, ...halves);
    const knownAtMs = await Promise.all(
      [halves, [halves[1], halves[0]] as const].flatMap(([one, other]) =>
        other.map((about) =>
          untilToldOf({ about, what: ['dead'], sinceMs }, one, { timeoutMs: partedTimeoutMs }),
        ),
      ),
    );
    t.comment(
      `measured: each half knows that the other is gone after ${Math.max(...knownAtMs) - sinceMs} ms`,
    );
    t.same(faultsOf(await workload.end()), [], 'all jobs submitted before and since are done');
    for (const half of halves) {
      await cluster.untilAgreed(half);
      const work = await workFor(half, 500);
      t.same(faultsOf(work), []);
      const ranOn = new Set(work.flatMap((each) => [...each.ranOn.keys()]));
      t.equal([...ranOn].sort().join(), half.map(({ name }) => name).join(), 'it runs its jobs itself');
    }
    const healedAtMs = Date.now();
    cluster.network.heal();
    await cluster.untilAgreed();
    t.comment(`measured: the halves agree ${Date.now() - healedAtMs} ms after healing`);
    t.same(faultsOf(await workFor(cluster.nodes, 500)), []);
  },
);

t.test('a node is a member again after a black hole that outlasts its links', async (t) => {
  const cluster = await networkClusterFor(t, { hosts: 3, args: ['--tasks', testTasks] });
  const [one, ...others] = cluster.nodes as [ClusterNode, ...ClusterNode[]];
  cutBetween(cluster, [one], others);
  const work = await workFor(others, longHoleMs, { atOnce: 1 });
  t.same(faultsOf(work), []);
  await cluster.untilAgreed(others);
  await cluster.untilAgreed([one]);
  const healedAtMs = Date.now();
  cluster.network.heal();
  await cluster.untilAgreed();
  t.comment(`measured: it is back ${Date.now() - healedAtMs} ms after healing`);
  t.same(faultsOf(await workFor(cluster.nodes, 500)), []);
});
