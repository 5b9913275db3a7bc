import t from 'tap';
import type { AttemptOutcome } from '../../../src/core/jobs/record.js';
import type { MemberRecord } from '../../../src/core/member.js';
import { submitCommand } from '../../support/commands.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';

const three = () => [aliveMember('a', { tasks: [] }), aliveMember('b'), aliveMember('c')];

t.test('jobs of an executor that died run elsewhere at once', async (t) => {
  const cores = new JobCores({ members: three() });
  const jobs = [cores.submit('a'), cores.submit('a'), cores.submit('a')];
  cores.kill('b');
  t.equal(cores.started.filter(({ on }) => on === 'c').length, 3, 'without a tick in between');
  for (const entry of cores.started.filter(({ on }) => on === 'c')) cores.end(entry);
  for (const job of jobs) t.equal(cores.status('a', job).state, 'done');
});

t.test('a late result of a lost attempt is fenced off', async (t) => {
  const cores = new JobCores({ members: three() });
  const job = cores.submit('a', { node: null });
  const lost = cores.begin();
  const other = lost.on === 'b' ? 'c' : 'b';
  cores.changeMember(lost.on, { state: 'dead' });
  cores.end(lost, { type: 'done', result: '"late"' });
  t.equal(cores.status('a', job).state, 'running');
  const again = cores.begin(other);
  cores.end(again, { type: 'done', result: '"in time"' });
  t.same(cores.replies.get(cores.request('a', { type: 'wait', job, timeoutMs: null })), {
    ok: true,
    text: '"in time"',
  });
});

t.test('an executor that restarted has nothing of before, and its jobs run again', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  cores.submit('a');
  t.equal(cores.started.length, 1);
  cores.changeMember('b', { instance: 'bbbbb', incarnation: 2 ** 20 });
  cores.step('a', { type: 'contact_opened', node: nodeId('b') });
  cores.step('b', { type: 'contact_opened', node: nodeId('a') });
  t.equal(cores.started.length, 2);
});

t.test('a job that takes nodes down fails with the cause after three', async (t) => {
  const cores = new JobCores({
    members: ['a', 'b', 'c', 'd', 'e'].map((name) => aliveMember(name, name === 'a' ? { tasks: [] } : {})),
  });
  const job = cores.submit('a');
  for (let death = 0; death < 3; death++) cores.kill(cores.begin().on);
  t.match(cores.status('a', job), {
    state: 'failed',
    attempts: 3,
    error: { name: 'NodeLost', message: /3 nodes or threads down/ },
  });
});

t.test('jobs that waited at nodes that died, and never started, are not blamed for it', async (t) => {
  const members = ['a', 'b', 'c', 'd', 'e', 'f'];
  const cores = new JobCores({
    members: members.map((name) => aliveMember(name, name === 'a' ? { tasks: [] } : {})),
  });
  const killer = cores.submit('a', { node: 'b' });
  const bystander = cores.submit('a', { node: 'b' });
  // The node is there again, with all jobs waiting for it, and starts the first.
  for (let start = 1; start <= 3; start++) {
    const [first] = cores.started.filter(({ on }) => on === 'b');
    t.match(first?.start, { job: killer, isolate: start > 2 });
    cores.begin('b');
    cores.started.length = 0;
    cores.changeMember('b', { instance: `b${start}000`, incarnation: start * 2 ** 20 });
    cores.step('a', { type: 'contact_opened', node: nodeId('b') });
    cores.step('b', { type: 'contact_opened', node: nodeId('a') });
  }
  t.match(cores.status('a', killer), { state: 'failed', error: { name: 'NodeLost' } });
  t.match(cores.status('a', bystander), { state: 'running' });
});

t.test('that an isolated attempt has started is told again on a new link', async (t) => {
  const names = ['a', 'b', 'c', 'd'];
  const cores = new JobCores({
    members: names.map((name) => aliveMember(name, name === 'a' ? { tasks: [] } : {})),
  });
  const job = cores.submit('a');
  cores.kill(cores.begin().on);
  cores.kill(cores.begin().on);
  const on = cores.started[0]?.on as string;
  cores.cutLink('a', on);
  cores.begin(on);
  cores.healLink('a', on);
  cores.kill(on);
  t.equal(cores.core('a').ledger.get(job)?.fatalities, 3);
});

