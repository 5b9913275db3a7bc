import t, { type Test } from 'tap';
import type { AttemptKey, PeerMessage, Rumour } from '../../src/core/messages.js';
import { bystanderAt, untilLogged } from '../support/bystander.js';
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

type Two = [ClusterNode, ClusterNode];

function clusterOf(t: Test, nodes: number): Promise<Cluster> {
  return clusterFor(t, { nodes, names: ['a', 'b', 'c'].slice(0, nodes), args: ['--tasks', testTasks] });
}

async function forge(t: Test, ...args: Parameters<typeof forgePeer>): Promise<ForgedPeer> {
  const peer = await forgePeer(...args);
  t.teardown(() => peer.close());
  return peer;
}

/** Has the node know the forged peer as a member that offers a task of its own. */
async function joinAs(peer: ForgedPeer, node: ClusterNode, task: string): Promise<void> {
  const { node: id, instance, incarnation, name, address } = peer.hello;
  const member = inventedMember(1, { id, instance, incarnation, name, address, tasks: [{ name: task }] });
  await peer.send({ type: 'sync', members: [member], answerWanted: false });
  await waitUntil('the node knows the forged member', async () =>
    (await membersAt(node)).some((shown) => shown.name === name && shown.state === 'alive'),
  );
}

t.test('the forged death of every member kills none', async (t) => {
  const cluster = await clusterOf(t, 3);
  const [a] = cluster.nodes as Two;
  const bystander = await bystanderAt(cluster, a);
  const peer = await forge(t, a);
  for (let round = 0; round < 20; round++) {
    const rumours = (await membersAt(a)).map(
      ({ id, incarnation }): Rumour => ({
        type: 'dead',
        node: id,
        incarnation,
        accuser: forgedId(round + 2),
      }),
    );
    await peer.send({ type: 'gossip', rumours });
  }
  await peer.untilRead();
  await waitUntil('all are alive at every node', async () => {
    for (const node of cluster.nodes) {
      const real = (await membersAt(node)).filter(({ name }) => ['a', 'b', 'c'].includes(name));
      if (real.length !== 3 || real.some(({ state }) => state !== 'alive')) return false;
    }
    return true;
  });
  for (const node of cluster.nodes) t.notOk(/run elsewhere/.test(node.logs()), 'no job was taken for lost');
  await bystander.isUnharmed(t);
});

t.test('100,000 invented members are bounded, and a real node still joins and works', async (t) => {
  const cluster = await clusterOf(t, 2);
  const [a] = cluster.nodes as Two;
  const bystander = await bystanderAt(cluster, a);
  const waiting = await request(a, 'SUBMIT echo on=zone=nowhere 1');
  t.match(waiting, /^OK /, 'a job waits for a tag, so every change of the members is looked at');
  const peer = await forge(t, a);
  const startedAtMs = performance.now();
  for (let count = 0; count < 100_000; count += 50) {
    const rumours = Array.from(
      { length: 50 },
      (_, index): Rumour => ({ type: 'alive', member: inventedMember(1_000 + count + index) }),
    );
    await peer.send({ type: 'gossip', rumours });
  }
  await peer.untilRead();
  t.comment(`read after ${Math.round(performance.now() - startedAtMs)} ms`);
  const shown = await membersAt(a);
  t.ok(shown.length <= 16_384, `${shown.length} members are kept`);
  await untilLogged(a, /member list is full/);
  const late = await cluster.add('late', ['--tasks', testTasks]);
  await waitUntil('the node that joined last is known', async () =>
    (await membersAt(a)).some(({ id, state }) => id === late.id && state === 'alive'),
  );
  for (const node of ['a', 'b', 'late']) {
    t.match(await request(a, `RUN where node=${node} 1`), `OK {"node":"${node}"`);
  }
  t.equal(await request(late, 'RUN echo "dispatched past the ghosts"'), 'OK "dispatched past the ghosts"');
  await bystander.isUnharmed(t);
});

