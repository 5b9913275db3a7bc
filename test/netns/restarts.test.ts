import '../support/netns/enter.js';
import t from 'tap';
import type { ClusterNode } from '../support/cluster-node.js';
import { testTasks } from '../support/hold-job.js';
import { networkClusterFor } from '../support/netns/network-cluster.js';
import { newsOf, tell } from '../support/node-news.js';
import { faultsOf, startWorkload } from '../support/workload.js';

t.test(
  'while five nodes restart one after another no job is lost whose owner stays, and nobody is taken for dead',
  async (t) => {
    const cluster = await networkClusterFor(t, { hosts: 5, args: ['--tasks', testTasks] });
    const before = [...cluster.nodes];
    for (const old of before) {
      const staying = cluster.nodes.filter((node) => node !== old);
      const sinceMs = Date.now();
      const workload = await startWorkload(staying);
      const end = await old.stop();
      t.same(end, { code: 0, signal: null }, `${old.name} has left`);
      await cluster.untilAgreed(staying);
      const again = await cluster.start(cluster.hostOf(old));
      await cluster.untilAgreed();
      const work = await workload.end();
      t.equal(again.id, old.id, 'it is the same node again');
      t.same(faultsOf(work), [], 'all jobs of the others are done');
      t.ok(
        work.every(({ done }) => done > 0),
        `jobs: ${work.map(({ done }) => done).join(', ')}`,
      );
      const dead = newsOf(staying, sinceMs).filter(({ what }) => what === 'dead');
      t.equal(tell(dead), '', 'nobody was taken for dead');
    }
    t.not(cluster.nodes.map(({ pid }: ClusterNode) => pid).join(), before.map(({ pid }) => pid).join());
  },
);
