import t from 'tap';
import { copyOf } from '../../../src/core/jobs/record-copy.js';
import { idOfKey, recordOf } from '../../../src/core/jobs/submission.js';
import { limits } from '../../../src/core/limits.js';
import { submitCommand } from '../../support/commands.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';

const two = (): JobCores => new JobCores({ members: [aliveMember('a'), aliveMember('b')] });

t.test('a job with after= starts when the last of these is done, whichever node owns them', async (t) => {
  const cores = two();
  const first = cores.submit('a', {}, { args: '1' });
  const second = cores.submit('b', {}, { args: '2' });
  const third = cores.submit('a', { after: [first, second] }, { args: '3' });
  t.equal(cores.started.length, 2);
  t.match(cores.status('b', third), { state: 'delayed', notBefore: null });
  t.match(cores.status('a', third).waiting, `comes after ${first}, ${second}, not done yet`);
  cores.end(cores.begin());
  t.match(cores.status('a', third).waiting, /^comes after \S+, not done yet$/);
  t.equal(cores.started.length, 1, 'one is not enough');
  cores.end(cores.begin());
  t.equal(cores.begin().start.args, '3');
});

t.test('jobs that are done already hold nothing back', async (t) => {
  const cores = two();
  const first = cores.submit('b');
  cores.runAll();
  cores.submit('a', { after: [first] });
  t.equal(cores.started.length, 1);
});

t.test('a delay counts from the submission, and runs beside the wait', async (t) => {
  const cores = two();
  const first = cores.submit('a');
  const early = cores.submit('a', { after: [first], delayMs: 1_000 });
  cores.pass(400);
  cores.end(cores.begin());
  t.match(cores.status('a', early), { state: 'delayed', waiting: null });
  cores.pass(590);
  t.equal(cores.started.length, 0);
  cores.pass(20);
  t.equal(cores.started.length, 1);
});

t.test(
  'a job fails when one that it comes after fails or is cancelled, and says which and how',
  async (t) => {
    const cores = two();
    const [bad, gone] = [cores.submit('b'), cores.submit('a', { delayMs: 60_000 })];
    const afterBad = cores.submit('a', { after: [gone, bad] });
    const afterGone = cores.submit('b', { after: [gone] });
    cores.end(cores.begin(), { type: 'failed', error: { name: 'Error', message: 'no disk' }, final: true });
    t.match(cores.status('a', afterBad), {
      state: 'failed',
      attempts: 0,
      error: {
        name: 'DependencyFailed',
        message: `job ${bad}, which this one comes after, failed: Error: no disk`,
      },
    });
    cores.request('a', { type: 'cancel', job: gone });
    t.match(cores.status('b', afterGone).error, {
      name: 'DependencyFailed',
      message: `job ${gone}, which this one comes after, was cancelled`,
    });
    t.equal(cores.started.length, 0);
  },
);

t.test(
  'RUN with after= answers with the outcome, also where that is the failure of another job',
  async (t) => {
    const cores = two();
    const first = cores.submit('b');
    const request = cores.request('a', submitCommand({ after: [first] }, { wait: true }));
    cores.end(cores.begin(), { type: 'failed', error: { name: 'Error', message: 'x' }, final: true });
    t.match(cores.replies.get(request), { ok: false, code: 'JOB_FAILED', message: /DependencyFailed/ });
  },
);

t.test('a job that nobody knows is refused by name, and nothing is taken', async (t) => {
  const cores = two();
  const known = cores.submit('a');
  for (const unknown of [`${nodeId('b')}-aaaaa-77`, `${nodeId('a')}-aaaaa-77`, `key-${'0'.repeat(26)}`]) {
    const reply = cores.replies.get(cores.request('a', submitCommand({ after: [known, unknown] })));
    t.match(reply, { ok: false, code: 'NOT_FOUND' });
    t.match(JSON.stringify(reply), unknown);
  }
  t.match(cores.core('a').counts(), { delayed: 0, running: 1 });
});

t.test('a job can name neither itself nor one that comes later, so none waits in a circle', async (t) => {
  const cores = two();
  for (const key of ['x', 'y']) {
    const reply = cores.replies.get(cores.request('b', submitCommand({ key, after: [idOfKey('x')] })));
    t.match(reply, { ok: false, code: 'NOT_FOUND' });
  }
  const first = cores.submit('a', { key: 'x' });
  const second = cores.submit('a', { key: 'y', after: [first] });
  cores.runAll();
  cores.pass(20);
  cores.runAll();
  t.equal(cores.status('b', second).state, 'done');
  t.equal(cores.submit('b', { key: 'y', after: [`key-${'0'.repeat(26)}`] }), second, 'the key goes first');
});

