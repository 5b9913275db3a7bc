import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import {
  Client,
  type JobEvent,
  JobFailedError,
  Node,
  StreamBrokenError,
  type TaskContext,
} from '../../src/index.js';
import { clusterFor } from '../support/cluster-for.js';
import { waitUntil } from '../support/wait-until.js';

const tasks = {
  count: async function* (to: number, ctx: TaskContext) {
    for (let n = 1; n <= to; n++) {
      ctx.progress({ n });
      yield n;
    }
    return 'counted';
  },
  bytes: async function* (count: number) {
    for (let n = 0; n < count; n++) yield new Uint8Array(1_000).fill(n);
    return new Uint8Array([0, 10, 255]);
  },
  slowly: async function* (ms: number, ctx: TaskContext) {
    for (let n = 1; ; n++) {
      yield n;
      await delay(ms, undefined, { signal: ctx.signal });
    }
  },
  silent: async function* (ms: number, ctx: TaskContext) {
    await delay(ms, undefined, { signal: ctx.signal });
    yield ms;
  },
  failing: async function* (after: number): AsyncGenerator<number, never> {
    for (let n = 1; n <= after; n++) yield n;
    throw new RangeError('no further');
  },
  length: async (bytes: Uint8Array) => bytes.length,
  reversed: async (bytes: Uint8Array) => Uint8Array.from(bytes).reverse(),
};

async function nodeFor(t: Test) {
  const node = await Node.start({ name: 'a', tasks });
  t.teardown(() => node.stop({ now: true }));
  return { node, client: await node.client() };
}

async function valuesOf<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const all: Value[] = [];
  for await (const value of values) all.push(value);
  return all;
}

t.test('what a job yields comes as it is yielded, and then its result', async (t) => {
  const { client } = await nodeFor(t);
  const stream = client.stream('count', 1_000);
  t.equal(stream.id, null, 'nothing is submitted before the loop begins');
  const values: number[] = await valuesOf(stream);
  t.strictSame(
    values,
    Array.from({ length: 1_000 }, (_, index) => index + 1),
  );
  const result: string = await stream.result();
  t.equal(result, 'counted');
  t.equal((await client.status(stream.id ?? '')).state, 'done');
  t.equal(await client.stream('count', 3).result(), 'counted', 'without a loop the values are let go');
});

t.test(
  'a second loop over a job is refused, and not taken for one over a job that yields nothing',
  async (t) => {
    const { client } = await nodeFor(t);
    const over = {
      name: 'BadInputError',
      code: 'BAD_REQUEST',
      message: /is over, and gives each value once: /,
    };
    const stream = client.stream('count', 2);
    t.strictSame(await valuesOf(stream), [1, 2]);
    await t.rejects(valuesOf(stream), {
      ...over,
      message: new RegExp(`^the loop over job ${stream.id} is over`),
    });
    t.equal(await stream.result(), 'counted', 'its result is there still');
    const left = client.stream('count', 2);
    for await (const _ of left) break;
    await t.rejects(valuesOf(left), over);
    const taken = client.stream('count', 2);
    await taken.result();
    await t.rejects(valuesOf(taken), over, 'result() has let go what it was to give');
    const watch = client.watch(stream.id ?? '');
    await valuesOf(watch);
    await t.rejects(valuesOf(watch), over);
    const byHand = client.stream('count', 2);
    await byHand.next();
    t.strictSame(await valuesOf(byHand), [2], 'one that was begun by hand goes on');
  },
);

t.test('bytes come as Buffers, yielded or returned, and go as arguments', async (t) => {
  const { client } = await nodeFor(t);
  const stream = client.stream('bytes', 3);
  const parts: Buffer[] = await valuesOf(stream);
  t.strictSame(
    parts,
    [0, 1, 2].map((n) => Buffer.alloc(1_000, n)),
  );
  t.strictSame(await stream.result(), Buffer.from([0, 10, 255]));
  t.strictSame(await client.run('reversed', Buffer.from([1, 2, 3])), Buffer.from([3, 2, 1]));
  const large = Buffer.alloc(3_000_000, 7);
  t.equal(await client.run('length', large), large.length);
  t.ok(large.equals(await client.run('reversed', large)), 'longer than what is read at once');
  const mapped = await valuesOf(client.map('reversed', [Buffer.from('ab'), new Uint8Array(0)]));
  t.strictSame(mapped, [Buffer.from('ba'), Buffer.alloc(0)]);
  const job = await client.submit('reversed', Buffer.from('xyz'));
  t.strictSame(await job.wait(), Buffer.from('zyx'));
});

