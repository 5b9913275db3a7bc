import t from 'tap';
import type { JobMessage } from '../../../src/core/messages.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';

t.test('an executor whose memory is full is sent nothing until some of it is free again', async (t) => {
  const names = [...'abcdefghijklmnopqrs'];
  const cores = new JobCores({ members: names.map((name) => aliveMember(name)) });
  const args = JSON.stringify('x'.repeat(16 * 2 ** 20 - 2));
  for (const name of names.slice(1)) cores.submit(name, { node: 'a' }, { args });
  const runs = (): number => cores.sent.filter((sent) => sent.endsWith('>a run')).length;
  t.equal(cores.core('a').executor.heldCount, 16, 'sixteen of 16 MiB are what it takes');
  cores.pass(100);
  const before = runs();
  cores.cutLink('a', 's');
  cores.healLink('a', 's');
  cores.pass(1_000);
  t.equal(runs(), before, 'nor on a new link');
  t.equal(cores.runAll().length, 16);
  cores.pass(100);
  t.equal(cores.runAll().length, 2, 'the others get in');
});

/** `a` owns jobs that only `b` runs, and has no link to it. */
function cutOff(): JobCores {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  cores.cutLink('a', 'b');
  return cores;
}

t.test('a node whose queued jobs were all cancelled has nothing to wait for', async (t) => {
  const cores = cutOff();
  const jobs = [cores.submit('a'), cores.submit('a')];
  t.ok(cores.core('a').hasWorkUntil(cores.now.monotonicMs));
  for (const job of jobs) cores.request('a', { type: 'cancel', job });
  t.notOk(cores.core('a').hasWorkUntil(cores.now.monotonicMs));
  t.equal(
    cores
      .core('a')
      .debts()
      .find(({ kind }) => kind === 'lines with jobs')?.count,
    0,
  );
  cores.submit('a');
  t.ok(cores.core('a').hasWorkUntil(cores.now.monotonicMs), 'until there is a new one');
  cores.healLink('a', 'b');
  t.equal(cores.runAll().length, 1);
});

t.test(
  'a round goes on where it was, however many other lines were used since, as long as it is used',
  async (t) => {
    const cores = new JobCores({ members: ['a', 'b', 'c'].map((name) => aliveMember(name)) });
    const ranOn: string[] = [];
    for (let number = 0; number < 3_000; number++) {
      cores.submit('a', { route: 'affinity', affinity: `k${number}` });
      cores.runAll();
      if (number % 1_000 !== 0) continue;
      cores.submit('a');
      ranOn.push(...cores.runAll());
    }
    t.equal(new Set(ranOn).size, 3);
  },
);

t.test('pressure lasts through a resync on the same link', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  cores.step('a', { type: 'pressure', node: nodeId('b'), congested: true });
  cores.step('a', { type: 'message', from: nodeId('b'), message: { type: 'resync_wanted' } });
  cores.step('a', { type: 'contact_opened', node: nodeId('b') });
  cores.submit('a');
  t.equal(cores.started.length, 0);
  cores.step('a', { type: 'pressure', node: nodeId('b'), congested: false });
  t.equal(cores.runAll().length, 1);
});

t.test('a run that comes late, on a link that was given up, is not taken', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  const { started } = cores;
  const job = `${nodeId('a')}-aaaaa-77`;
  const late = (session: number): JobMessage => ({
    type: 'run',
    key: { job, epoch: 1, attempt: 1 },
    task: 'echo',
    args: '1',
    priority: 0,
    timeoutMs: 1_000,
    isolate: false,
    session,
  });
  for (let link = 0; link < 3; link++) cores.step('a', { type: 'contact_opened', node: nodeId('b') });
  cores.submit('a');
  t.equal(started.length, 1, 'what is sent since the last resync is taken');
  cores.step('b', { type: 'message', from: nodeId('a'), message: late(1) });
  t.equal(started.length, 1, 'what was sent before it is not');
  t.notOk(cores.sent.includes('b>a refuse'), 'and nobody is told, as its owner has it run again');
});