t.test('results for jobs of others, acks nobody asked for and huge numbers change nothing', async (t) => {
  const cluster = await clusterOf(t, 2);
  const [a, b] = cluster.nodes as Two;
  const bystander = await bystanderAt(cluster, a);
  const job = await submitHold(cluster, a, 'node=b');
  await job.startedAt(1);
  const huge = Number.MAX_SAFE_INTEGER;
  const key: AttemptKey = { job: job.id, epoch: 1, attempt: 1 };
  const hugeKey: AttemptKey = { job: `${forgedId(3)}-forge-1`, epoch: huge, attempt: huge };
  const peer = await forge(t, a);
  const messages: PeerMessage[] = [
    { type: 'ran', seq: 1, key, outcome: { type: 'done', result: '"forged"' } },
    { type: 'ran', seq: huge, key: hugeKey, outcome: { type: 'timed_out' } },
    {
      type: 'ran',
      seq: 0,
      key,
      outcome: { type: 'crashed', error: { name: 'E', message: 'm' }, alone: true },
    },
    { type: 'refuse', key, reason: 'no_room' },
    { type: 'stop', key, reason: 'cancelled' },
    { type: 'stop', key: hugeKey, reason: 'shutdown' },
    { type: 'progress', key, value: '{"forged":true}' },
    { type: 'progress', key: hugeKey, value: '1' },
    { type: 'holding', seq: huge, attempts: [key, hugeKey], window: 4_096 },
    { type: 'ran_ack', seq: huge },
    { type: 'ack', seq: huge, rumours: [] },
    { type: 'nack', seq: huge, rumours: [] },
    { type: 'answer', seq: huge, reply: { ok: true, text: 'nobody asked' } },
    { type: 'ask_abandoned', seq: huge },
    { type: 'resync', seq: huge },
    { type: 'resync_wanted' },
    { type: 'probe_request', seq: huge, target: forgedId(99), rumours: [] },
    { type: 'digest', checksum: 1 },
    {
      type: 'run',
      key: hugeKey,
      task: 'no-such-task',
      args: '1',
      priority: 0,
      timeoutMs: 1,
      isolate: true,
      session: huge,
    },
  ];
  for (const message of messages) for (let count = 0; count < 50; count++) await peer.send(message);
  await peer.untilRead();
  t.match(await peer.first('refuse'), { reason: 'unknown_task' });
  t.match(await requestJson(a, `STATUS ${job.id}`), { state: 'running', attempts: 1, progress: null });
  job.release();
  t.equal(await request(b, `WAIT ${job.id} timeout=10s`), 'OK {"node":"b","attempt":1}');
  await bystander.isUnharmed(t);
});

t.test('requests of a peer for what is not there are answered, each with its code', async (t) => {
  const cluster = await clusterOf(t, 1);
  const [a] = cluster.nodes as Two;
  const bystander = await bystanderAt(cluster, a);
  const peer = await forge(t, a);
  const unknown = `${a.id}-forge-zzz`;
  const asks = [
    { type: 'status', job: unknown },
    { type: 'wait', job: unknown, timeoutMs: null },
    { type: 'cancel', job: `key-${'0'.repeat(26)}` },
    { type: 'retry', job: `${forgedId(7)}-forge-1` },
  ] as const;
  for (const [seq, command] of asks.entries()) await peer.send({ type: 'ask', seq, command });
  for (const [seq] of asks.entries()) {
    const { reply } = await peer.first('answer', (answer) => answer.seq === seq);
    t.match(reply, { ok: false, code: 'NOT_FOUND' });
  }
  await bystander.isUnharmed(t);
});

t.test('a peer that answers with nonsense costs its own answers and nothing else', async (t) => {
  const cluster = await clusterOf(t, 1);
  const [a] = cluster.nodes as Two;
  const bystander = await bystanderAt(cluster, a);
  const texts = [
    'not JSON',
    '{"an":"object"}',
    '[null,1,"x",[]]',
    `[${'{"id":"x"},'.repeat(60_000)}1]`,
    'OK\nOK two lines',
  ];
  let answered = 0;
  const peer = await forge(t, a, {
    answer: (message, self) => {
      answerPing(message, self);
      if (message.type !== 'ask') return;
      const text = texts[answered++ % texts.length] as string;
      void self.send({ type: 'answer', seq: message.seq, reply: { ok: true, text } });
    },
  });
  await joinAs(peer, a, 'echo');
  for (const text of texts) {
    const jobs = await requestJson<{ id: string }[]>(a, 'JOBS');
    t.equal(jobs.length, 1, `the node's own job is listed, whatever the peer says: ${text.slice(0, 20)}`);
  }
  t.equal(answered, texts.length);
  await bystander.isUnharmed(t);
});

