import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { bystanderAt, untilLogged } from '../support/bystander.js';
import {
  type Cluster,
  type ClusterNode,
  membersAt,
  request,
  requestJson,
  untilState,
  waitUntil,
} from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { rondoPath, startNode } from '../support/cluster-node.js';
import { submitHold, testTasks } from '../support/hold-job.js';
import { parseAddress } from '../support/line-connection.js';

type Three = [ClusterNode, ClusterNode, ClusterNode];

const withTestTasks = { nodes: 1, names: ['a', 'b', 'c'], args: ['--tasks', testTasks] };

/** Starts a node that is to fail, and gives what it said. */
function startInVain(cluster: Cluster, name: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...[
        rondoPath,
        'start',
        '--name',
        name,
        '--listen',
        '127.0.0.1:0',
        '--client',
        '127.0.0.1:0',
        ...(args.includes('--http') ? [] : ['--no-http']),
      ],
      ...['--data', join(cluster.directory, name), ...args],
    ],
    { encoding: 'utf8', timeout: 15_000 },
  );
  return { status, said: stdout + stderr };
}

t.test('a port in use is named, whichever it is, and who has it is left alone', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a] = cluster.nodes as Three;
  const bystander = await bystanderAt(cluster, a);
  for (const [flag, address] of [
    ['--listen', a.peer],
    ['--client', a.client],
    ['--http', a.http as string],
  ] as const) {
    const { status, said } = startInVain(cluster, 'second', [flag, address]);
    t.equal(status, 1, flag);
    t.ok(said.includes(address) && /in use/.test(said), said.slice(0, 300));
  }
  await bystander.isUnharmed(t);
});

t.test('a seed that is not there is told, one that may not be is refused', async (t) => {
  const cluster = await clusterFor(t, { nodes: 0 });
  const node = await cluster.add('a', ['--join', '127.0.0.1:9']);
  await untilLogged(node, /127\.0\.0\.1:9/);
  t.equal(await request(node, 'RUN echo 1'), 'OK 1', 'the node works alone');
  const { status, said } = startInVain(cluster, 'b', ['--join', 'no-such-host.invalid:7410']);
  t.equal(status, 2);
  t.match(said, /no-such-host\.invalid:7410.*key/);
});

t.test('of two nodes with one id the second ends, and says why', async (t) => {
  const cluster = await clusterFor(t, { ...withTestTasks, nodes: 2 });
  const [a, b] = cluster.nodes as Three;
  const bystander = await bystanderAt(cluster, b);
  cpSync(b.dataDirectory, join(cluster.directory, 'copy'), {
    recursive: true,
    filter: (path) => !/lock/.test(path),
  });
  const { status, said } = startInVain(cluster, 'copy', ['--join', a.peer]);
  t.equal(status, 1);
  t.match(said, new RegExp(`${b.id}.*data`), 'its id, and where it came from');
  t.match((await membersAt(a)).map(({ name, state }) => `${name} ${state}`).sort(), ['a alive', 'b alive']);
  await bystander.isUnharmed(t);
});

t.test('a new node at the address of a dead one takes its place at once', async (t) => {
  const cluster = await clusterFor(t, { ...withTestTasks, nodes: 2 });
  const [a, b] = cluster.nodes as Three;
  b.kill('SIGKILL');
  await b.ended;
  const fresh = await startNode({
    name: 'fresh',
    directory: cluster.directory,
    listen: b.peer,
    join: [a.peer],
    args: ['--tasks', testTasks],
  });
  t.teardown(() => fresh.stop());
  t.not(fresh.id, b.id);
  await untilState([a], 'fresh', 'alive');
  await untilState([a], 'b', 'dead');
  t.equal(await request(a, 'RUN where node=fresh 1'), 'OK {"node":"fresh","args":1}');
});

t.test('a node of another cluster is refused by name, and both go on', async (t) => {
  const cluster = await clusterFor(t, { nodes: 1, names: ['a'] });
  const [a] = cluster.nodes as Three;
  const stranger = await startNode({
    name: 'stranger',
    directory: cluster.directory,
    join: [a.peer],
    args: ['--cluster', 'other'],
  });
  t.teardown(() => stranger.stop());
  await untilLogged(stranger, /belongs to cluster|wrong_cluster/);
  await untilLogged(a, /other/);
  for (const node of [a, stranger]) {
    t.equal((await membersAt(node)).length, 1);
    t.equal(await request(node, 'RUN echo 1'), 'OK 1');
  }
});

