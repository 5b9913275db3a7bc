import t from 'tap';
import { type ClusterNode, request, requestJson, untilState, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { submitHold, testTasks } from '../support/hold-job.js';

type Three = [ClusterNode, ClusterNode, ClusterNode];

interface StatusShown {
  readonly id: string;
  readonly task: string;
  readonly state: string;
  readonly attempts: number;
  readonly owner: string;
  readonly executor: string | null;
}

const withTestTasks = { nodes: 3, names: ['a', 'b', 'c'], args: ['--tasks', testTasks] };

t.test('jobs are handed out round-robin over all nodes', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a] = cluster.nodes as Three;
  const counts = new Map<string, number>();
  for (let index = 0; index < 30; index++) {
    const { node } = await requestJson<{ node: string }>(a, `RUN where {"n":${index}}`);
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  t.same(Object.fromEntries([...counts].sort()), { a: 10, b: 10, c: 10 });
});

t.test('a job whose executor is killed runs on another node as soon as that is noticed', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a, b] = cluster.nodes as Three;
  const jobs = await Promise.all([submitHold(cluster, a), submitHold(cluster, a), submitHold(cluster, a)]);
  const places = await Promise.all(jobs.map((job) => job.startedAt(1)));
  const lost = jobs[places.indexOf('b')];
  if (lost === undefined) throw new Error(`no job runs on b, but on ${places.join(', ')}`);
  b.kill('SIGKILL');
  const noticedMs = untilState([a], 'b', 'dead');
  const startedAtMs = performance.now();
  const place = await lost.startedAt(2);
  const againMs = performance.now() - startedAtMs;
  t.not(place, 'b');
  t.ok(againMs < (await noticedMs) + 500, `it runs again after ${Math.round(againMs)} ms`);
  for (const job of jobs) job.release();
  for (const [index, job] of jobs.entries()) {
    const reply = await request(a, `WAIT ${job.id} timeout=10s`);
    t.equal(
      reply,
      `OK ${JSON.stringify(job === lost ? { node: place, attempt: 2 } : { node: places[index], attempt: 1 })}`,
    );
  }
});

t.test('any node answers for any job', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a, b, c] = cluster.nodes as Three;
  const job = await submitHold(cluster, a, 'node=b');
  t.equal(await job.startedAt(1), 'b');
  for (const node of [a, b, c]) {
    const status = await requestJson<StatusShown>(node, `STATUS ${job.id}`);
    t.match(
      status,
      { id: job.id, task: 'hold', state: 'running', attempts: 1, owner: 'a', executor: 'b' },
      node.name,
    );
  }
  t.match(
    await request(c, `WAIT ${job.id} timeout=50ms`),
    /^ERR TIMEOUT /,
    'waiting too short leaves it as it was',
  );
  const outcomes = Promise.all([a, b, c].map((node) => request(node, `WAIT ${job.id}`)));
  job.release();
  t.same(await outcomes, Array(3).fill('OK {"node":"b","attempt":1}'));
  t.match(await request(c, 'STATUS 000000000000-00000-1'), /^ERR NOT_FOUND /);
});

t.test('a running job is cancelled from a node that neither owns nor runs it', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a, b, c] = cluster.nodes as Three;
  const job = await submitHold(cluster, a, 'node=b');
  await job.startedAt(1);
  const outcome = request(b, `WAIT ${job.id}`);
  t.match(await request(c, `CANCEL ${job.id}`), /^OK/);
  t.match(await outcome, /^ERR JOB_CANCELLED/);
  await waitUntil('its handler has stopped', () => job.notes().includes('aborted b 1'));
  for (const node of [a, b, c]) {
    t.match(await requestJson<StatusShown>(node, `STATUS ${job.id}`), { state: 'cancelled' }, node.name);
  }
});

t.test('a node told to end by SIGTERM finishes what it runs, takes nothing new, and leaves', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a, b, c] = cluster.nodes as Three;
  const job = await submitHold(cluster, a, 'node=b');
  await job.startedAt(1);
  b.kill('SIGTERM');
  const isDraining = async (): Promise<boolean> =>
    (await requestJson<{ name: string; draining: boolean }[]>(a, 'NODES')).some(
      ({ name, draining }) => name === 'b' && draining,
    );
  await waitUntil('a knows that b has heard the first', isDraining);
  const places = new Set<string>();
  for (let index = 0; index < 10; index++)
    places.add((await requestJson<{ node: string }>(a, 'RUN where {}')).node);
  t.same([...places].sort(), ['a', 'c'], 'new jobs go to the others');
  t.equal(b.child.exitCode, null, 'it stays for as long as its job runs');
  job.release();
  t.equal(await request(c, `WAIT ${job.id} timeout=10s`), 'OK {"node":"b","attempt":1}');
  t.same(await b.ended, { code: 0, signal: null });
  await untilState([a, c], 'b', 'left');
});

t.test('a second SIGTERM ends a node at once, and its job runs elsewhere', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a, b] = cluster.nodes as Three;
  const jobs = await Promise.all([submitHold(cluster, a), submitHold(cluster, a), submitHold(cluster, a)]);
  const places = await Promise.all(jobs.map((job) => job.startedAt(1)));
  const lost = jobs[places.indexOf('b')];
  if (lost === undefined) throw new Error(`no job runs on b, but on ${places.join(', ')}`);
  b.kill('SIGTERM');
  await waitUntil('b has heard the first', () => /leaving/.test(b.logs()));
  b.kill('SIGTERM');
  await b.ended;
  t.not(await lost.startedAt(2), 'b');
  for (const job of jobs) job.release();
  t.match(await request(a, `WAIT ${lost.id} timeout=10s`), /^OK /);
});

t.test('an owner that was stopped until it was taken for dead goes on, and its jobs with it', async (t) => {
  const cluster = await clusterFor(t, withTestTasks);
  const [a, b, c] = cluster.nodes as Three;
  const job = await submitHold(cluster, b, 'node=a');
  t.equal(await job.startedAt(1), 'a');
  b.kill('SIGSTOP');
  await untilState([a, c], 'b', 'dead');
  b.kill('SIGCONT');
  await cluster.untilAlive(3);
  job.release();
  t.match(await request(c, `WAIT ${job.id} timeout=10s`), /^OK \{"node":"a"/);
  const places = await Promise.all(
    Array.from({ length: 9 }, () => requestJson<{ node: string }>(a, 'RUN where')),
  );
  t.same(new Set(places.map(({ node }) => node)), new Set(['a', 'b', 'c']), 'it gets work again');
});