t.test(
  'a job that ended its thread alone is to blame; one that shared it gets a run by itself first',
  async (t) => {
    const cores = new JobCores({ members: [aliveMember('a')] });
    const job = cores.submit('a', { retries: 0 });
    const crash = (alone: boolean): AttemptOutcome => ({
      type: 'crashed',
      alone,
      error: { name: 'OutOfMemory', message: 'the heap limit of 512 MB was reached' },
    });
    cores.end(cores.begin(), crash(false));
    const isolated = cores.begin();
    t.equal(isolated.start.isolate, true);
    cores.end(isolated, crash(true));
    cores.end(cores.begin(), crash(true));
    t.match(cores.status('a', job), {
      state: 'failed',
      error: { name: 'OutOfMemory', message: /3 nodes or threads.*heap limit/ },
    });
  },
);

t.test('attempts that a broken link swallowed are sent again when it is back', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  cores.submit('a');
  cores.cutLink('a', 'b');
  const unsent = cores.submit('a');
  t.equal(cores.status('a', unsent).state, 'queued', 'no room is known while there is no link');
  cores.healLink('a', 'b');
  t.equal(cores.started.length, 2);
  t.equal(cores.runAll().length, 2);
});

t.test(
  'a result that a broken link swallowed is told again, and the attempt does not run twice',
  async (t) => {
    const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
    const job = cores.submit('a');
    const entry = cores.begin();
    cores.cutLink('a', 'b');
    cores.end(entry, { type: 'done', result: '7' });
    t.equal(cores.status('a', job).state, 'running');
    cores.healLink('a', 'b');
    t.equal(cores.status('a', job).state, 'done');
    t.equal(cores.started.length, 0);
  },
);

t.test(
  'an attempt that its owner gave up while it could not reach the executor is stopped there',
  async (t) => {
    const cores = new JobCores({ members: three() });
    cores.submit('a', { node: 'b' });
    const entry = cores.begin('b');
    cores.cutLink('a', 'b');
    cores.step('a', {
      type: 'member_changed',
      member: aliveMember('b', { state: 'dead' }),
      previous: aliveMember('b'),
    });
    cores.healLink('a', 'b');
    t.match(cores.stopped, [{ on: 'b', run: entry.start.run, reason: 'fenced' }]);
  },
);

t.test('a cancel that a broken link swallowed is sent again', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  const job = cores.submit('a');
  const entry = cores.begin();
  cores.cutLink('a', 'b');
  const cancel = cores.request('a', { type: 'cancel', job });
  t.same(cores.stopped, []);
  cores.healLink('a', 'b');
  t.match(cores.stopped, [{ on: 'b', run: entry.start.run, reason: 'cancelled' }]);
  cores.end(entry, { type: 'stopped' });
  t.same(cores.replies.get(cancel), { ok: true, text: '' });
});

t.test('a refused attempt does not count and runs when there is room again', async (t) => {
  const cores = new JobCores({
    members: [aliveMember('a', { tasks: [] }), aliveMember('b')],
    config: { concurrency: 1 },
  });
  cores.core('b').setDraining(true, cores.now);
  cores.step('a', { type: 'message', from: nodeId('b'), message: { type: 'grant', window: 1 } });
  const job = cores.submit('a');
  t.match(cores.status('a', job), { state: 'queued', attempts: 0 });
  cores.core('b').setDraining(false, cores.now);
  cores.pass(50);
  t.match(cores.status('a', job), { state: 'running', attempts: 1 });
});

t.test('an attempt displaced by another one runs again and is not to blame', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')] });
  const job = cores.submit('a');
  cores.end(cores.begin(), { type: 'displaced' });
  const again = cores.begin();
  t.equal(again.start.isolate, false);
  cores.end(again);
  t.match(cores.status('a', job), { state: 'done', error: null });
});

