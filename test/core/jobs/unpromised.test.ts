import t from 'tap';
import { submitCommand } from '../../support/commands.js';
import { aliveMember, JobCores } from '../../support/job-cores.js';

const two = (): JobCores => new JobCores({ members: [aliveMember('a'), aliveMember('b')] });
const runCommand = (options: Parameters<typeof submitCommand>[0] = {}) => ({
  ...submitCommand({ copies: 2, ...options }),
  wait: true,
});
const keepsIn = (cores: JobCores): number => cores.sent.filter((sent) => sent === 'a>b keep').length;

t.test(
  'a RUN that ends at once is copied once, with its outcome, before its client hears of it',
  async (t) => {
    const cores = two();
    const run = cores.request('a', runCommand());
    t.equal(keepsIn(cores), 0);
    cores.loseAll('b', 'a', 'kept');
    cores.end(cores.begin());
    t.equal(keepsIn(cores), 1);
    t.equal(cores.replies.get(run), undefined);
    cores.loseAll('b', 'a', null);
    cores.cutLink('a', 'b');
    cores.healLink('a', 'b');
    t.same(cores.replies.get(run), { ok: true, text: '1' });
  },
);

t.test('a RUN that takes its time is copied after 100 ms, though nobody has been promised it', async (t) => {
  const cores = two();
  const run = cores.request('a', runCommand());
  const entry = cores.begin();
  cores.pass(90);
  t.equal(cores.core('b').keeping.copies.size, 0);
  cores.pass(20);
  t.equal(cores.core('b').keeping.copies.size, 1);
  cores.end(entry);
  t.same(cores.replies.get(run), { ok: true, text: '1' });
});

t.test('a RUN whose outcome nobody keeps is told to no holder, where it ends at once', async (t) => {
  const cores = two();
  const run = cores.request('a', runCommand({ ttlMs: 0 }));
  cores.end(cores.begin());
  t.same(cores.replies.get(run), { ok: true, text: '1' });
  cores.pass(200);
  t.equal(keepsIn(cores), 0);
  t.equal(cores.core('a').ledger.bytes, 0);
});

t.test('a RUN whose outcome nobody keeps, and that a holder has, is dropped there', async (t) => {
  const cores = two();
  const run = cores.request('a', runCommand({ ttlMs: 0 }));
  cores.pass(200);
  t.equal(cores.core('b').keeping.copies.size, 1);
  cores.end(cores.begin());
  t.same(cores.replies.get(run), { ok: true, text: '1' });
  cores.pass(10);
  t.equal(cores.core('b').keeping.copies.size, 0);
});

t.test('a SUBMIT with the key of a RUN is answered once the holder has the job', async (t) => {
  const cores = two();
  const home = (['a', 'b'] as const).find((name) => {
    cores.request('a', runCommand({ key: 'k' }));
    return cores.core(name).ledger.bytes > 0;
  });
  const other = home === 'a' ? 'b' : 'a';
  const submit = cores.request(home ?? 'a', submitCommand({ key: 'k', copies: 2 }));
  t.equal(cores.replies.get(submit), undefined);
  cores.pass(110);
  t.match(cores.replies.get(submit), { ok: true, text: / copies=2 / });
  t.equal(cores.core(other).keeping.copies.size, 1);
});

t.test('the holder of a RUN that nobody has been promised dies: another one is chosen', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a'), aliveMember('b'), aliveMember('c')] });
  cores.request('a', runCommand());
  const [record] = cores.core('a').ledger.values();
  const holder = record?.holders[1]?.startsWith('b') === true ? 'b' : 'c';
  const other = holder === 'b' ? 'c' : 'b';
  cores.kill(holder);
  cores.pass(1_000);
  t.equal(cores.core(other).keeping.copies.size, 1);
});
