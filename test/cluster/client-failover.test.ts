import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { type Cluster, type ClusterNode, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { submitHold, testTasks } from '../support/hold-job.js';
import { parseAddress } from '../support/line-connection.js';
import { type CliResult, runCli } from '../support/run-cli.js';

interface JobShown {
  readonly id: string;
  readonly task: string;
  readonly state: string;
  readonly attempts: number;
  readonly owner: string;
  readonly executor: string | null;
}

t.setTimeout(90_000);

const withTestTasks = { nodes: 3, names: ['a', 'b', 'c'], args: ['--tasks', testTasks] };
/** What the jobs of these tests result in, wherever they have run. */
const heldResult = /^\{"node":"[abc]","attempt":\d\}\n$/;

/** `rondo run` of a job that runs until it is released: a machine may be so busy that any time would be too short. */
function runHold(
  cluster: Cluster,
  nodes: readonly ClusterNode[],
  ...flags: string[]
): { readonly result: Promise<CliResult>; release(): void } {
  const list = nodes.map(({ client }) => client).join(',');
  const until = join(cluster.directory, 'release');
  const args = JSON.stringify({ until, notes: join(cluster.directory, 'notes') });
  const result = runCli(['run', 'hold', args, '--node', list, ...flags]);
  return { result, release: () => writeFileSync(until, '') };
}

function runningJob(seenBy: ClusterNode): Promise<JobShown> {
  return waitUntil('the job runs', async () =>
    (await requestJson<JobShown[]>(seenBy, 'JOBS')).find(({ state }) => state === 'running'),
  );
}

/** The job of a RUN is copied a moment after it has begun: one that is lost with its node before is submitted again, some 15 s later. */
function untilCopied(nodes: readonly ClusterNode[]): Promise<true> {
  return waitUntil('another node holds the job', async () => {
    const infos = await Promise.all(
      nodes.map((node) => requestJson<{ held: { unfinished: number } }>(node, 'INFO')),
    );
    return infos.some(({ held }) => held.unfinished > 0) ? true : null;
  });
}

function placeOf(name: string | null, nodes: readonly ClusterNode[]): ClusterNode {
  return nodes.find((node) => node.name === name) as ClusterNode;
}

/** A way to a node that ends with it, and tells when a client has learned of the others. */
async function startEntry(node: ClusterNode): Promise<{
  readonly address: string;
  readonly hasToldNodes: Promise<void>;
  close(): Promise<void>;
}> {
  let tellNodes = (): void => {};
  const hasToldNodes = new Promise<void>((resolve) => {
    tellNodes = resolve;
  });
  const server = createServer((client) => {
    const way = connect(parseAddress(node.client));
    for (const socket of [client, way]) socket.on('error', () => {});
    client.pipe(way);
    way.pipe(client);
    way.on('data', (chunk) => {
      if (chunk.includes('"incarnation"')) setImmediate(tellNodes);
    });
    way.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hasToldNodes,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

t.test('run prints its result when the node that it talks to is killed, and its job is one', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a, b, c] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const { result, release } = runHold(cluster, [a, b], '--to', 'c');
  const job = await runningJob(c);
  await untilCopied([a, b, c]);
  t.match(job.id, /^key-/);
  a.kill('SIGKILL');
  release();
  const { code, stdout, stderr } = await result;
  t.equal(code, 0, stderr);
  t.match(stdout, heldResult);
  t.match(stderr, `going on at node ${b.client}`);
  const jobs = await requestJson<JobShown[]>(b, 'JOBS');
  t.strictSame(
    jobs.map(({ id, state }) => ({ id, state })),
    [{ id: job.id, state: 'done' }],
  );
  t.notMatch(stderr, 'submitted again');
  if (job.owner !== 'a') t.equal(jobs[0]?.attempts, 1, 'its owner lives, so it ran once');
});

t.test('run prints its result when the owner of its job is killed', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const nodes = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const [a, b] = nodes;
  const { result, release } = runHold(cluster, [a, b]);
  const { id, owner } = await runningJob(a);
  await untilCopied(nodes);
  placeOf(owner, nodes).kill('SIGKILL');
  release();
  const { code, stdout, stderr } = await result;
  t.equal(code, 0, stderr);
  t.match(stdout, heldResult);
  const asked = owner === 'a' ? b : a;
  const jobs = await requestJson<JobShown[]>(asked, 'JOBS');
  t.match(jobs, [{ id, state: 'done' }], 'one job, under the id that it had');
  t.not(jobs[0]?.owner, owner, 'another node goes on with it');
  t.notMatch(stderr, 'submitted again');
});

t.test('wait goes on at a node that was never listed when the only one that was is killed', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a, b] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const job = await submitHold(cluster, b);
  const entry = await startEntry(a);
  const waited = runCli(['wait', job.id, '--node', entry.address]);
  await entry.hasToldNodes;
  a.kill('SIGKILL');
  await entry.close();
  job.release();
  const { code, stdout, stderr } = await waited;
  t.equal(code, 0, stderr);
  t.match(stdout, heldResult);
  t.match(stderr, /node \S+ was lost: .*\n.*going on at node/);
});

t.test('map brings every line to its result while the node that it talks to is killed', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a, b] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const lines = Array.from({ length: 60 }, (_, index) => String(200 + index));
  const args = ['map', 'sleep', '--json-input', '--results-only', '--node', `${a.client},${b.client}`];
  const result = runCli(args, { input: `${lines.join('\n')}\n` });
  await runningJob(b);
  a.kill('SIGKILL');
  const { code, stdout, stderr } = await result;
  t.strictSame([code, stdout], [0, `${lines.join('\n')}\n`], stderr);
  t.match(stderr, /60 done, 0 failed/);
});