t.test('when an owner dies its attempts are stopped where they run', async (t) => {
  const cores = new JobCores({ members: three() });
  cores.submit('a', { node: 'b' });
  const entry = cores.begin('b');
  cores.kill('a');
  t.match(cores.stopped, [{ on: 'b', run: entry.start.run, reason: 'fenced' }]);
  cores.end(entry, { type: 'stopped' });
  t.equal(cores.core('b').executor.heldCount, 0);
});

t.test('results for jobs of others, and acknowledgements nobody asked for, change nothing', async (t) => {
  const cores = new JobCores({ members: three() });
  const job = cores.submit('a', { node: 'b' });
  const key = { job, epoch: 1, attempt: 1 };
  const forged = { type: 'ran', seq: 1, key, outcome: { type: 'done', result: '"forged"' } } as const;
  cores.step('a', { type: 'message', from: nodeId('c'), message: forged });
  cores.step('a', { type: 'message', from: nodeId('b'), message: { ...forged, key: { ...key, epoch: 0 } } });
  cores.step('a', {
    type: 'message',
    from: nodeId('b'),
    message: { ...forged, key: { ...key, attempt: 2 } },
  });
  cores.step('a', { type: 'message', from: nodeId('b'), message: { type: 'ran_ack', seq: 99 } });
  cores.step('a', {
    type: 'message',
    from: nodeId('b'),
    message: { type: 'answer', seq: 99, reply: { ok: true, text: '' } },
  });
  cores.step('b', {
    type: 'message',
    from: nodeId('c'),
    message: { type: 'stop', key, reason: 'cancelled' },
  });
  t.same(cores.stopped, []);
  t.equal(cores.status('a', job).state, 'running');
});

t.test('a client that is gone is not answered, and its job goes on', async (t) => {
  const cores = new JobCores({ members: three() });
  const request = cores.request('b', submitCommand({ key: 'k' }, { wait: true }));
  cores.step('b', { type: 'request_abandoned', request });
  t.equal(cores.runAll().length, 1);
  t.notOk(cores.replies.has(request));
});

t.test('an acknowledged end is forgotten by the executor', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  cores.submit('a');
  cores.runAll();
  t.notOk(cores.core('b').executor.isEmpty());
  cores.pass(30);
  t.ok(cores.core('b').executor.isEmpty());
});

t.test('while the queue to an executor is over its mark nothing new is sent there', async (t) => {
  const cores = new JobCores({ members: three() });
  cores.step('a', { type: 'pressure', node: nodeId('b'), congested: true });
  for (let job = 0; job < 4; job++) cores.submit('a');
  t.notOk(cores.started.some(({ on }) => on === 'b'));
  cores.step('a', { type: 'pressure', node: nodeId('b'), congested: false });
  cores.submit('a', { node: 'b' });
  t.ok(cores.started.some(({ on }) => on === 'b'));
});

t.test('a link that broke and came back unnoticed by the executor is made good by the owner', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  cores.loseNext('a', 'b');
  cores.submit('a');
  t.equal(cores.started.length, 0, 'the attempt was lost on its way');
  cores.step('a', { type: 'contact_lost', node: nodeId('b'), reason: 'reset' });
  cores.step('a', { type: 'contact_opened', node: nodeId('b') });
  t.equal(cores.runAll().length, 1);
});

t.test('a link that broke and came back unnoticed by the owner is made good by the executor', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  cores.loseNext('a', 'b');
  const lostRun = cores.submit('a');
  const job = cores.submit('a');
  const entry = cores.begin();
  cores.loseNext('b', 'a');
  cores.end(entry, { type: 'done', result: '2' });
  t.equal(cores.status('a', job).state, 'running', 'its end was lost on its way');
  cores.step('b', { type: 'contact_lost', node: nodeId('a'), reason: 'reset' });
  cores.step('b', { type: 'contact_opened', node: nodeId('a') });
  t.equal(cores.status('a', job).state, 'done');
  t.equal(cores.runAll().length, 1);
  t.equal(cores.status('a', lostRun).state, 'done');
});

