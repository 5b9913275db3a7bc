import t from 'tap';
import { copyOf } from '../../../src/core/jobs/record-copy.js';
import { recordOf } from '../../../src/core/jobs/submission.js';
import { limits } from '../../../src/core/limits.js';
import { submitCommand } from '../../support/commands.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** At ten seconds before a full hour. */
function cluster(...names: string[]): JobCores {
  const cores = new JobCores({ members: names.map((name) => aliveMember(name)) });
  cores.now = { monotonicMs: 1_000, wallMs: Date.UTC(2030, 0, 1, 7, 59, 50) };
  return cores;
}

/** Ends what has started, and gives its arguments. */
function ranNow(cores: JobCores): unknown[] {
  const args = cores.started.map(({ start }) => start.args);
  cores.runAll();
  return args;
}

t.test('a schedule submits a job at each of its times, and is a job of state delayed itself', async (t) => {
  const cores = cluster('a', 'b');
  const id = cores.submit('a', { cron: '*/5 * * * *' }, { args: '{"n":1}' });
  t.match(cores.status('b', id), {
    id,
    state: 'delayed',
    cron: '*/5 * * * *',
    zone: 'UTC',
    next: '2030-01-01T08:00:00.000Z',
    notBefore: '2030-01-01T08:00:00.000Z',
    last: null,
    lastJob: null,
    fired: 0,
  });
  cores.pass(9_900);
  t.same(ranNow(cores), []);
  cores.pass(200);
  t.same(ranNow(cores), ['{"n":1}']);
  for (let time = 0; time < 3; time++) {
    cores.leap(5 * minute);
    t.same(ranNow(cores), ['{"n":1}']);
  }
  const { lastJob, ...status } = cores.status('a', id);
  t.match(status, { fired: 4, last: '2030-01-01T08:15:00.000Z', next: '2030-01-01T08:20:00.000Z' });
  t.match(cores.status('b', lastJob as string), { task: 'echo', state: 'done' });
});

t.test('a node by itself that stood still fires, when it goes on, for what was due meanwhile', async (t) => {
  const cores = cluster('a');
  cores.submit('a', { cron: '0 * * * *' }, { args: '1' });
  const { monotonicMs, wallMs } = cores.now;
  cores.now = { monotonicMs: monotonicMs + 20 * second, wallMs: wallMs + 20 * second };
  cores.step('a', { type: 'tick', lateMs: 10 * second });
  cores.pass(10);
  t.same(ranNow(cores), ['1']);
});

t.test('a schedule can not be retried, and it is said what can', async (t) => {
  const cores = cluster('a', 'b');
  const job = cores.submit('a', { cron: '@hourly' });
  const retry = () => cores.replies.get(cores.request('b', { type: 'retry', job }));
  t.strictSame(retry(), {
    ok: false,
    code: 'WRONG_STATE',
    message: `${job} is a schedule, which never runs itself: retry the job of it that failed; JOBS state=failed task=echo lists them`,
  });
  cores.request('a', { type: 'cancel', job });
  t.match(retry(), { ok: true }, 'one that is cancelled begins anew');
});

t.test('its times are those of its zone, across a change to summer time', async (t) => {
  const cores = cluster('a');
  cores.now = { monotonicMs: 1_000, wallMs: Date.UTC(2030, 2, 30, 12) };
  const options = { cron: '30 8 * * *', timeZone: 'Europe/Berlin' };
  const id = cores.submit('a', options);
  t.equal(cores.status('a', id).next, '2030-03-31T06:30:00.000Z', 'on the first day of summer time');
});

t.test('jobs of a schedule have its options', async (t) => {
  const cores = cluster('a', 'b');
  cores.submit('a', { cron: '* * * * *', node: 'b', priority: 7, retries: 3 });
  cores.leap(10 * second);
  t.match(cores.started, [{ on: 'b', start: { priority: 7 } }]);
  t.match(cores.status('a', cores.started[0]?.start.job ?? ''), { priority: 7, retries: 3 });
});

