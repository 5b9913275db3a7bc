import { fileURLToPath } from 'node:url';
import t from 'tap';
import { type ClusterNode, request, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';

const tasks = fileURLToPath(new URL('../../../test/fixtures/tasks/cluster', import.meta.url));

interface Shown {
  readonly id: string;
  readonly task: string;
  readonly state: string;
  readonly priority: number;
}

t.test('jobs that wait for jobs have places, also where each node runs one at a time', async (t) => {
  const cluster = await clusterFor(t, {
    nodes: 2,
    args: ['--tasks', tasks, '--concurrency', '1', '--threads', '1'],
  });
  const [a] = cluster.nodes;
  if (a === undefined) throw new Error('two nodes were started');
  t.equal(await request(a, 'RUN family {"depth":40}', 30_000), 'OK 41');
  t.equal(await request(a, 'RUN family {"depth":4,"width":3}', 30_000), 'OK 121');
  const many = await Promise.all(
    Array.from({ length: 20 }, () => request(a, 'RUN family {"depth":3,"width":2}', 30_000)),
  );
  t.strictSame(
    many,
    Array.from({ length: 20 }, () => 'OK 15'),
  );
});

t.test('jobs that wait for jobs have places, however high their priority is', async (t) => {
  const cluster = await clusterFor(t, {
    nodes: 2,
    args: ['--tasks', tasks, '--concurrency', '1', '--threads', '1'],
  });
  const [a] = cluster.nodes as [ClusterNode];
  const answers = ['RUN family priority=1000000 {"depth":30}', 'RUN family priority=999990 {"depth":30}'];
  t.strictSame(await Promise.all(answers.map((line) => request(a, line, 30_000))), ['OK 31', 'OK 31']);
  t.equal(await request(a, 'RUN family priority=1000000 {"depth":3,"width":3}', 30_000), 'OK 40');
  const shown = await requestJson<Shown[]>(a, 'JOBS task=family limit=200');
  t.equal(
    Math.max(...shown.map(({ priority }) => priority)),
    1_000_030,
    'each is above the one that waits for it',
  );
});

t.test('a job with a key goes on when a handler that waits for it ends', async (t) => {
  const cluster = await clusterFor(t, { nodes: 2, names: ['a', 'b'], args: ['--tasks', tasks] });
  const [a, b] = cluster.nodes as [ClusterNode, ClusterNode];
  const callOf = (key: string): string => JSON.stringify({ task: 'sleep', args: 2_500, options: { key } });
  /** A handler that waits for the job with this key, which runs. */
  const begin = async (key: string, options = ''): Promise<string> => {
    const id = (await request(a, `SUBMIT waits-for node=a ${options}${callOf(key)}`)).split(' ')[1] ?? '';
    await waitUntil('the child runs', async () =>
      (await requestJson<Shown[]>(a, 'JOBS task=sleep state=running')).length > 0 ? true : null,
    );
    return id;
  };
  const other = (key: string): Promise<string> => request(b, `RUN waits-for node=b ${callOf(key)}`, 20_000);

  const cancelled = await begin('one');
  const one = other('one');
  t.equal(await request(a, `CANCEL ${cancelled}`), 'OK');
  t.equal(await one, 'OK 2500');

  const late = await begin('two', 'timeout=1s ');
  const two = other('two');
  t.match(await request(b, `WAIT ${late}`), /^ERR JOB_FAILED .*TimeoutError/);
  t.equal(await two, 'OK 2500', 'it has its own time');
});

t.test('what a job waits for ends with it', async (t) => {
  const cluster = await clusterFor(t, { nodes: 2, args: ['--tasks', tasks] });
  const [a, b] = cluster.nodes;
  if (a === undefined || b === undefined) throw new Error('two nodes were started');
  const stateOf = async (task: string): Promise<Shown[]> => requestJson<Shown[]>(b, `JOBS task=${task}`);
  const begin = async (options: string): Promise<string> => {
    const args = JSON.stringify({ task: 'sleep', args: 600_000 });
    const id = (await request(a, `SUBMIT waits-for ${options}${args}`)).split(' ')[1] ?? '';
    await waitUntil('the child runs', async () =>
      (await stateOf('sleep')).some(({ state }) => state === 'running') ? true : null,
    );
    return id;
  };
  const childEnds = (): Promise<true> =>
    waitUntil('the child is cancelled', async () =>
      (await stateOf('sleep')).every(({ state }) => state === 'cancelled') ? true : null,
    );

  const cancelled = await begin('');
  t.equal((await stateOf('sleep'))[0]?.priority, 1, 'it goes before its parent’s equals');
  t.equal(await request(b, `CANCEL ${cancelled}`), 'OK');
  await childEnds();

  const late = await begin('timeout=1s ');
  t.match(await request(b, `WAIT ${late}`), /^ERR JOB_FAILED .*TimeoutError/);
  await childEnds();
});

t.test(
  'a handler that submits leaves its job behind, and one on a node that drains can still call',
  async (t) => {
    const cluster = await clusterFor(t, { nodes: 2, names: ['a', 'b'], args: ['--tasks', tasks] });
    const [a] = cluster.nodes;
    if (a === undefined) throw new Error('two nodes were started');
    const args = JSON.stringify({ task: 'sleep', args: 1_500 });
    const outer = JSON.stringify({
      task: 'waits-for',
      args: JSON.parse(args) as unknown,
      options: { node: 'b' },
    });
    const answer = request(a, `RUN waits-for node=a ${outer}`, 20_000);
    await waitUntil('the child runs', async () =>
      (await requestJson<Shown[]>(a, 'JOBS task=sleep')).some(({ state }) => state === 'running')
        ? true
        : null,
    );
    t.equal(await request(a, 'DRAIN a'), 'OK');
    t.equal(await answer, 'OK 1500');
    const begun = request(a, `RUN waits-for node=b ${JSON.stringify({ task: 'echo', args: 5 })}`, 20_000);
    t.match(await begun, /^ERR DRAINING/);
  },
);
