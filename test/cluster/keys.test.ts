import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type ClusterNode, membersAt, request, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { rondoPath, startNode } from '../support/cluster-node.js';

function rondo(...args: string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  return spawnSync(process.execPath, [rondoPath, ...args], { encoding: 'utf8', timeout: 20_000 });
}

t.test('nodes with the same key form a cluster and run jobs on each other', async (t) => {
  const cluster = await clusterFor(t, { nodes: 2, names: ['a', 'b'], tls: true });
  const [a] = cluster.nodes as [ClusterNode];
  t.equal(await request(a, 'RUN echo node=b {"over":"TLS"}'), 'OK {"over":"TLS"}');
});

t.test('a node with another key is refused, and both sides say why', async (t) => {
  const cluster = await clusterFor(t, { nodes: 1, names: ['a'], tls: true });
  const [a] = cluster.nodes as [ClusterNode];
  const otherKey = join(cluster.directory, 'other.key');
  t.equal(rondo('keygen', otherKey).status, 0);
  t.not(readFileSync(otherKey, 'utf8'), readFileSync(cluster.keyFile as string, 'utf8'));
  const stranger = await startNode({
    name: 'stranger',
    directory: cluster.directory,
    join: [a.peer],
    args: ['--key-file', otherKey],
  });
  t.teardown(() => stranger.stop());
  await waitUntil(
    'both have said that the keys differ',
    () => /key/i.test(stranger.logs()) && /key/i.test(a.logs()),
  );
  t.same(
    (await membersAt(a)).map(({ name }) => name),
    ['a'],
  );
  t.same(
    (await membersAt(stranger)).map(({ name }) => name),
    ['stranger'],
  );
});

t.test('a node without a key is refused by a cluster that has one', async (t) => {
  const cluster = await clusterFor(t, { nodes: 1, names: ['a'], tls: true });
  const [a] = cluster.nodes as [ClusterNode];
  const stranger = await startNode({ name: 'stranger', directory: cluster.directory, join: [a.peer] });
  t.teardown(() => stranger.stop());
  await waitUntil('the node has said that a key is wanted', () => /key|TLS/i.test(stranger.logs()));
  t.same(
    (await membersAt(a)).map(({ name }) => name),
    ['a'],
  );
});

t.test('a node without a key does not leave the loopback address', (t) => {
  const data = t.testdir({});
  const { status, stderr } = rondo('start', '--listen', '0.0.0.0:0', '--no-http', '--data', data);
  t.equal(status, 2);
  t.match(stderr, /key/);
  t.end();
});

t.test('keygen writes a key that only its owner can read, and never over another', (t) => {
  const keyFile = join(t.testdir({}), 'cluster.key');
  t.equal(rondo('keygen', keyFile).status, 0);
  const key = readFileSync(keyFile, 'utf8');
  const again = rondo('keygen', keyFile);
  t.equal(again.status, 2);
  t.match(again.stderr, /exists/);
  t.equal(readFileSync(keyFile, 'utf8'), key);
  t.end();
});