t.test('a waiting job can be cancelled, and is not started later', async (t) => {
  const cores = two();
  const first = cores.submit('b');
  const second = cores.submit('a', { after: [first] });
  t.match(cores.replies.get(cores.request('b', { type: 'cancel', job: second })), { ok: true });
  t.equal(
    cores
      .core('a')
      .debts()
      .find(({ kind }) => kind === 'jobs that others wait for')?.count,
    0,
  );
  cores.end(cores.begin());
  t.equal(cores.started.length, 0);
  t.equal(cores.status('a', second).state, 'cancelled');
});

t.test('a failed dependency that is retried, then its dependent, both run', async (t) => {
  const cores = two();
  const first = cores.submit('b');
  const second = cores.submit('a', { after: [first] });
  cores.end(cores.begin(), { type: 'failed', error: { name: 'Error', message: 'x' }, final: true });
  cores.request('a', { type: 'retry', job: first });
  cores.request('a', { type: 'retry', job: second });
  t.match(cores.status('a', second), { state: 'delayed', error: null });
  cores.end(cores.begin());
  cores.end(cores.begin());
  t.equal(cores.status('a', second).state, 'done');
});

t.test('an owner that falls silent is asked again until it answers', async (t) => {
  const cores = two();
  const first = cores.submit('b', { node: 'b' });
  cores.submit('a', { after: [first], node: 'a' });
  cores.cutLink('a', 'b');
  cores.pass(30_000);
  cores.healLink('a', 'b');
  cores.end(cores.begin('b'));
  cores.pass(6_000);
  t.same(
    cores.started.map(({ on }) => on),
    ['a'],
  );
});

t.test('a dependency whose outcome was lost fails the job, and says that nobody can tell', async (t) => {
  const cores = two();
  const first = cores.submit('b', { node: 'b', ttlMs: 0 });
  const second = cores.submit('a', { after: [first] });
  // It ends while b is taken for dead: of ttl=0s nothing is kept, and the answer is for a request that was given up.
  cores.changeMember('b', { state: 'dead' });
  cores.end(cores.begin('b'));
  cores.pass(20_000);
  t.equal(cores.status('a', second).state, 'delayed', 'a dead owner is waited for');
  cores.changeMember('b', { state: 'alive', incarnation: 2 });
  cores.pass(14_000);
  t.equal(cores.status('a', second).state, 'delayed', 'its owner may come back with it');
  cores.pass(10_000);
  t.match(cores.status('a', second), { state: 'failed', error: { name: 'DependencyLost' } });
});

/** A job with this key, owned by that node, which then falls silent for all others. */
function silentOwner(): { readonly cores: JobCores; readonly first: string } {
  const cores = new JobCores({ members: [aliveMember('a'), aliveMember('b'), aliveMember('c')] });
  const key = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'].find((key) => {
    cores.submit('a', { key, delayMs: 3_600_000 });
    return cores.core('b').ledger.get(idOfKey(key)) !== undefined;
  });
  if (key === undefined) throw new Error('no key is at home at b');
  return { cores, first: idOfKey(key) };
}

function silence(cores: JobCores): void {
  for (const other of ['a', 'c']) cores.cutLink('b', other);
  cores.changeMember('b', { state: 'dead' });
}

t.test('a dependency with a key is waited for while a node that may know it is dead', async (t) => {
  const { cores, first } = silentOwner();
  const second = cores.submit('a', { after: [first] });
  silence(cores);
  cores.pass(60_000);
  t.equal(cores.status('a', second).state, 'delayed');
  cores.changeMember('b', { state: 'alive', incarnation: 2 });
  for (const other of ['a', 'c']) cores.healLink('b', other);
  cores.request('c', { type: 'cancel', job: first });
  cores.pass(6_000);
  t.match(cores.status('a', second).error, { name: 'DependencyFailed' }, 'its outcome is heard after all');
});

t.test('so is one without a key, which another owner than the first one had last', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a'), aliveMember('b'), aliveMember('c')] });
  const first = cores.submit('b', { delayMs: 3_600_000, ttlMs: 0 });
  const second = cores.submit('a', { after: [first] });
  silence(cores);
  cores.pass(100);
  cores.changeMember('c', { state: 'dead' });
  cores.request('b', { type: 'cancel', job: first });
  cores.changeMember('b', { state: 'alive', incarnation: 2 });
  for (const other of ['a', 'c']) cores.healLink('b', other);
  cores.pass(60_000);
  t.equal(cores.status('a', second).state, 'delayed', 'c may have it');
  cores.changeMember('c', { state: 'alive', incarnation: 2 });
  cores.pass(25_000);
  t.match(cores.status('a', second).error, { name: 'DependencyLost' }, 'now all have been asked');
});