t.test('an answer that got lost is asked for again', async (t) => {
  const cores = new JobCores({ members: three() });
  const job = cores.submit('a', { node: 'b' });
  const wait = cores.request('c', { type: 'wait', job, timeoutMs: null });
  cores.loseNext('a', 'c');
  cores.runAll();
  t.notOk(cores.replies.has(wait));
  cores.step('a', { type: 'contact_opened', node: nodeId('c') });
  cores.pass(100);
  t.same(cores.replies.get(wait), { ok: true, text: '1' });
});

t.test('large results go out one after the other as they are acknowledged, and all arrive', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  const jobs = Array.from({ length: 6 }, () => cores.submit('a', {}));
  const result = `"${'x'.repeat(5 * 1024 * 1024)}"`;
  cores.loseAll('a', 'b', 'ran_ack');
  while (cores.started.length > 0) cores.end(cores.begin(), { type: 'done', result });
  const doneCount = (): number => jobs.filter((job) => cores.status('a', job).state === 'done').length;
  t.equal(doneCount(), 2, 'without acknowledgements, no more than the limit and one');
  cores.loseAll('a', 'b', null);
  cores.step('b', { type: 'contact_opened', node: nodeId('a') });
  t.equal(doneCount(), 6);
});

t.test('arguments on their way to one executor are bounded, and other executors get the rest', async (t) => {
  const cores = new JobCores({
    members: [aliveMember('a', { tasks: [] }), aliveMember('b'), aliveMember('c')],
  });
  const args = `"${'x'.repeat(5 * 1024 * 1024)}"`;
  for (let job = 0; job < 6; job++) cores.submit('a', {}, { args });
  t.equal(cores.started.length, 4, 'two each');
  t.equal(cores.runAll().length, 6);
});

t.test(
  'a member that was only silent is asked anew for what was forgotten at its death, both ways',
  async (t) => {
    const cores = new JobCores({ members: [aliveMember('a'), aliveMember('b')] });
    const ofB = cores.submit('b', { node: 'a' });
    const ofA = cores.submit('a', { node: 'b' });
    const wait = cores.request('b', { type: 'wait', job: ofA, timeoutMs: null });
    const dead = aliveMember('b', { state: 'dead' });
    cores.step('a', { type: 'member_changed', member: dead, previous: aliveMember('b') });
    cores.step('a', { type: 'member_changed', member: aliveMember('b', { incarnation: 2 }), previous: dead });
    for (let round = 0; round < 5; round++) cores.runAll();
    cores.pass(100);
    t.equal(cores.status('b', ofB).state, 'done', 'its own job runs again');
    t.equal(cores.status('a', ofA).state, 'done');
    t.match(cores.replies.get(wait), { ok: true }, 'its wait is answered');
    for (let job = 0; job < 4; job++) cores.submit('a');
    t.ok(cores.runAll().includes('b'), 'and it gets work');
  },
);

t.test('pressure does not outlive its link', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  cores.step('a', { type: 'pressure', node: nodeId('b'), congested: true });
  cores.submit('a');
  t.equal(cores.started.length, 0);
  cores.cutLink('a', 'b');
  cores.healLink('a', 'b');
  t.equal(cores.runAll().length, 1);
});

t.test('a refusal that crosses a resync does not stop it', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  const job = cores.submit('a');
  const key = { job, epoch: 1, attempt: 1 };
  cores.begin();
  cores.loseAll('a', 'b', 'resync');
  cores.step('a', { type: 'contact_opened', node: nodeId('b') });
  cores.step('a', {
    type: 'message',
    from: nodeId('b'),
    message: { type: 'refuse', key, reason: 'no_room' },
  });
  cores.loseAll('a', 'b', null);
  t.match(cores.status('a', job), { state: 'queued' });
  // Answers to older resyncs change nothing; the one to the latest does.
  for (let seq = 1; seq < 10; seq++) {
    const message = { type: 'holding', seq, attempts: [], window: 4 } as const;
    cores.step('a', { type: 'message', from: nodeId('b'), message });
  }
  t.match(cores.status('a', job), { state: 'running' });
});

