import t from 'tap';
import { submitCommand } from '../../support/commands.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';

const three = () => [aliveMember('a'), aliveMember('b'), aliveMember('c')];
const countsOf = (names: string[]): number[] =>
  [...new Set(names)].sort().map((name) => names.filter((other) => other === name).length);

t.test('a submitted job is acknowledged with its id and the promise it got', async (t) => {
  const cores = new JobCores({ members: three() });
  const reply = cores.replies.get(cores.request('a', submitCommand()));
  t.same(reply, { ok: true, text: `${nodeId('a')}-aaaaa-1 copies=1 durable=no` });
});

t.test('jobs go round the members in turn, and their counts differ by at most one', async (t) => {
  const cores = new JobCores({ members: three() });
  for (let job = 0; job < 10; job++) cores.submit('a');
  t.same(countsOf(cores.runAll()).sort(), [3, 3, 4], 'ten jobs over three nodes');
  for (let job = 0; job < 6; job++) {
    cores.submit('a');
    const [on] = cores.runAll();
    t.ok(on);
  }
});

t.test('jobs that come one at a time go round too', async (t) => {
  const cores = new JobCores({ members: three() });
  const ranOn: string[] = [];
  for (let job = 0; job < 9; job++) {
    cores.submit('b');
    ranOn.push(...cores.runAll());
  }
  t.same(countsOf(ranOn), [3, 3, 3]);
});

t.test('a node without room is skipped and not waited for', async (t) => {
  const cores = new JobCores({ members: three(), config: { concurrency: 2 } });
  for (let job = 0; job < 6; job++) cores.submit('a');
  const onA = cores.started.filter(({ on }) => on === 'a');
  t.equal(onA.length, 2, 'a has its two');
  cores.submit('a');
  t.equal(cores.started.length, 6, 'the seventh waits while all are full');
  cores.end(cores.begin('c'));
  t.equal(cores.started.filter(({ on }) => on === 'c').length, 2, 'and starts where a place is free');
});

t.test('the result of a job that ran elsewhere answers RUN', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  const request = cores.request('a', submitCommand({}, { wait: true }));
  const entry = cores.begin();
  t.equal(entry.on, 'b');
  t.notOk(cores.replies.has(request), 'nothing is answered before it ended');
  cores.end(entry, { type: 'done', result: '{"x":1}' });
  t.same(cores.replies.get(request), { ok: true, text: '{"x":1}' });
});

t.test('a task that no node offers is refused at once', async (t) => {
  const cores = new JobCores({ members: three() });
  const reply = cores.replies.get(cores.request('a', submitCommand({}, { task: '__proto__' })));
  t.match(reply, { ok: false, code: 'UNKNOWN_TASK' });
});

t.test('node= names one node, and an unknown name is refused', async (t) => {
  const cores = new JobCores({ members: three() });
  for (let job = 0; job < 4; job++) cores.submit('a', { node: 'c' });
  t.same([...new Set(cores.runAll())], ['c']);
  t.match(cores.replies.get(cores.request('a', submitCommand({ node: 'd' }))), {
    ok: false,
    code: 'NO_SUCH_NODE',
  });
});

t.test('on= chooses nodes by tag, and a job waits until one has it', async (t) => {
  const cores = new JobCores({ members: three() });
  cores.submit('a', { on: [['gpu', 'yes']] });
  t.equal(cores.started.length, 0);
  cores.changeMember('b', { tags: [['gpu', 'yes']], incarnation: 2 });
  t.same(cores.runAll(), ['b']);
});

t.test('affinity sends the same key to the same node, as long as it is there', async (t) => {
  const cores = new JobCores({ members: three() });
  const homes = new Map<string, string>();
  for (let round = 0; round < 3; round++) {
    for (const key of ['x', 'y', 'z', 'u', 'v', 'w']) {
      cores.submit(round === 1 ? 'b' : 'a', { route: 'affinity', affinity: key });
      const [on] = cores.runAll();
      t.equal(homes.get(key) ?? on, on, `${key} in round ${round}`);
      homes.set(key, on as string);
    }
  }
  t.ok(new Set(homes.values()).size > 1, 'and not all keys to one node');
});

t.test('least-loaded chooses the node with the smallest share of its room in use', async (t) => {
  const cores = new JobCores({ members: three(), config: { concurrency: 4 } });
  cores.submit('a', { node: 'a' });
  cores.submit('a', { node: 'b' });
  cores.submit('a', { route: 'least-loaded' });
  t.same(cores.started.map(({ on }) => on).sort(), ['a', 'b', 'c']);
});

