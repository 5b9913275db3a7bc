import t from 'tap';
import type { JobCopy } from '../../../src/core/jobs/copy.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';
import { copyIn } from '../../support/test-journal.js';

// What an executor does that another owner has run a job again.

const three = () => [aliveMember('a', { tasks: [] }), aliveMember('b'), aliveMember('c')];

t.test(
  'an executor that holds the outcome of an earlier owner runs nothing for a later one, and tells it',
  async (t) => {
    const cores = new JobCores({ members: three() });
    const [earlier, later] = [nodeId('b'), nodeId('a')];
    const sample = copyIn(1, 1, { owner: earlier, holders: [earlier, nodeId('c')], instance: 'aaaaa' })
      .copy as JobCopy;
    const copy: JobCopy = { ...sample, state: 'done', stage: 1, result: '1' };
    const job = copy.spec.id;
    cores.step('c', {
      type: 'message',
      from: earlier,
      message: { type: 'keep', seq: 1, entries: [{ type: 'copy', copy }] },
    });
    const key = { job, epoch: copy.epoch + 1, attempt: 2 };
    const facts = { task: 'echo', args: '1', priority: 0, timeoutMs: 1_000, isolate: false, session: 99 };
    const before = cores.sent.length;
    cores.step('c', { type: 'message', from: later, message: { type: 'run', key, ...facts } });
    t.strictSame(cores.started, []);
    t.strictSame(
      cores.sent.slice(before).filter((each) => each.startsWith('c>a')),
      ['c>a keep', 'c>a refuse'],
    );
  },
);

t.test('an executor begins a job anew for its next owner once the earlier attempt has stopped', async (t) => {
  const cores = new JobCores({ members: three() });
  const facts = { task: 'echo', args: '1', priority: 0, timeoutMs: 1_000, isolate: false, session: 99 };
  const job = 'a00000000000-aaaaa-1';
  const run = (owner: string, epoch: number): void =>
    void cores.step('c', {
      type: 'message',
      from: nodeId(owner),
      message: { type: 'run', key: { job, epoch, attempt: epoch }, ...facts },
    });
  run('a', 1);
  const first = cores.begin('c');
  cores.changeMember('a', { state: 'dead' });
  run('b', 2);
  t.strictSame(
    cores.stopped.map(({ on, run }) => ({ on, run })),
    [{ on: 'c', run: first.start.run }],
  );
  t.strictSame(cores.started, [], 'it has not stopped yet');
  cores.end(first, { type: 'stopped' });
  t.match(cores.started, [{ on: 'c', start: { job, attempt: 2 } }]);
});

t.test('what is not wanted any more by then is not begun, and said to have stopped', async (t) => {
  const cores = new JobCores({ members: three() });
  const facts = { task: 'echo', args: '1', priority: 0, timeoutMs: 1_000, isolate: false, session: 99 };
  const job = 'a00000000000-aaaaa-1';
  const key = (epoch: number) => ({ job, epoch, attempt: epoch });
  cores.step('c', { type: 'message', from: nodeId('a'), message: { type: 'run', key: key(1), ...facts } });
  const first = cores.begin('c');
  cores.changeMember('a', { state: 'dead' });
  cores.step('c', { type: 'message', from: nodeId('b'), message: { type: 'run', key: key(2), ...facts } });
  cores.step('c', {
    type: 'message',
    from: nodeId('b'),
    message: { type: 'stop', key: key(2), reason: 'cancelled' },
  });
  const before = cores.sent.length;
  cores.end(first, { type: 'stopped' });
  t.strictSame(cores.started, []);
  t.ok(cores.sent.slice(before).includes('c>b ran'));
});
