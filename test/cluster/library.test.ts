import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Client, JobCancelledError, JobFailedError, NotFoundError, TimeoutError } from '../../src/index.js';
import { type Cluster, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { testTasks } from '../support/hold-job.js';

const warnings: Error[] = [];
process.on('warning', (warning) => warnings.push(warning));

interface Tasks {
  where(args: { n: number }): { node: string; args: { n: number } };
  linger(args: { n: number; ms: number }): { n: number; node: string };
  sleep(ms: number): number;
  fail(args: string): never;
  echo(args?: unknown): unknown;
}

const options = { nodes: 3, names: ['a', 'b', 'c'], args: ['--tasks', testTasks] };

async function clientFor(t: Test, cluster: Cluster): Promise<Client<Tasks>> {
  const client = await Client.connect<Tasks>({ nodes: cluster.nodes.map((node) => node.client) });
  t.teardown(() => client.close());
  return client;
}

/** The node that the client talks to. */
function entryOf(cluster: Cluster, client: Client<Tasks>) {
  const entry = cluster.nodes.find((node) => node.client === client.node);
  if (entry === undefined) throw new Error(`no node at ${client.node}`);
  return entry;
}

t.test('a client of three nodes', { timeout: 120_000 }, async (t) => {
  const cluster = await clusterFor(t, options);
  const client = await clientFor(t, cluster);

  t.test('runs typed tasks and gives their results', async (t) => {
    const { node, args } = await client.run('where', { n: 1 });
    t.ok(['a', 'b', 'c'].includes(node));
    t.strictSame(args, { n: 1 });
    t.equal(await client.run('echo'), null, 'no arguments are null');
    t.strictSame(await client.run('echo', 'é\n"', { priority: 5, timeout: '30s', retries: 1 }), 'é\n"');
    const big = 'x'.repeat(200_000);
    t.equal(await client.run('echo', big), big, 'what no line holds goes as a body');
  });

  t.test('sends bytes as they are', async (t) => {
    t.match(await client.run('where', new Uint8Array([1, 2, 3]) as never), {
      args: { type: 'Buffer', data: [1, 2, 3] },
    });
  });

  t.test('submits, asks for, cancels and retries a job', async (t) => {
    const job = await client.submit('linger', { n: 1, ms: 20_000 }, { copies: 2, key: 'one' });
    t.equal(job.copies, 2);
    t.equal(job.durable, true);
    const again = await client.submit('linger', { n: 2, ms: 1 }, { key: 'one' });
    t.equal(again.id, job.id, 'the same key gives the same job');
    await waitUntil('it runs', async () => (await job.status()).state === 'running');
    t.match(await client.jobs({ state: 'running', task: 'linger' }), [{ id: job.id }]);
    await t.rejects(job.wait({ timeout: 10 }), { name: 'TimeoutError', code: 'TIMEOUT' });
    await t.rejects(job.retry(), { name: 'WrongStateError', code: 'WRONG_STATE' });
    await job.cancel();
    await t.rejects(client.wait(job), { name: 'JobCancelledError', id: job.id });
    await job.retry();
    await job.cancel();
    t.equal((await client.status(job.id)).state, 'cancelled');
    t.ok(await job.wait().catch((error: unknown) => error instanceof JobCancelledError));
    t.ok(await client.wait('000000000000-00000-1').catch((error: unknown) => error instanceof NotFoundError));
  });

  t.test('tells how a job failed', async (t) => {
    const job = await client.submit('sleep', 'soon' as never, { retries: 0 });
    const error: unknown = await job.wait().catch((thrown: unknown) => thrown);
    t.ok(error instanceof JobFailedError);
    t.match(error, {
      code: 'JOB_FAILED',
      id: job.id,
      attempts: 1,
      cause: { name: 'BadArguments', message: /milliseconds/ },
    });
    await t.rejects(client.run('fail', 'x'), { name: 'NotFoundError', code: 'UNKNOWN_TASK' });
  });

  t.test('lists nodes, tasks, facts and schedules, drains and resumes', async (t) => {
    t.strictSame((await client.nodes()).map(({ name }) => name).sort(), ['a', 'b', 'c']);
    t.match(await client.tasks(), [{ name: 'block' }, { name: 'echo' }]);
    t.match(await client.info(), { concurrency: Number, members: { alive: 3 }, journal: 'open' });
    const schedule = await client.schedule('echo', '30 8 * * MON-FRI', 'good morning', {
      zone: 'Europe/Berlin',
    });
    t.match(await client.schedules({ task: 'echo' }), [
      { id: schedule.id, cron: '30 8 * * MON-FRI', zone: 'Europe/Berlin' },
    ]);
    await schedule.cancel();
    t.strictSame(await client.schedules(), []);
    await client.drain('c');
    await waitUntil('c drains', async () =>
      (await client.nodes()).some(({ name, draining }) => name === 'c' && draining),
    );
    await client.resume('c');
    await t.rejects(client.drain('nobody'), { name: 'NotFoundError', code: 'NO_SUCH_NODE' });
  });

  t.test('an abort of run cancels the job, and one of wait does not', async (t) => {
    const controller = new AbortController();
    const running = client.run('linger', { n: 77, ms: 60_000 }, { signal: controller.signal });
    const mine = await waitUntil('it runs', async () =>
      (await client.jobs({ state: 'running', task: 'linger' })).at(0),
    );
    controller.abort(new Error('enough'));
    await t.rejects(running, { message: 'enough' });
    await waitUntil('it is cancelled', async () => (await client.status(mine)).state === 'cancelled');

    const job = await client.submit('linger', { n: 78, ms: 1_000 });
    await t.rejects(job.wait({ signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' });
    t.notOk(
      await job
        .wait({ signal: AbortSignal.timeout(50) })
        .catch((error: unknown) => error instanceof TimeoutError),
    );
    t.match(await job.wait(), { n: 78 });
    await t.rejects(
      client.run('echo', 1, { signal: AbortSignal.abort('no') }),
      'an aborted signal sends nothing',
    );
  });

  t.test('waits that were given up keep no others from being answered', async (t) => {
    const job = await client.submit('sleep', 60_000);
    const waits = Array.from({ length: 2_500 }, () => job.wait({ signal: AbortSignal.timeout(200) }));
    const ended = await Promise.allSettled(waits);
    t.ok(ended.every(({ status }) => status === 'rejected'));
    t.equal(await client.run('sleep', 1), 1);
    await job.cancel();
  });

  t.test('map gives the results of ten thousand items in order, in bounded memory', async (t) => {
    const window = 200;
    let taken = 0;
    let given = 0;
    let aheadMost = 0;
    async function* items(): AsyncGenerator<number> {
      for (; taken < 10_000; taken++) {
        aheadMost = Math.max(aheadMost, taken - given);
        yield taken;
      }
    }
    const results: unknown[] = [];
    for await (const result of client.map('echo', items(), { window })) {
      results.push(result);
      given++;
      // A loop that is slow holds the source back.
      if (given === 100) await delay(500);
    }
    t.strictSame(
      results,
      Array.from({ length: 10_000 }, (_, n) => n),
    );
    t.ok(aheadMost <= 11 * window + 1, `the source was at most ${aheadMost} items ahead`);
  });

  t.test('map gives results as they come, failures as values or thrown', async (t) => {
    const items = [
      { n: 0, ms: 600 },
      { n: 1, ms: 1 },
      { n: 2, ms: 1 },
    ];
    const order: number[] = [];
    for await (const { n } of client.map('linger', items, { ordered: false })) order.push(n);
    t.equal(order.at(-1), 0);
    const mixed = [1, 'never' as never, 2n as never, 3];
    const settled = [];
    for await (const each of client.map('sleep', mixed, { settle: true })) settled.push(each);
    t.match(settled, [
      { index: 0, ok: true, result: 1 },
      { index: 1, ok: false, error: { name: 'JobFailedError', cause: { name: 'BadArguments' } } },
      { index: 2, ok: false, error: { name: 'BadInputError', code: 'BAD_JSON' } },
      { index: 3, ok: true, result: 3 },
    ]);
    const thrown = async () => {
      for await (const _ of client.map('sleep', mixed));
    };
    await t.rejects(thrown());
    const unknown = async () => {
      for await (const _ of client.map('fail', ['x'], { settle: true }));
    };
    await t.rejects(unknown(), { code: 'UNKNOWN_TASK' }, 'what no job gets past ends the run');
  });

  t.test('a map that is left early ends its source and cancels what is under way', async (t) => {
    let isEnded = false;
    function* items() {
      try {
        for (let n = 0; ; n++) yield { n, ms: n === 0 ? 1 : 60_000 };
      } finally {
        isEnded = true;
      }
    }
    for await (const { n } of client.map('linger', items(), { window: 20 })) {
      t.equal(n, 0);
      await waitUntil(
        'others run',
        async () => (await client.jobs({ state: 'running', task: 'linger' })).length > 5,
      );
      break;
    }
    await waitUntil(
      'none runs',
      async () =>
        (await client.info()).running === 0 && (await client.jobs({ state: 'running' })).length === 0,
    );
    await waitUntil('the source was told', () => isEnded);
    const controller = new AbortController();
    const aborted = async () => {
      const mapped = client.map('linger', items(), { window: 5, signal: controller.signal });
      for await (const _ of mapped) {
        controller.abort(new Error('stop'));
        await waitUntil('none runs, though the loop is busy', async () => {
          return (await client.jobs({ task: 'linger', state: 'running' })).length === 0;
        });
      }
    };
    await t.rejects(aborted(), { message: 'stop' });
  });

  t.test('a client that is closed says so', async (t) => {
    const other = await Client.connect({ nodes: client.node });
    const waiting = other.run('sleep', 60_000, { key: 'closed' });
    waiting.catch(() => {});
    await waitUntil(
      'it runs',
      async () => (await client.jobs({ task: 'sleep', state: 'running' })).length === 1,
    );
    await other.close();
    await t.rejects(waiting, { name: 'UnavailableError' });
    await t.rejects(other.run('echo'), { name: 'UnavailableError', message: /closed/ });
    const { id } = await client.submit('sleep', 60_000, { key: 'closed' });
    await client.cancel(id);
  });
});

t.test('a node that is killed costs no call its answer', { timeout: 120_000 }, async (t) => {
  const cluster = await clusterFor(t, options);
  const client = await clientFor(t, cluster);
  const running = client.run('linger', { n: 1, ms: 3_000 });
  const job = await client.submit('linger', { n: 2, ms: 3_000 });
  const waiting = job.wait();
  const mapped = (async () => {
    const results: number[] = [];
    const items = Array.from({ length: 400 }, (_, n) => ({ n, ms: 100 }));
    for await (const { n } of client.map('linger', items, { window: 20 })) results.push(n);
    return results;
  })();
  await delay(1_000);
  const killed = entryOf(cluster, client);
  killed.kill('SIGKILL');
  t.match(await running, { n: 1 });
  t.match(await waiting, { n: 2 });
  t.strictSame(
    await mapped,
    Array.from({ length: 400 }, (_, n) => n),
  );
  t.not(client.node, killed.client);
});

t.test('nothing of this has made Node warn of anything', (t) => {
  t.strictSame(warnings, []);
  t.end();
});
