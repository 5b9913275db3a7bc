import '../support/netns/enter.js';
import t from 'tap';
import { request } from '../support/cluster.js';
import type { ClusterNode } from '../support/cluster-node.js';
import { testTasks } from '../support/hold-job.js';
import { networkClusterFor } from '../support/netns/network-cluster.js';
import { newsOf, tell } from '../support/node-news.js';
import { stopFor } from '../support/process-faults.js';
import { doneIn, faultsOf, startWorkload } from '../support/workload.js';

const briefStopMs = 1_000;
const blockMs = 3_000;
const threads = 2;

t.test('after a stop of one second all agree that all are alive, and no job is lost', async (t) => {
  const cluster = await networkClusterFor(t, { hosts: 4, args: ['--tasks', testTasks] });
  const stopped = cluster.nodes[1] as ClusterNode;
  const others = cluster.nodes.filter((node) => node !== stopped);
  const sinceMs = Date.now();
  const workload = await startWorkload(cluster.nodes);
  await stopFor(stopped, briefStopMs);
  await cluster.untilAgreed();
  const work = await workload.end();
  t.same(faultsOf(work), []);
  t.ok(doneIn(work) > 0);
  const wrong = newsOf(cluster.nodes, sinceMs).filter(
    ({ what, about }) => what === 'dead' && about !== stopped.name,
  );
  t.equal(tell(wrong), '', `none of ${others.length} others was taken for dead`);
});

t.test('handlers that block every thread of a node for three seconds cost it no heartbeat', async (t) => {
  const { nodes } = await networkClusterFor(t, {
    hosts: 3,
    args: ['--tasks', testTasks, '--threads', String(threads), '--concurrency', String(threads)],
  });
  const [near, blocked] = nodes as [ClusterNode, ClusterNode];
  const sinceMs = Date.now();
  const line = `RUN block node=${blocked.name} {"ms":${blockMs}}`;
  const replies = await Promise.all(Array.from({ length: threads }, () => request(near, line)));
  const elapsedMs = Date.now() - sinceMs;
  t.same(replies, Array(threads).fill(`OK {"node":"${blocked.name}"}`));
  t.ok(elapsedMs < 2 * blockMs, `all threads were blocked at once, for ${elapsedMs} ms`);
  t.equal(tell(newsOf(nodes, sinceMs)), '', 'nobody was suspected');
});