t.test('a peer that runs jobs and lies about them fails those and no others', async (t) => {
  const cluster = await clusterOf(t, 1);
  const [a] = cluster.nodes as Two;
  const bystander = await bystanderAt(cluster, a);
  const peer = await forge(t, a, {
    answer: (message, self) => {
      answerPing(message, self);
      if (message.type === 'resync') {
        void self.send({ type: 'holding', seq: message.seq, attempts: [], window: 4_096 });
      }
    },
  });
  await joinAs(peer, a, 'lies');
  const submitted = await request(a, 'SUBMIT lies copies=1 1');
  const id = submitted.split(' ')[1] as string;
  const { key } = await peer.first('run');
  t.equal(key.job, id);
  await peer.send({ type: 'progress', key, value: '"in good order"' });
  await peer.untilRead();
  t.match(await requestJson(a, `STATUS ${id}`), { progress: 'in good order' });
  await peer.send({ type: 'progress', key, value: '{not JSON' });
  t.equal(await peer.closed, 'protocol_error', 'progress that is no JSON breaks the protocol');
  await untilLogged(a, /FIELD_INVALID/);
  t.match(await requestJson(a, `STATUS ${id}`), { id });
  await bystander.isUnharmed(t);
});

t.test("a hello with another's id is turned away, and the member it names is left alone", async (t) => {
  const cluster = await clusterOf(t, 2);
  const [a, b] = cluster.nodes as Two;
  const bystander = await bystanderAt(cluster, a);
  const asB = await forge(t, a, { hello: { node: b.id, name: 'b' } });
  t.equal(await asB.closed, 'id_conflict');
  const asA = await forge(t, a, { hello: { node: a.id, name: 'a' } });
  t.equal(await asA.closed, 'id_conflict');
  await untilLogged(a, /second node with the id/);
  t.equal(await request(a, 'RUN where node=b 1'), 'OK {"node":"b","args":1}');
  await bystander.isUnharmed(t);
});

t.test('a link to oneself, another cluster and a version of the future are refused by name', async (t) => {
  const cluster = await clusterOf(t, 1);
  const [a] = cluster.nodes as Two;
  const bystander = await bystanderAt(cluster, a);
  const other = await forge(t, a, { hello: { cluster: 'other' } });
  t.equal(await other.closed, 'wrong_cluster');
  const future = await forge(t, a, { hello: { versionMin: 7, versionMax: 9 } });
  t.equal(await future.closed, 'version_mismatch');
  const newer = await forge(t, a, { hello: { versionMin: 1, versionMax: 65_535 } });
  await newer.untilRead();
  t.pass('ranges that overlap make a link');
  for (const words of [/belongs to cluster .{0,2}other/, /versions 7 to 9/]) await untilLogged(a, words);
  await bystander.isUnharmed(t);
});

t.test('kinds of message that only a newer node knows are left out, and the link stays', async (t) => {
  const cluster = await clusterOf(t, 1);
  const [a] = cluster.nodes as Two;
  const peer = await forge(t, a);
  // [90, "new", [1, 2]], and a ping with fields behind the last known one: [16, 7, [], "more"].
  await peer.sendBytes(Buffer.from([0, 0, 0, 9, 0x93, 90, 0xa3, 0x6e, 0x65, 0x77, 0x92, 1, 2]));
  await peer.sendBytes(Buffer.from([0, 0, 0, 9, 0x94, 16, 7, 0x90, 0xa4, 0x6d, 0x6f, 0x72, 0x65]));
  t.match(await peer.first('ack'), { seq: 7 });
  await peer.untilRead();
});

t.test('peers that come and go under ever new ids leave nothing behind', async (t) => {
  const cluster = await clusterOf(t, 1);
  const [a] = cluster.nodes as Two;
  const bystander = await bystanderAt(cluster, a);
  for (let count = 0; count < 300; count++) {
    const peer = await forgePeer(a, { hello: { node: forgedId(5_000 + count), name: `p${count}` } });
    await peer.untilRead();
    peer.close();
    await peer.closed;
  }
  t.equal((await membersAt(a)).length, 1, 'who never said a word of itself is no member');
  await waitUntil('all links are gone', async () => {
    return (await requestJson<{ links: number }>(a, 'INFO')).links === 0;
  });
  await bystander.isUnharmed(t);
});
