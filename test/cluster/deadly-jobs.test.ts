import t from 'tap';
import { type ClusterNode, request, requestJson } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';

// Up to nine starts of real nodes, and their deaths have to be noticed.
t.setTimeout(120_000);

/** Long enough for the node to say that it is ready. */
const killer = `export default async () => {
  await new Promise((resolve) => setTimeout(resolve, 700));
  process.kill(process.pid, 'SIGKILL');
};`;

interface JobStatus {
  readonly state: string;
  readonly error: { readonly name: string } | null;
}

t.test('a job that kills a node that is alone, again and again, is stopped after three times', async (t) => {
  const tasks = t.testdir({ 'killer.mjs': killer });
  const cluster = await clusterFor(t, { nodes: 1, args: ['--tasks', tasks] });
  let [node] = cluster.nodes as [ClusterNode];
  const bystander = (await request(node, 'SUBMIT echo delay=1h 1')).split(' ')[1] as string;
  const id = (await request(node, 'SUBMIT killer')).split(' ')[1] as string;
  for (let death = 1; death <= 3; death++) {
    t.equal((await node.ended).signal, 'SIGKILL');
    node = await cluster.restart(node);
  }
  t.match(await request(node, `WAIT ${id} timeout=20s`), /^ERR JOB_FAILED .*NodeLost.*3 nodes or threads/);
  const status = await requestJson<JobStatus>(node, `STATUS ${bystander}`);
  t.equal(status.state, 'delayed', 'one that has not been due is not to blame');
});

t.test('and one that kills the nodes of a cluster, its owner among them', async (t) => {
  const tasks = t.testdir({ 'killer.mjs': killer });
  const cluster = await clusterFor(t, { nodes: 3, args: ['--tasks', tasks] });
  const [first] = cluster.nodes as [ClusterNode];
  const id = (await request(first, 'SUBMIT killer')).split(' ')[1] as string;
  const nodes = [...cluster.nodes];
  for (let death = 1; death <= 3; death++) {
    const index = await Promise.race(
      nodes.map(async (node, place) => {
        await node.ended;
        return place;
      }),
    );
    nodes[index] = await cluster.restart(nodes[index] as ClusterNode);
  }
  await cluster.untilAlive(3, nodes);
  t.match(
    await request(nodes[0] as ClusterNode, `WAIT ${id} timeout=30s`),
    /^ERR JOB_FAILED .*NodeLost/,
    'after three, and not more',
  );
});