t.test('a run that has begun, and that its executor gave up, counts as an attempt', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  const told = cores.submit('a');
  const silent = cores.submit('a');
  const [first] = cores.started;
  t.match(first?.start.job, told);
  cores.step('b', { type: 'attempt_chunk', run: first?.start.run as number, chunk: '1' });
  cores.loseAll('b', 'a', 'holding');
  cores.step('a', { type: 'contact_opened', node: nodeId('b') });
  const message = { type: 'holding', seq: 2, attempts: [], window: 4 } as const;
  for (let seq = 1; seq < 10; seq++)
    cores.step('a', { type: 'message', from: nodeId('b'), message: { ...message, seq } });
  t.match(cores.status('a', told), { state: 'running', attempts: 2 });
  t.match(cores.status('a', silent), { state: 'running', attempts: 1 });
});

t.test('room that a dead owner had goes to the others', async (t) => {
  const cores = new JobCores({
    members: [aliveMember('a', { tasks: [] }), aliveMember('b', { tasks: [] }), aliveMember('c')],
    config: { concurrency: 4 },
  });
  for (let job = 0; job < 4; job++) cores.submit('b');
  for (let job = 0; job < 8; job++) cores.submit('a');
  for (const entry of [...cores.started]) cores.step('c', { type: 'attempt_started', run: entry.start.run });
  cores.pass(100);
  const before = cores.started.filter(({ start }) => start.job.startsWith(nodeId('a'))).length;
  cores.end(cores.begin());
  cores.pass(100);
  cores.kill('b');
  cores.pass(100);
  const after = cores.started.filter(({ start }) => start.job.startsWith(nodeId('a'))).length;
  t.ok(after > before || after >= 4, `${before} before, ${after} after`);
});

t.test('RETRY needs room as a new job does', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')], config: { queueLengthMax: 1 } });
  const job = cores.submit('a');
  cores.end(cores.begin(), { type: 'failed', error: { name: 'Error', message: 'x' }, final: true });
  cores.submit('a');
  t.match(cores.replies.get(cores.request('a', { type: 'retry', job })), { code: 'BUSY' });
  cores.runAll();
  t.match(cores.replies.get(cores.request('a', { type: 'retry', job })), { ok: true });
  t.match(cores.status('a', job), { state: 'running', progress: null });
});

t.test('jobs of a lost executor keep their order', async (t) => {
  const cores = new JobCores({
    members: [aliveMember('a', { tasks: [] }), aliveMember('b')],
    config: { concurrency: 3 },
  });
  const jobs = [1, 2, 3].map(() => cores.submit('a'));
  cores.changeMember('b', { instance: 'bbbbb', incarnation: 2 ** 20 });
  cores.started.splice(0, 3);
  t.same(
    cores.started.map(({ start }) => start.job),
    jobs,
  );
});

t.test('STATUS says why a queued job can not start', async (t) => {
  const cores = new JobCores({ members: three() });
  const byTag = cores.submit('a', { on: [['zone', 'z9']] });
  t.equal(cores.status('b', byTag).waiting, 'no node offers echo and has the tags zone=z9');
  const byNode = cores.submit('a', { node: 'b' });
  t.equal(cores.status('a', byNode).waiting, null);
  cores.end(cores.begin('b'));
  cores.changeMember('b', { draining: true });
  t.equal(cores.status('a', cores.submit('a', { node: 'b' })).waiting, 'b could run it, but drains');
  cores.changeMember('c', { tasks: [] });
  const idle = cores.submit('a', { node: 'c' });
  t.equal(cores.status('a', idle).waiting, 'node c takes no jobs: its concurrency is 0');
  cores.changeMember('c', { tasks: [{ name: 'other' }] });
  t.equal(cores.status('a', idle).waiting, 'node c does not offer echo');
});

t.test('a search whose client is gone ends with nothing waiting for it', async (t) => {
  const cores = new JobCores({ members: three() });
  cores.loseAll('a', 'b', 'answer');
  cores.loseAll('c', 'b', 'answer');
  const job = `key-${'0'.repeat(26)}`;
  const request = cores.request('b', { type: 'wait', job, timeoutMs: null });
  cores.step('b', { type: 'request_abandoned', request });
  cores.pass(11_000);
  t.notOk(cores.replies.has(request));
});