t.test('a higher priority starts first, equals in order of arrival', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')], config: { concurrency: 1 } });
  cores.submit('a', {}, { args: '"first"' });
  for (const [args, priority] of [
    ['"low"', -1],
    ['"normal 1"', 0],
    ['"high"', 5],
    ['"normal 2"', 0],
  ] as const) {
    cores.submit('a', { priority }, { args });
  }
  const order: unknown[] = [];
  while (cores.started.length > 0) {
    const entry = cores.begin();
    order.push(entry.start.args);
    cores.end(entry);
  }
  t.same(order, ['"first"', '"high"', '"normal 1"', '"normal 2"', '"low"']);
});

t.test('a delayed job starts when its time has come and not before', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')] });
  const byDelay = cores.submit('a', { delayMs: 500 });
  const byTime = cores.submit('a', { atMs: cores.now.wallMs + 800 });
  t.equal(cores.status('a', byDelay).state, 'delayed');
  cores.pass(490);
  t.equal(cores.started.length, 0);
  cores.pass(20);
  t.same(
    cores.started.map(({ start }) => start.job),
    [byDelay],
  );
  cores.pass(300);
  t.same(
    cores.started.map(({ start }) => start.job),
    [byDelay, byTime],
  );
});

t.test(
  'a failed attempt is tried again after a jittered pause that doubles, and then the job fails',
  async (t) => {
    const cores = new JobCores({ members: [aliveMember('a')] });
    const request = cores.request('a', submitCommand({ retries: 2, backoffMs: 1_000 }, { wait: true }));
    const failure = {
      type: 'failed',
      error: { name: 'Error', message: 'no such page' },
      final: false,
    } as const;
    cores.end(cores.begin(), failure);
    cores.pass(490);
    t.equal(cores.started.length, 0, 'not within half of the base');
    cores.pass(520);
    t.equal(cores.started.length, 1, 'within the base');
    cores.end(cores.begin(), failure);
    cores.pass(990);
    t.equal(cores.started.length, 0);
    cores.pass(1_020);
    cores.end(cores.begin(), failure);
    const reply = cores.replies.get(request);
    t.match(reply, { ok: false, code: 'JOB_FAILED' });
    t.match(JSON.parse((reply as { message: string }).message), {
      name: 'Error',
      message: 'no such page',
      attempts: 3,
    });
  },
);

t.test('a final failure is not tried again', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')] });
  const job = cores.submit('a', { retries: 5 });
  cores.end(cores.begin(), {
    type: 'failed',
    error: { name: 'BadResult', message: 'a function' },
    final: true,
  });
  t.match(cores.status('a', job), { state: 'failed', attempts: 1, error: { name: 'BadResult' } });
});

t.test(
  'an attempt that runs too long is stopped, counted from its start and not from its wait',
  async (t) => {
    const cores = new JobCores({ members: [aliveMember('a')] });
    const job = cores.submit('a', { timeoutMs: 300 });
    cores.pass(1_000);
    t.same(cores.stopped, [], 'it has not started');
    const entry = cores.begin();
    cores.pass(400);
    t.match(cores.stopped, [{ on: 'a', run: entry.start.run, reason: 'timed_out' }]);
    t.equal(cores.status('a', job).state, 'running', 'until the work has really stopped');
    cores.end(entry, { type: 'timed_out' });
    t.match(cores.status('a', job), { state: 'failed', error: { name: 'TimeoutError' } });
  },
);

t.test('a queued job is cancelled at once and never runs', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')], config: { concurrency: 1 } });
  cores.submit('a');
  const job = cores.submit('a');
  const waiting = cores.request('a', { type: 'wait', job, timeoutMs: null });
  const cancel = cores.request('a', { type: 'cancel', job });
  t.same(cores.replies.get(cancel), { ok: true, text: '' });
  t.match(cores.replies.get(waiting), { ok: false, code: 'JOB_CANCELLED' });
  t.equal(cores.runAll().length, 1);
  t.same(
    cores.replies.get(cores.request('a', { type: 'cancel', job })),
    { ok: true, text: '' },
    'twice is no error',
  );
});

t.test(
  'a running job is cancelled from another node, and CANCEL answers once the work has stopped',
  async (t) => {
    const cores = new JobCores({ members: three() });
    const job = cores.submit('a', { node: 'b' });
    const entry = cores.begin();
    const cancel = cores.request('c', { type: 'cancel', job });
    t.match(cores.stopped, [{ on: 'b', run: entry.start.run, reason: 'cancelled' }]);
    t.notOk(cores.replies.has(cancel));
    cores.end(entry, { type: 'stopped' });
    t.same(cores.replies.get(cancel), { ok: true, text: '' });
    t.equal(cores.status('c', job).state, 'cancelled');
  },
);