t.test('keys are changed one node at a time, and the cluster never parts', async (t) => {
  const cluster = await clusterFor(t, { nodes: 2, names: ['a', 'b'], tls: true });
  const keyFile = cluster.keyFile as string;
  const newFile = join(cluster.directory, 'new.key');
  spawnSync(process.execPath, [rondoPath, 'keygen', newFile]);
  const [oldKey, newKey] = [keyFile, newFile].map((path) => readFileSync(path, 'utf8'));
  const steps: readonly (readonly [name: string, keys: string])[] = [
    ['added behind the old one', `${oldKey}${newKey}`],
    ['put first', `${newKey}${oldKey}`],
    ['alone', `${newKey}`],
  ];
  for (const [name, keys] of steps) {
    writeFileSync(keyFile, keys);
    for (const index of [0, 1]) {
      const node = cluster.nodes[index] as ClusterNode;
      await node.stop();
      await cluster.restart(node);
      await cluster.untilAlive(2);
    }
    t.equal(
      await request(cluster.nodes[0] as ClusterNode, 'RUN echo node=b 1'),
      'OK 1',
      `the new key is ${name}`,
    );
  }
});

t.test('when the only seed is gone, the others stay together', async (t) => {
  const cluster = await clusterFor(t, { ...withTestTasks, nodes: 1 });
  const [a] = cluster.nodes as Three;
  const others: ClusterNode[] = [];
  for (const name of ['b', 'c']) {
    const node = await startNode({
      name,
      directory: cluster.directory,
      join: [a.peer],
      args: withTestTasks.args,
    });
    t.teardown(() => node.stop());
    others.push(node);
  }
  await cluster.untilAlive(3, [a, ...others]);
  a.kill('SIGKILL');
  await untilState(others, 'a', 'dead');
  const [b, c] = others as [ClusterNode, ClusterNode];
  t.equal(await request(b, 'RUN where node=c 1'), 'OK {"node":"c","args":1}');
  t.equal(await request(c, 'RUN where node=b 1'), 'OK {"node":"b","args":1}');
});

t.test('nodes that all start at once, each a seed of the others, find each other', async (t) => {
  const cluster = await clusterFor(t, { nodes: 0 });
  const ports = await freePorts(3);
  const seeds = ports.map((port) => `127.0.0.1:${port}`);
  const nodes = await Promise.all(
    ['a', 'b', 'c'].map((name, index) =>
      startNode({ name, directory: cluster.directory, listen: seeds[index] as string, join: seeds }),
    ),
  );
  t.teardown(() => Promise.all(nodes.map((node) => node.stop())));
  await cluster.untilAlive(3, nodes);
  t.equal(await request(nodes[0] as ClusterNode, 'RUN echo node=c 1'), 'OK 1');
});

t.test('nodes restarted one after the other lose no job that others own', async (t) => {
  const cluster = await clusterFor(t, { ...withTestTasks, nodes: 3 });
  const owner = cluster.nodes[0] as ClusterNode;
  const jobs = await Promise.all([
    submitHold(cluster, owner),
    submitHold(cluster, owner),
    submitHold(cluster, owner),
  ]);
  await Promise.all(jobs.map((job) => job.startedAt(1)));
  for (const index of [1, 2]) {
    const node = cluster.nodes[index] as ClusterNode;
    node.kill('SIGKILL');
    await node.ended;
    await cluster.restart(node);
    await cluster.untilAlive(3);
  }
  for (const job of jobs) job.release();
  for (const job of jobs) t.match(await request(owner, `WAIT ${job.id} timeout=15s`), /^OK \{"node"/);
});

t.test('a node that runs out of file descriptors refuses clients, and takes them again later', async (t) => {
  const cluster = await clusterFor(t, { ...withTestTasks, nodes: 2 });
  const [a, b] = cluster.nodes as Three;
  const bystander = await bystanderAt(cluster, a);
  const limited = spawnSync('prlimit', ['--pid', String(a.pid), '--nofile=80:80'], { encoding: 'utf8' });
  if (limited.status !== 0) {
    t.comment(`prlimit: ${limited.stderr}`);
    return;
  }
  const sockets = await Promise.all(
    Array.from({ length: 150 }, () => connectTo(a.client).then((socket) => socket.on('error', () => {}))),
  );
  await waitUntil('some were closed again', () => sockets.filter((socket) => socket.closed).length > 20);
  t.match(await requestJson(b, 'INFO'), { members: { alive: 2 } }, 'its link to the other node is there');
  for (const socket of sockets) socket.destroy();
  await waitUntil('it takes clients again', async () => (await request(a, 'PING', 1_000)) === 'OK pong');
  await bystander.isUnharmed(t);
});

async function connectTo(address: string): Promise<net.Socket> {
  const socket = net.connect(parseAddress(address)).resume();
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
  return socket;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