t.test('a job gets as many copies as its schedule asks for, or as there are nodes at its time', async (t) => {
  const members = ['a', 'b', 'c'].map((name) => aliveMember(name));
  const cores = new JobCores({ members, config: { copies: 2 } });
  cores.now = { monotonicMs: 1_000, wallMs: Date.UTC(2030, 0, 1, 7, 59, 50) };
  const id = cores.submit('a', { cron: '* * * * *', copies: 3 });
  const copiesAtNextTime = (): unknown => {
    cores.leap(minute);
    cores.pass(100);
    const { copies, holders } = cores.status('a', cores.status('a', id).lastJob as string);
    ranNow(cores);
    return { copies, holders: (holders as string[]).length };
  };
  t.same(copiesAtNextTime(), { copies: 3, holders: 3 });
  cores.kill('c');
  t.same(copiesAtNextTime(), { copies: 2, holders: 2 }, 'two nodes are left');
  cores.kill('b');
  cores.pass(second);
  t.same(copiesAtNextTime(), { copies: 2, holders: 1 }, 'one is, and a second copy comes with a second node');
});

t.test('a schedule that asks for one copy, or for none on disk, has jobs that do', async (t) => {
  const members = ['a', 'b'].map((name) => aliveMember(name, { journal: 'open' }));
  for (const options of [
    { copies: 1, durable: false },
    { copies: 2, durable: false },
  ]) {
    const cores = new JobCores({ members, config: { copies: 2 } });
    cores.now = { monotonicMs: 1_000, wallMs: Date.UTC(2030, 0, 1, 7, 59, 50) };
    const id = cores.submit('a', { cron: '* * * * *', ...options });
    cores.leap(10 * second);
    cores.pass(100);
    t.match(cores.status('a', cores.status('a', id).lastJob as string), options);
  }
});

t.test('CANCEL ends a schedule, and RETRY begins it anew from then on', async (t) => {
  const cores = cluster('a', 'b');
  const id = cores.submit('a', { cron: '* * * * *' });
  cores.request('b', { type: 'cancel', job: id });
  cores.leap(10 * minute);
  t.same(ranNow(cores), []);
  t.match(cores.status('a', id), { state: 'cancelled', next: null });
  cores.request('b', { type: 'retry', job: id });
  t.same(ranNow(cores), [], 'not for what was missed while it was cancelled');
  cores.leap(minute);
  t.equal(ranNow(cores).length, 1);
});

t.test('with a key, the same schedule is had however often it is asked for', async (t) => {
  const cores = cluster('a', 'b', 'c');
  const options = { cron: '* * * * *', key: 'nightly' };
  t.equal(cores.submit('a', options), cores.submit('b', options));
  cores.leap(10 * second);
  t.equal(ranNow(cores).length, 1);
});

t.test('an expression whose time never comes is refused', async (t) => {
  const cores = cluster('a');
  for (const cron of ['0 0 30 2 *', 'nonsense']) {
    t.match(cores.replies.get(cores.request('a', submitCommand({ cron }))), {
      ok: false,
      code: 'BAD_OPTION',
    });
  }
});

t.test('a clock that is set an hour ahead has it fire once for all that was missed', async (t) => {
  const cores = cluster('a');
  const id = cores.submit('a', { cron: '* * * * *' });
  cores.leap(second, hour);
  cores.pass(20);
  t.equal(ranNow(cores).length, 1);
  t.equal(cores.status('a', id).next, '2030-01-01T09:00:00.000Z');
  cores.leap(10 * second);
  t.equal(ranNow(cores).length, 1, 'and goes on by the new clock');
});

t.test('a clock that is set back fires no time twice', async (t) => {
  const cores = cluster('a');
  const id = cores.submit('a', { cron: '* * * * *' });
  cores.leap(10 * second);
  t.equal(ranNow(cores).length, 1);
  cores.leap(second, -hour);
  cores.leap(hour - second);
  t.same(ranNow(cores), []);
  t.equal(cores.status('a', id).next, '2030-01-01T08:01:00.000Z');
  cores.leap(minute + second);
  t.equal(ranNow(cores).length, 1);
});

