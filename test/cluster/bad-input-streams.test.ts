import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { limits } from '../../src/core/limits.js';
import type { AttemptKey, PeerMessage } from '../../src/core/messages.js';
import { bystanderAt, residentBytes } from '../support/bystander.js';
import {
  type Cluster,
  type ClusterNode,
  membersAt,
  request,
  requestJson,
  waitUntil,
} from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { answerPing, type ForgedPeer, forgedId, forgePeer, inventedMember } from '../support/forged-peer.js';
import { submitHold, testTasks } from '../support/hold-job.js';
import { connectLines } from '../support/line-connection.js';
import { untilStill } from '../support/wait-until.js';

const pagesTasks = fileURLToPath(new URL('../../../test/fixtures/tasks/cluster', import.meta.url));
const mebibyte = 1024 * 1024;
const endless = Number.MAX_SAFE_INTEGER;
const chunkBytes = 64 * 1024;
const perWindow = Math.ceil(limits.itemWindowBytes / (chunkBytes + 64));

t.setTimeout(180_000);

async function startOne(t: Test): Promise<{ readonly cluster: Cluster; readonly node: ClusterNode }> {
  const args = ['--tasks', testTasks, '--tasks', pagesTasks, '--log-level', 'warn'];
  const cluster = await clusterFor(t, { nodes: 1, args });
  return { cluster, node: cluster.nodes[0] as ClusterNode };
}

/** What is said to a client that reads a socket by itself, its bodies of one byte again and again. */
class Counting {
  readonly counts = { data: 0, missed: 0, ok: 0, other: 0 };
  private rest = '';

  take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() as string;
    for (const line of lines) {
      if (!line.startsWith('@')) continue;
      const word = /^@\S+ (\* )?(\S+)/.exec(line)?.[2];
      if (word === 'data' || word === 'missed') this.counts[word]++;
      else if (word === 'OK') this.counts.ok++;
      else if (word !== 'state') this.counts.other++;
    }
  }
}

t.test(
  'hundreds of streams whose client reads nothing take little memory, and lose nothing when it reads on',
  async (t) => {
    const { node } = await startOne(t);
    const streams = 400;
    const pages = 60;
    const before = residentBytes(node);
    const client = await connectLines(node.client);
    client.socket.removeAllListeners('data').pause();
    t.teardown(() => client.close());
    for (let index = 0; index < streams; index++)
      client.send(`@r${index} RUN pages stream=yes {"count":${pages},"bytes":16384}`);
    const started = await untilStill('the jobs', async () => {
      const { jobs } = await requestJson<{ jobs: { running: number; done: number } }>(node, 'INFO');
      return jobs.running + jobs.done;
    });
    const grown = Math.round((residentBytes(node) - before) / mebibyte);
    t.ok(grown < 240, `${grown} MiB, with ${started} begun`);
    const counting = new Counting();
    client.socket.setEncoding('latin1').on('data', (text: string) => counting.take(text));
    client.socket.resume();
    await waitUntil('all are answered', () => counting.counts.ok + counting.counts.other === streams, {
      timeoutMs: 120_000,
    });
    t.strictSame(counting.counts, { data: streams * pages, missed: 0, ok: streams, other: 0 });
  },
);

/** Has the node know the forged peer as a member that offers a task of its own, and has room. */
async function forgeExecutor(t: Test, node: ClusterNode, task: string): Promise<ForgedPeer> {
  const peer = await forgePeer(node, {
    answer: (message, self) => {
      answerPing(message, self);
      if (message.type === 'resync')
        void self.send({ type: 'holding', seq: message.seq, attempts: [], window: 16 });
    },
  });
  t.teardown(() => peer.close());
  const { node: id, instance, incarnation, name, address } = peer.hello;
  const member = inventedMember(1, { id, instance, incarnation, name, address, tasks: [{ name: task }] });
  await peer.send({ type: 'sync', members: [member], answerWanted: false });
  await waitUntil('the node knows the forged member', async () =>
    (await membersAt(node)).some((shown) => shown.name === name && shown.state === 'alive'),
  );
  return peer;
}