t.test('whether a key was ever used can be told once no node is dead, or it is forgotten', async (t) => {
  const { cores, first } = silentOwner();
  const second = cores.submit('a', { after: [first] });
  silence(cores);
  cores.pass(11_000);
  const ask = (): unknown => cores.replies.get(cores.request('a', { type: 'status', job: idOfKey('never') }));
  t.match(ask(), { ok: false, code: 'UNAVAILABLE', message: /^node b is dead/ });
  const after = cores.request('a', submitCommand({ after: [idOfKey('never')] }));
  t.match(cores.replies.get(after), { ok: false, code: 'UNAVAILABLE', message: /^nothing was taken/ });
  cores.forgetMember('b');
  t.match(ask(), { ok: false, code: 'NOT_FOUND' });
  cores.pass(25_000);
  t.match(cores.status('a', second).error, { name: 'DependencyLost' });
});

t.test('another owner goes on from the record, and doesn’t ask again for what was done', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a'), aliveMember('b'), aliveMember('c')] });
  const [first, second] = [cores.submit('c', { ttlMs: 0 }), cores.submit('c')];
  const waiting = cores.submit('a', { after: [first, second] }, { args: '"last"' });
  cores.end(cores.begin());
  const record = cores.core('a').ledger.get(waiting);
  if (record === undefined) throw new Error('not kept');
  t.same(record.awaits, [second]);
  cores.kill('a');
  const { ledger, heldBack } = cores.core('b');
  const copy = recordOf({ ...copyOf(record, 'a1'), owner: nodeId('b'), epoch: 2 }, 0, cores.now);
  ledger.insert(copy);
  heldBack.hold(copy, cores.now);
  heldBack.hold(copy, cores.now);
  cores.pass(20_000);
  t.match(cores.status('b', waiting), { state: 'delayed' }, 'though nobody knows the first one any more');
  cores.runAll();
  t.match(cores.status('b', waiting), { state: 'done', attempts: 1 });
});

t.test(
  'the result of a job stays where it is; only its end is told to those that come after it',
  async (t) => {
    const cores = two();
    const first = cores.submit('b');
    cores.submit('a', { after: [first] });
    const answers: unknown[] = [];
    const core = cores.core('a');
    const step = core.step.bind(core);
    core.step = (event, now) => {
      if (event.type === 'message' && event.message.type === 'answer') answers.push(event.message.reply);
      step(event, now);
    };
    cores.end(cores.begin(), { type: 'done', result: JSON.stringify('x'.repeat(100_000)) });
    t.same(answers, [{ ok: true, text: 'null' }]);
    t.equal(cores.started.length, 1);
  },
);

t.test('ten thousand jobs after one cost the other node two questions', async (t) => {
  const cores = two();
  const first = cores.submit('b');
  const asksBefore = cores.sent.filter((sent) => sent === 'a>b ask').length;
  for (let job = 0; job < 10_000; job++) cores.submit('a', { after: [first] });
  t.equal(cores.sent.filter((sent) => sent === 'a>b ask').length - asksBefore, 2);
  cores.end(cores.begin());
  // What follows is done in shares, so that a node stays responsive.
  const { followUpsPerStepMax } = limits;
  t.ok(cores.core('a').counts().delayed >= 10_000 - followUpsPerStepMax);
  cores.pass(200);
  t.equal(cores.core('a').counts().delayed, 0);
  t.equal(cores.runAll().length, 10_000);
});

t.test('a chain of a thousand jobs runs in order, and fails as one when its first job fails', async (t) => {
  for (const isGood of [true, false]) {
    const cores = two();
    let last = cores.submit('a');
    for (let job = 1; job < 1_000; job++) last = cores.submit(job % 2 === 0 ? 'a' : 'b', { after: [last] });
    let ran = 0;
    while (cores.started.length > 0) {
      t.equal(cores.started.length, 1);
      const error = { name: 'Error', message: 'x' };
      cores.end(
        cores.begin(),
        isGood ? { type: 'done', result: '1' } : { type: 'failed', error, final: true },
      );
      ran++;
    }
    cores.pass(50);
    t.equal(ran, isGood ? 1_000 : 1);
    t.equal(cores.status('a', last).state, isGood ? 'done' : 'failed');
  }
});

t.test('a job comes after at most so many', async (t) => {
  const cores = two();
  const jobs = Array.from({ length: limits.afterMax }, () => cores.submit('b'));
  const last = cores.submit('a', { after: jobs });
  t.match(cores.status('a', last).waiting, /and 56 more, not done yet$/);
  cores.runAll();
  cores.pass(20);
  t.equal(cores.status('a', last).state, 'done');
});

t.test('a schedule is never done, so nothing comes after it', async (t) => {
  const cores = two();
  const schedule = cores.submit('b', { cron: '@hourly' });
  for (const name of ['a', 'b']) {
    const reply = cores.replies.get(cores.request(name, submitCommand({ after: [schedule] })));
    t.match(reply, { ok: false, code: 'WRONG_STATE' });
  }
});