t.test('a watch tells states, progress and what is yielded, and ends with the job', async (t) => {
  const { client } = await nodeFor(t);
  const job = await client.submit('count', 3);
  const watch = job.watch();
  const events: JobEvent<number>[] = await valuesOf(watch);
  t.strictSame(
    events.flatMap((event) => (event.type === 'data' ? [event.value] : [])),
    [1, 2, 3],
  );
  t.match(
    events.filter(({ type }) => type === 'progress').at(-1),
    { value: { n: 3 } },
    'of its progress the latest',
  );
  t.match(events.filter(({ type }) => type === 'state').at(-1), {
    id: job.id,
    state: 'done',
    attempt: 1,
    owner: 'a',
  });
  t.equal(await watch.result(), 'counted');
  t.equal(await client.watch(job).result(), 'counted', 'a job that is over can be watched too');
  await t.rejects(valuesOf(client.watch('000000000000-00000-1')), { name: 'NotFoundError' });
});

t.test('a stream throws how its job failed, after what it yielded; a watch ends', async (t) => {
  const { client } = await nodeFor(t);
  const seen: number[] = [];
  const stream = client.stream('failing', 2, { retries: 0 });
  const error: unknown = await (async () => {
    for await (const value of stream) seen.push(value);
  })().catch((thrown: unknown) => thrown);
  t.ok(error instanceof JobFailedError);
  t.match(error, { cause: { name: 'RangeError', message: 'no further' }, attempts: 1 });
  t.strictSame(seen, [1, 2]);
  await t.rejects(stream.result(), { name: 'JobFailedError' });
  const watch = client.watch<number>(stream.id ?? '');
  t.match((await valuesOf(watch)).at(-1), { type: 'data', value: 2 });
  await t.rejects(watch.result(), { name: 'JobFailedError' });
});

t.test('an attempt that is run again is told, or breaks the stream', async (t) => {
  const { client } = await nodeFor(t);
  const options = { retries: 1, backoff: 1 };
  const restarts: number[] = [];
  const seen: number[] = [];
  const told = client.stream('failing', 2, { ...options, onRestart: (attempt) => restarts.push(attempt) });
  await t.rejects(
    async () => {
      for await (const value of told) seen.push(value);
    },
    { name: 'JobFailedError' },
  );
  t.strictSame([seen, restarts], [[1, 2, 1, 2], [2]]);
  const untold = client.stream('failing', 2, options);
  const error: unknown = await valuesOf(untold).catch((thrown: unknown) => thrown);
  t.ok(error instanceof StreamBrokenError);
  t.match(error, { code: 'STREAM_BROKEN', message: /begun anew/ });
});

t.test('what a callback throws ends the stream and its job', async (t) => {
  const { client } = await nodeFor(t);
  const reason = new Error('not again');
  const stream = client.stream('failing', 2, {
    retries: 5,
    backoff: 1,
    onRestart: () => {
      throw reason;
    },
  });
  await t.rejects(valuesOf(stream), reason);
  await t.rejects(stream.result(), reason);
  await waitUntil('the job is over', async () => {
    const { state, attempts } = await client.status(stream.id ?? '');
    return state === 'cancelled' || (state === 'failed' && attempts === 6);
  });
});