t.test('an executor that heeds no room fills no memory of the owner', async (t) => {
  const { cluster, node } = await startOne(t);
  const bystander = await bystanderAt(cluster, node, { growthBytesMax: 128 * mebibyte });
  const peer = await forgeExecutor(t, node, 'floods');
  const client = await connectLines(node.client);
  client.socket.pause();
  client.send('RUN floods stream=yes copies=1 1');
  const { key, room } = await peer.first('run');
  t.equal(room, limits.itemWindowBytes, 'it is told how much it may send');
  const chunk = new Uint8Array(chunkBytes);
  for (let number = 1; number <= 5_000; number++)
    await peer.send({ type: 'stream_chunk', key, number, chunk });
  await peer.untilRead();
  t.match(await requestJson(node, `STATUS ${key.job}`), { state: 'running' });
  await bystander.isUnharmed(t);
  client.close();
});

const countOf = (peer: ForgedPeer, type: PeerMessage['type']): number =>
  peer.heard.filter((message) => message.type === type).length;

t.test('an owner that gives room without end, and takes nothing, is sent a window', async (t) => {
  const { cluster, node } = await startOne(t);
  const bystander = await bystanderAt(cluster, node);
  const peer = await forgePeer(node);
  t.teardown(() => peer.close());
  const key: AttemptKey = { job: `${forgedId(1)}-forge-1`, epoch: 1, attempt: 1 };
  await peer.send({
    type: 'run',
    key,
    task: 'pages',
    args: `{"bytes":${chunkBytes}}`,
    priority: 0,
    timeoutMs: 600_000,
    isolate: false,
    session: endless,
    streams: true,
    room: endless,
  });
  await peer.first('stream_chunk');
  await peer.send({ type: 'stream_room', key, number: 0, upTo: endless });
  const count = await untilStill('the stream', () => countOf(peer, 'stream_chunk'));
  t.equal(count, perWindow);
  await peer.send({ type: 'stream_room', key, number: count, upTo: endless });
  await waitUntil('it goes on', () => countOf(peer, 'stream_chunk') === 2 * perWindow);
  await peer.send({ type: 'stop', key, reason: 'fenced' });
  await bystander.isUnharmed(t);
});

t.test('a node that wants items without end, and takes none, is sent a window of them', async (t) => {
  const { cluster, node } = await startOne(t);
  const bystander = await bystanderAt(cluster, node);
  const peer = await forgePeer(node);
  t.teardown(() => peer.close());
  const job = (await request(node, `SUBMIT pages {"bytes":${chunkBytes}}`)).split(' ')[1] as string;
  const stream = { room: endless, after: null };
  await peer.send({ type: 'ask', seq: 77, command: { type: 'watch', job, stream } });
  await peer.first('item');
  const untilStanding = (): Promise<number> => untilStill('the stream', () => countOf(peer, 'item'));
  const count = await untilStanding();
  t.ok(count <= perWindow + 2, `${count} items, a state and what it missed among them`);
  await peer.send({ type: 'items_taken', seq: 77, number: 0, upTo: endless });
  t.equal(await untilStanding(), count);
  t.equal(await request(node, `CANCEL ${job}`), 'OK');
  await bystander.isUnharmed(t);
});

t.test('100,000 watchers that come and go leave nothing behind', async (t) => {
  const { cluster, node } = await startOne(t);
  const bystander = await bystanderAt(cluster, node);
  const job = await submitHold(cluster, node);
  const each = 500;
  const comeAndGo = async (): Promise<void> => {
    const client = await connectLines(node.client);
    client.send(Array.from({ length: each }, (_, index) => `@${index} WATCH ${job.id}`).join('\n'));
    for (let index = 0; index < each; index++) await client.next();
    client.socket.resetAndDestroy();
  };
  for (let count = 0; count < 40; count++) await comeAndGo();
  const before = residentBytes(node);
  for (let count = 0; count < 160; count++) await comeAndGo();
  const grown = Math.round((residentBytes(node) - before) / mebibyte);
  t.ok(grown < 64, `${grown} MiB more after 100,000 of them than after 20,000`);
  const late = await connectLines(node.client);
  late.send(`WATCH ${job.id}`);
  t.match(await late.next(), /^\* state .*"state":"running"/, 'who comes now is told as the first was');
  job.release();
  t.match(await late.next(), /^\* state .*"state":"done"/);
  t.match(await late.next(), /^OK /);
  late.close();
  const page = await (await fetch(`http://${node.http}/metrics`)).text();
  t.match(page, /^rondo_client_reply_bytes 0$/m);
  await bystander.isUnharmed(t);
});