t.test(
  'a node that was taken for dead, and comes back as a new process, gets no end of the old one',
  async (t) => {
    const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
    cores.changeMember('a', { state: 'dead' });
    // Its link outlived its death, as after a false alarm, and it went on to hand out work.
    const job = cores.submit('a');
    t.equal(cores.started.length, 1);
    cores.changeMember('a', { state: 'alive', instance: 'bbbbb', incarnation: 2 ** 20 });
    t.match(cores.stopped, [{ on: 'b', reason: 'fenced' }]);
    t.not(job, undefined);
  },
);

t.test('nodes that fall silent are not held against the job that they ran', async (t) => {
  const cores = new JobCores({
    members: ['a', 'b', 'c', 'd', 'e'].map((name) => aliveMember(name, name === 'a' ? { tasks: [] } : {})),
  });
  const job = cores.submit('a');
  for (let death = 0; death < 3; death++) cores.changeMember(cores.begin().on, { state: 'dead' });
  cores.end(cores.begin());
  t.match(cores.status('a', job), { state: 'done', attempts: 4 });
});

t.test('an attempt whose executor lives but can not be reached for ten seconds runs elsewhere', async (t) => {
  const cores = new JobCores({ members: three() });
  const job = cores.submit('a');
  const stranded = cores.begin();
  const other = stranded.on === 'b' ? 'c' : 'b';
  cores.cutLink('a', stranded.on);
  cores.pass(9_900);
  t.equal(cores.started.length, 0, 'a link that only broke comes back');
  cores.pass(200);
  t.equal(cores.started[0]?.on, other);
  cores.healLink('a', stranded.on);
  t.match(cores.stopped, [{ on: stranded.on, reason: 'fenced' }], 'and the first one is stopped');
  cores.end(cores.begin());
  t.equal(cores.status('a', job).state, 'done');
});

/** What node b keeps for requests of node a, which asked while b took it for gone. */
function waitsAfterReturn(state: 'dead' | 'left', change: Partial<MemberRecord>): number {
  const cores = new JobCores({ members: three() });
  const job = cores.submit('b', { delayMs: 3_600_000 });
  cores.changeMember('a', { state });
  cores.request('a', { type: 'wait', job, timeoutMs: null });
  // A process that is over repeats nothing.
  if (change.instance !== undefined) cores.loseAll('a', 'b', 'asking');
  cores.changeMember('a', { state: 'alive', incarnation: 2 ** 20, ...change });
  cores.pass(200);
  const debts = cores.core('b').debts();
  return debts.find(({ kind }) => kind === 'requests that wait')?.count as number;
}

t.test('what a process asked while it was taken for gone ends with it, or is asked again', async (t) => {
  t.equal(waitsAfterReturn('dead', { instance: 'bbbbb' }), 0);
  t.equal(waitsAfterReturn('left', { instance: 'bbbbb' }), 0);
  t.equal(waitsAfterReturn('dead', {}), 1, 'it was there all the time, and its client waits still');
});

t.test(
  'a holder that has restarted, and is passed over, forgets what it was sent before that was known',
  async (t) => {
    const cores = new JobCores({
      members: [...'abc'].map((name) => aliveMember(name)),
      config: { copies: 2 },
    });
    const job = cores.submit('a', { delayMs: 3_600_000 });
    const holder = [...'bc'].find((name) => cores.core(name).keeping.copies.get(job) !== undefined) as string;
    const other = holder === 'b' ? 'c' : 'b';
    cores.cutLink('a', holder);
    cores.request('a', { type: 'cancel', job });
    cores.loseAll(holder, 'a', 'kept');
    cores.healLink('a', holder);
    cores.changeMember(holder, { instance: 'bbbbb' });
    cores.pass(100);
    t.equal(cores.core('a').ledger.get(job)?.state, 'cancelled');
    t.not(cores.core(other).keeping.copies.get(job), undefined);
    t.equal(cores.core(holder).keeping.copies.get(job), undefined);
  },
);