t.test('a stream that is left early cancels its job, unless it is told not to', async (t) => {
  const { client } = await nodeFor(t);
  const stateOf = async (id: string | null) => (await client.status(id ?? '')).state;
  const leaveOne = async () => {
    const stream = client.stream('slowly', 10);
    for await (const value of stream) if (value === 3) break;
    await waitUntil('it is cancelled', async () => (await stateOf(stream.id)) === 'cancelled');
    return stream;
  };
  const left = await leaveOne();
  await t.rejects(left.result(), { name: 'JobCancelledError' }, 'its result is asked for then');

  const kept = client.stream('slowly', 10, { cancel: false });
  for await (const value of kept) if (value === 3) break;
  await leaveOne();
  t.equal(await stateOf(kept.id), 'running', 'where one that was left after it is cancelled');
  const watch = client.watch(kept.id ?? '');
  for await (const event of watch) if (event.type === 'data') break;
  await leaveOne();
  t.equal(await stateOf(kept.id), 'running', 'who leaves a watch lets the job be');
  await client.cancel(kept.id ?? '');
});

t.test('an abort ends a stream and its job at once, whatever the loop does', async (t) => {
  const { client } = await nodeFor(t);
  const reason = new Error('enough');
  const waiting = new AbortController();
  const stream = client.stream('slowly', 60_000, { signal: waiting.signal });
  await stream.next();
  const next = stream.next();
  waiting.abort(reason);
  await t.rejects(next, reason);
  t.match(await stream.next(), { done: true });
  await waitUntil(
    'it is cancelled',
    async () => (await client.status(stream.id ?? '')).state === 'cancelled',
  );

  const busy = new AbortController();
  const other = client.stream('slowly', 60_000, { signal: busy.signal });
  await other.next();
  busy.abort(reason);
  await waitUntil('it is cancelled', async () => (await client.status(other.id ?? '')).state === 'cancelled');
  await t.rejects(other.next(), reason, 'told at the next step');

  const early = new AbortController();
  const unknown = client.stream('silent', 60_000, { signal: early.signal });
  const first = unknown.next();
  early.abort(reason);
  await t.rejects(first, reason);
  await waitUntil(
    'it is cancelled too',
    async () => (await client.jobs({ state: 'cancelled' })).length === 3,
  );
  const before = await client.jobs();
  await t.rejects(client.stream('slowly', 1, { signal: early.signal }).next(), reason);
  t.equal((await client.jobs()).length, before.length, 'nothing is submitted once it is aborted');
});

t.test('a loop that takes its time holds the task back', { timeout: 60_000 }, async (t) => {
  let yielded = 0;
  const node = await Node.start({
    tasks: {
      flood: async function* (count: number) {
        for (; yielded < count; yielded++) yield 'x'.repeat(10_000);
      },
      nothing: () => null,
    },
  });
  t.teardown(() => node.stop({ now: true }));
  const client = await node.client();
  const stream = client.stream('flood', 5_000);
  await stream.next();
  await waitUntil('it waits', async () => {
    const before = yielded;
    // They run on the thread of the generator: it would go on between them if it could.
    for (let job = 0; job < 50; job++) await client.run('nothing', null);
    return before === yielded;
  });
  t.ok(yielded < 5_000, `${yielded} values of 5000 were yielded`);
  t.equal((await valuesOf(stream)).length, 4_999);
});

t.test('a stream survives the loss of the node that its client talks to', { timeout: 120_000 }, async (t) => {
  const cluster = await clusterFor(t, {
    nodes: 3,
    names: ['a', 'b', 'c'],
    args: ['--tasks', 'test/fixtures/streaming'],
  });
  const executor = cluster.nodes[2];
  const client = await Client.connect<{
    tick(args: { count: number; ms: number }): AsyncGenerator<number, string>;
  }>({
    nodes: cluster.nodes.slice(0, 2).map((node) => node.client),
  });
  t.teardown(() => client.close());
  const entry = cluster.nodes.find((node) => node.client === client.node);
  const seen: number[] = [];
  let runs = 1;
  t.ok(entry);
  const stream = client.stream(
    'tick',
    { count: 100, ms: 30 },
    {
      node: executor?.name,
      onRestart: () => {
        runs++;
        seen.length = 0;
      },
    },
  );
  for await (const value of stream) {
    seen.push(value);
    if (seen.length === 20 && runs === 1 && entry !== undefined) entry.kill('SIGKILL');
  }
  t.strictSame(
    seen,
    Array.from({ length: 100 }, (_, index) => index + 1),
    `without a gap or a double, in ${runs} runs`,
  );
  t.equal(await stream.result(), 'ticked');
});