t.test('a job that ended before its cancel arrived keeps its outcome, and CANCEL says so', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')] });
  const job = cores.submit('a');
  const entry = cores.begin();
  const cancel = cores.request('a', { type: 'cancel', job });
  cores.end(entry, { type: 'done', result: '2' });
  t.match(cores.replies.get(cancel), { ok: false, code: 'WRONG_STATE' });
  t.equal(cores.status('a', job).state, 'done');
});

t.test('RETRY runs a failed job again with its retries counted anew, and refuses others', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')] });
  const job = cores.submit('a');
  t.match(cores.replies.get(cores.request('a', { type: 'retry', job })), { ok: false, code: 'WRONG_STATE' });
  cores.end(cores.begin(), { type: 'failed', error: { name: 'Error', message: 'x' }, final: false });
  t.same(cores.replies.get(cores.request('a', { type: 'retry', job })), { ok: true, text: '' });
  cores.runAll();
  t.match(cores.status('a', job), { state: 'done', attempts: 2, error: null });
});

t.test('the same key gives the same job, whichever node is asked', async (t) => {
  const cores = new JobCores({ members: three() });
  const ids = ['a', 'b', 'c', 'a'].map((name) => cores.submit(name, { key: 'invoice-7' }));
  t.equal(new Set(ids).size, 1);
  t.match(ids[0], /^key-[0-9a-v]{26}$/);
  t.equal(cores.runAll().length, 1, 'and it runs once');
  t.not(cores.submit('a', { key: 'invoice-8' }), ids[0]);
});

t.test('a key is still known when a node that joined later is its home', async (t) => {
  const cores = new JobCores({ members: three() });
  cores.changeMember('b', { state: 'left' });
  cores.changeMember('c', { state: 'left' });
  const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  const before = keys.map((key) => cores.submit('a', { key }));
  cores.changeMember('b', { state: 'alive', incarnation: 5 });
  cores.changeMember('c', { state: 'alive', incarnation: 5 });
  t.same(
    keys.map((key) => cores.submit('b', { key })),
    before,
  );
  t.equal(cores.runAll().length, keys.length);
});

t.test('any node answers STATUS and WAIT for any job', async (t) => {
  const cores = new JobCores({ members: three() });
  const job = cores.submit('a', { node: 'b' });
  const waits = ['a', 'b', 'c'].map((name) => cores.request(name, { type: 'wait', job, timeoutMs: null }));
  for (const name of ['a', 'b', 'c'])
    t.match(cores.status(name, job), { id: job, state: 'running', owner: 'a', executor: 'b' });
  cores.runAll();
  for (const wait of waits) t.same(cores.replies.get(wait), { ok: true, text: '1' });
});

t.test('WAIT with a time-out leaves the job as it was', async (t) => {
  const cores = new JobCores({ members: three() });
  const job = cores.submit('a');
  const request = cores.request('b', { type: 'wait', job, timeoutMs: 100 });
  cores.pass(150);
  t.match(cores.replies.get(request), { ok: false, code: 'TIMEOUT' });
  cores.runAll();
  t.equal(cores.status('b', job).state, 'done');
});

t.test(
  'a job that nobody knows is NOT_FOUND, and one that died with its owner is told as that',
  async (t) => {
    const cores = new JobCores({ members: three() });
    const unknown = `${nodeId('a')}-aaaaa-zz`;
    t.match(cores.replies.get(cores.request('b', { type: 'status', job: unknown })), { code: 'NOT_FOUND' });
    t.match(cores.replies.get(cores.request('b', { type: 'status', job: `key-${'0'.repeat(26)}` })), {
      code: 'NOT_FOUND',
    });
    const job = cores.submit('a');
    const wait = cores.request('b', { type: 'wait', job, timeoutMs: null });
    cores.kill('a');
    cores.pass(1_000);
    t.equal(cores.replies.get(wait), undefined, 'another node may take it over');
    const status = cores.request('b', { type: 'status', job });
    cores.pass(12_000);
    t.match(cores.replies.get(wait), { code: 'UNAVAILABLE' }, 'who waited is told');
    t.match(cores.replies.get(status), { code: 'UNAVAILABLE' });
  },
);

t.test('JOBS lists the jobs of the whole cluster, the newest first, by state and task', async (t) => {
  const cores = new JobCores({ members: three() });
  const first = cores.submit('a');
  cores.pass(10);
  const second = cores.submit('b');
  const list = (name: string, change: object): { id: string }[] => {
    const command = { type: 'jobs', state: null, task: null, limit: 10, ...change } as const;
    return JSON.parse((cores.replies.get(cores.request(name, command)) as { text: string }).text);
  };
  t.same(
    list('c', {}).map(({ id }) => id),
    [second, first],
  );
  t.same(
    list('c', { limit: 1 }).map(({ id }) => id),
    [second],
  );
  cores.end(cores.begin());
  t.same(list('a', { state: 'done' }).length, 1);
  t.same(list('a', { task: 'constructor' }), []);
});