t.test('times that were missed by less than a minute are made up for one by one', async (t) => {
  const cores = cluster('a');
  cores.submit('a', { cron: '*/10 * * * * *' });
  cores.leap(45 * second);
  cores.pass(50);
  t.equal(ranNow(cores).length, 4, 'those of 08:00:00, :10, :20 and :30');
  cores.leap(10 * minute);
  cores.pass(50);
  t.equal(ranNow(cores).length, 1);
});

t.test('a job that is refused is submitted again until it is taken', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')], config: { queueLengthMax: 2 } });
  const id = cores.submit('a', { cron: '* * * * * *' });
  const blocker = cores.submit('a');
  cores.pass(10 * second);
  t.equal(cores.status('a', id).fired, 0, 'the queue is full');
  cores.end(cores.begin());
  cores.pass(30 * second);
  t.equal(cores.started.length, 1);
  t.equal(cores.status('a', blocker).state, 'done');
  t.match(cores.status('a', id), { fired: 1 });
});

t.test('two owners of one schedule make one job of each time', async (t) => {
  const cores = cluster('a', 'b');
  const id = cores.submit('a', { cron: '* * * * *' });
  const record = cores.core('a').ledger.get(id);
  if (record === undefined) throw new Error('not kept');
  // As after a partition: b has taken over, and a is still there.
  const copy = { ...copyOf(record, 'a1'), owner: nodeId('b') };
  cores.core('b').ledger.insert(recordOf(copy, 0, cores.now));
  cores.core('b').heldBack.hold(cores.core('b').ledger.get(id) ?? record, cores.now);
  for (let time = 1; time <= 3; time++) {
    cores.leap(minute);
    cores.pass(20);
    t.equal(ranNow(cores).length, 1);
    t.equal(cores.status('a', id).lastJob, cores.status('b', id).lastJob);
  }
});

t.test('an owner that begins twice with one record fires once', async (t) => {
  const cores = cluster('a');
  const id = cores.submit('a', { cron: '* * * * *' });
  const record = cores.core('a').ledger.get(id);
  if (record === undefined) throw new Error('not kept');
  cores.core('a').heldBack.hold(record, cores.now);
  cores.leap(minute);
  t.equal(ranNow(cores).length, 1);
  cores.core('a').heldBack.letGo(record);
  cores.leap(minute);
  t.equal(ranNow(cores).length, 0, 'and none once another node has it');
});

t.test('schedules that fire at one time do so in shares', async (t) => {
  const cores = cluster('a');
  for (let schedule = 0; schedule < 1_200; schedule++) cores.submit('a', { cron: '@hourly' });
  cores.leap(10 * second);
  t.equal(cores.core('a').counts().running + cores.core('a').counts().queued, limits.followUpsPerStepMax);
  t.ok(cores.core('a').nextDeadlineMs() <= cores.now.monotonicMs, 'the next one follows at once');
  cores.pass(100);
  t.equal(cores.runAll().length, 1_200);
});

t.test('SCHEDULES lists those of all nodes, and no other jobs', async (t) => {
  const cores = cluster('a', 'b');
  const ids = [cores.submit('a', { cron: '@hourly' }), cores.submit('b', { cron: '@daily' })];
  cores.submit('a', { delayMs: hour });
  cores.pass(50);
  const list = { type: 'jobs', state: 'delayed', task: null, limit: 10, schedules: true } as const;
  const reply = cores.replies.get(cores.request('b', list));
  const rows = JSON.parse(reply?.ok ? reply.text : '[]') as Record<string, unknown>[];
  t.same(rows.map(({ id }) => id).sort(), ids.sort());
  t.match(rows[0], { task: 'echo', zone: 'UTC', fired: 0, last: null, lastJob: null, holders: [/./] });
});

t.test('the next deadline is that of the next time, or the next look at the clock', async (t) => {
  const cores = cluster('a');
  cores.submit('a', { cron: '0 * * * *' });
  cores.step('a', { type: 'tick', lateMs: 0 });
  t.ok(cores.core('a').nextDeadlineMs() <= cores.now.monotonicMs + 10 * second);
  t.ok(cores.core('a').nextDeadlineMs() > cores.now.monotonicMs);
});
