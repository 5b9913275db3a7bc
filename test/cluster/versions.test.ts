import t, { type Test } from 'tap';
import type { ClusterNode } from '../support/cluster.js';
import { type Cluster, membersAt, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { startNode } from '../support/cluster-node.js';
import { testTasks } from '../support/hold-job.js';
import { makeNewerBuild, type NewerBuildOptions } from '../support/newer-build.js';
import { newsOf, tell } from '../support/node-news.js';

const args = ['--tasks', testTasks, '--log-level', 'debug'];

async function startNewer(t: Test, cluster: Cluster, options: NewerBuildOptions): Promise<ClusterNode> {
  const newer = await startNode({
    name: 'newer',
    directory: cluster.directory,
    join: cluster.nodes.map(({ peer }) => peer),
    program: makeNewerBuild(t.testdir({}), options).program,
    args,
  });
  t.teardown(() => newer.stop());
  return newer;
}

t.test(
  'a node that speaks a newer version too joins a cluster of the present one and works with it',
  async (t) => {
    const cluster = await clusterFor(t, { nodes: 3, names: ['a', 'b', 'c'], args });
    const newer = await startNewer(t, cluster, { versionMin: 1, versionMax: 2 });
    const all = [...cluster.nodes, newer];
    await cluster.untilAlive(4, all);
    for (const node of all) {
      const ranOn = new Set<string>();
      for (let n = 0; n < 4; n++)
        ranOn.add((await requestJson<{ node: string }>(node, `RUN where ${n}`)).node);
      t.equal([...ranOn].sort().join(), 'a,b,c,newer', `jobs of ${node.name} run on all`);
    }
    const started = new Map(all.map((node) => [node.name, node]));
    await newer.stop();
    await waitUntil('all know that it has left', async () => {
      const seen = await Promise.all(cluster.nodes.map((node) => membersAt(node)));
      return seen.every((members) => members.find(({ name }) => name === 'newer')?.state === 'left');
    });
    t.equal(
      tell(newsOf([...started.values()]).filter(({ what }) => what === 'dead')),
      '',
      'nobody was taken for dead',
    );
    t.notMatch(all.map((node) => node.logs()).join(''), /"level":[4-6]0/, 'nobody has warned of anything');
  },
);

t.test('a node that has no version in common is turned away, and both sides say why', async (t) => {
  const cluster = await clusterFor(t, { nodes: 2, names: ['a', 'b'], args });
  const newer = await startNewer(t, cluster, { versionMin: 2, versionMax: 3 });
  const saysWhy = (node: ClusterNode): boolean => /version/.test(node.logs());
  await waitUntil('all have said that the versions differ', () => [...cluster.nodes, newer].every(saysWhy));
  t.match(
    newer.logs(),
    /speaks versions 1 to 1 of the peer protocol, this node 2 to 3: upgrade the older one/,
  );
  for (const node of cluster.nodes) {
    t.match(
      node.logs(),
      /newer speaks versions 2 to 3 of the peer protocol, this node 1 to 1: upgrade the older one/,
    );
    t.equal(
      (await membersAt(node))
        .map(({ name }) => name)
        .sort()
        .join(),
      'a,b',
      `${node.name} knows its own`,
    );
  }
  t.equal((await membersAt(newer)).map(({ name }) => name).join(), 'newer');
  t.equal(await requestJson<number>(newer, 'RUN echo 1'), 1, 'it goes on alone');
});
