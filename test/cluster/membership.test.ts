import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type ClusterNode, membersAt, request, untilState, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';

const joinMsMax = 1_000;
/** Most of that is the start of a process; where others want the processors, one more node is started. */
const trialCountMax = 3;
const crashNoticedMsMax = 2_000;
const stopNoticedMsMax = 6_000;
/** The others dial a dead member every half minute: by that it would be found, too, and too late. */
const foundAgainMsMax = 5_000;

t.test('sixteen nodes know each other within a second of the start of the last', async (t) => {
  const cluster = await clusterFor(t, { nodes: 15 });
  let bestMs = Number.POSITIVE_INFINITY;
  for (let trial = 1; trial <= trialCountMax && bestMs > joinMsMax; trial++) {
    const startedAtMs = performance.now();
    await cluster.add();
    await cluster.untilAlive(15 + trial);
    bestMs = Math.min(bestMs, performance.now() - startedAtMs);
  }
  t.ok(bestMs < joinMsMax, `all know all after ${Math.round(bestMs)} ms`);
});

t.test('a node killed with -9 is known dead by all of eight within two seconds', async (t) => {
  const cluster = await clusterFor(t, { nodes: 8 });
  const victim = cluster.nodes[3] as ClusterNode;
  victim.kill('SIGKILL');
  const survivors = cluster.nodes.filter((node) => node !== victim);
  const elapsedMs = await untilState(survivors, victim.name, 'dead');
  t.ok(elapsedMs < crashNoticedMsMax, `all seven others know after ${Math.round(elapsedMs)} ms`);
  await cluster.untilAlive(7, survivors);
});

t.test('a stopped node is known dead within six seconds, and is back once it goes on', async (t) => {
  const cluster = await clusterFor(t, { nodes: 8 });
  const stopped = cluster.nodes[5] as ClusterNode;
  stopped.kill('SIGSTOP');
  const others = cluster.nodes.filter((node) => node !== stopped);
  const elapsedMs = await untilState(others, stopped.name, 'dead');
  t.ok(elapsedMs < stopNoticedMsMax, `all seven others know after ${Math.round(elapsedMs)} ms`);
  stopped.kill('SIGCONT');
  await cluster.untilAlive(8);
  t.pass('it refuted its death, and all eight are alive to all eight');
});

t.test('a node that is started again with its data keeps its id and has a higher incarnation', async (t) => {
  const cluster = await clusterFor(t, { nodes: 3 });
  const [first, second] = cluster.nodes as [ClusterNode, ClusterNode];
  const recordAt = async (node: ClusterNode, name: string) =>
    (await membersAt(node)).filter((member) => member.name === name);
  const [before] = await recordAt(first, second.name);
  second.kill('SIGKILL');
  await second.ended;
  const again = await cluster.restart(second);
  await cluster.untilAlive(3);
  const records = await recordAt(first, second.name);
  t.equal(again.id, second.id);
  t.equal(records.length, 1, 'there is one member of that name, not an old and a new one');
  t.equal(records[0]?.id, before?.id);
  t.ok((records[0]?.incarnation ?? 0) > (before?.incarnation ?? 0), 'its incarnation is higher');
});

t.test('the first node of a cluster finds the others again after kill -9, without a seed', async (t) => {
  const cluster = await clusterFor(t, { nodes: 3 });
  const [first, ...others] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const known = await waitUntil('it has kept where the others are', async () => {
    const text = readFileSync(join(first.dataDirectory, 'peers.json'), 'utf8');
    return others.every(({ peer }) => text.includes(peer)) ? text : null;
  });
  t.notMatch(known, first.peer);
  first.kill('SIGKILL');
  await untilState(others, first.name, 'dead');
  const startedAtMs = performance.now();
  await cluster.restart(first, { withoutSeed: true });
  await cluster.untilAlive(3);
  const elapsedMs = performance.now() - startedAtMs;
  t.ok(elapsedMs < foundAgainMsMax, `all know all after ${Math.round(elapsedMs)} ms`);
});

t.test('a node that finds none of those that it knew is ready after five seconds, and says so', async (t) => {
  const cluster = await clusterFor(t, { nodes: 0 });
  const directory = join(cluster.directory, 'late');
  mkdirSync(directory);
  writeFileSync(join(directory, 'peers.json'), '{"version":1,"peers":["127.0.0.1:1"]}');
  const node = await cluster.add('late');
  const readyz = (): Promise<Response> => fetch(`http://${node.http}/readyz`);
  const first = await readyz();
  t.strictSame(
    [first.status, await first.json()],
    [503, { ready: false, reason: 'joining: no node that it knew has answered yet' }],
  );
  await waitUntil('it is ready', async () => (await readyz()).status === 200, { timeoutMs: 15_000 });
  await waitUntil(
    'it says that it is alone',
    () => node.logs().includes('none of the nodes that this one knew answers'),
    { timeoutMs: 20_000 },
  );
});

t.test('a node that leaves is shown as left, and never as dead', async (t) => {
  const cluster = await clusterFor(t, { nodes: 3 });
  const [first, , last] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const seen = new Set<string>();
  t.match(await request(last, 'LEAVE'), /^OK/);
  await waitUntil(`${first.name} shows that ${last.name} left`, async () => {
    const state = (await membersAt(first)).find(({ name }) => name === last.name)?.state ?? 'forgotten';
    seen.add(state);
    return state === 'left';
  });
  t.notOk(seen.has('dead') || seen.has('suspect'), `it was seen as ${[...seen].join(', ')}`);
  t.same(await last.ended, { code: 0, signal: null }, 'and its process has ended well');
});