t.test('limits: past the queue length a job is refused as BUSY and nothing is lost', async (t) => {
  const cores = new JobCores({
    members: [aliveMember('a', { tasks: [{ name: 'echo' }] })],
    config: { queueLengthMax: 3, concurrency: 1 },
  });
  for (let job = 0; job < 3; job++) cores.submit('a');
  t.match(cores.replies.get(cores.request('a', submitCommand())), {
    ok: false,
    code: 'BUSY',
    message: /^retry-after=1s /,
  });
  t.equal(cores.runAll().length, 3);
  cores.submit('a');
});

t.test('limits: past the bytes of arguments a job is refused as BUSY', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')], config: { queueBytesMax: 5_000 } });
  cores.submit('a', {}, { args: `"${'x'.repeat(3_000)}"` });
  t.match(cores.replies.get(cores.request('a', submitCommand({}, { args: `"${'x'.repeat(3_000)}"` }))), {
    code: 'BUSY',
  });
});

t.test('outcomes are kept for their ttl, and the oldest go first when there are too many', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')], config: { outcomesMax: 2 } });
  const [first, second, third] = [1, 2, 3].map(() => {
    const job = cores.submit('a', { ttlMs: 1_000 });
    cores.runAll();
    return job;
  }) as [string, string, string];
  t.match(cores.replies.get(cores.request('a', { type: 'status', job: first })), { code: 'NOT_FOUND' });
  t.equal(cores.status('a', second).state, 'done');
  cores.pass(1_100);
  t.match(cores.replies.get(cores.request('a', { type: 'status', job: third })), { code: 'NOT_FOUND' });
  t.equal(cores.core('a').ledger.bytes, 0);
});

t.test('outcomes that expired are held by nothing, though no job ends after them', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')] });
  for (let job = 0; job < 5; job++) cores.submit('a', { ttlMs: 1_000 });
  cores.runAll();
  const { finished } = cores.core('a').ledger as unknown as { finished: { length: number } };
  t.equal(finished.length, 5);
  cores.pass(1_100);
  t.equal(finished.length, 0);
});

t.test('an outcome with a ttl of nothing is told to who waits, and not kept', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')] });
  const request = cores.request('a', submitCommand({ ttlMs: 0 }, { wait: true }));
  cores.end(cores.begin('a'), { type: 'done', result: '7' });
  t.same(cores.replies.get(request), { ok: true, text: '7' });
  const { ledger } = cores.core('a');
  t.same([[...ledger.values()].length, ledger.bytes, ledger.counts.done], [0, 0, 0]);
});

t.test('where all nodes drain, who submits is told that RESUME ends it', async (t) => {
  const cores = new JobCores({ members: three() });
  const refusal = () => cores.replies.get(cores.request('a', submitCommand()));
  cores.changeMember('a', { draining: true });
  cores.changeMember('b', { draining: true });
  t.match(refusal(), { code: 'DRAINING', message: 'this node takes no new jobs: submit to another one' });
  cores.changeMember('c', { draining: true });
  t.match(refusal(), { code: 'DRAINING', message: /^no node takes new jobs, .*: RESUME one that drains/ });
  cores.changeMember('c', { draining: false, state: 'dead' });
  t.match(refusal(), { code: 'DRAINING', message: /RESUME/ });
});

t.test('a draining node takes no attempts and no jobs, and finishes what it has', async (t) => {
  const cores = new JobCores({ members: three() });
  const job = cores.submit('a', { node: 'b' });
  cores.changeMember('b', { draining: true });
  cores.core('b').setDraining(true, cores.now);
  t.match(cores.replies.get(cores.request('b', submitCommand())), { code: 'DRAINING' });
  for (let count = 0; count < 4; count++) cores.submit('a');
  t.notOk(cores.started.slice(1).some(({ on }) => on === 'b'));
  cores.runAll();
  t.equal(cores.status('a', job).state, 'done');
});

t.test('a promise that can not be kept is refused and not pretended', async (t) => {
  const cores = new JobCores({ members: three() });
  t.match(cores.replies.get(cores.request('a', submitCommand({ copies: 4 }))), {
    code: 'UNAVAILABLE',
    message: /copies=4.*there are 3; nothing was taken/,
  });
  t.match(cores.replies.get(cores.request('a', submitCommand({ durable: true }))), { code: 'UNSUPPORTED' });
  t.match(cores.replies.get(cores.request('a', submitCommand({ copies: 1, durable: false }))), { ok: true });
});
