import t from 'tap';
import type { JobMessage } from '../../../src/core/messages.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';

const list = { type: 'jobs', state: null, task: null, limit: 1_000 } as const;
const deep = '['.repeat(8_191) + ']'.repeat(8_191);

function coresOf(...names: string[]): JobCores {
  return new JobCores({ members: names.map((name) => aliveMember(name)) });
}

/** `count` jobs that `name` owns and that are done. */
function finishJobs(cores: JobCores, name: string, count: number): string[] {
  return Array.from({ length: count }, () => {
    const job = cores.submit(name, { node: name });
    cores.runAll();
    return job;
  });
}

function idsIn(cores: JobCores, request: number): string[] {
  const reply = cores.replies.get(request);
  if (reply?.ok !== true) throw new Error(`no list: ${JSON.stringify(reply)}`);
  return (JSON.parse(reply.text) as { id: string }[]).map(({ id }) => id);
}

const answersTo = (cores: JobCores, requests: readonly number[]) =>
  requests.flatMap((request) => cores.replies.get(request) ?? []);

const listDebts = (cores: JobCores, name: string): number =>
  cores
    .core(name)
    .debts()
    .reduce(
      (sum, { kind, count }) =>
        kind === 'lists of jobs' || kind === 'asks not answered' ? sum + count : sum,
      0,
    );

t.test('a progress value is shown as it came, however deep it is nested', async (t) => {
  const cores = coresOf('a', 'b');
  cores.submit('a', { node: 'a' });
  const { start } = cores.begin('a');
  cores.step('a', { type: 'attempt_progress', run: start.run, value: deep });
  for (const command of [{ type: 'status', job: start.job } as const, list]) {
    for (const name of ['a', 'b']) {
      const reply = cores.replies.get(cores.request(name, command));
      t.match(reply, { ok: true }, `${command.type} at ${name}`);
      t.ok(reply?.ok && reply.text.includes(deep), 'whole');
    }
  }
});

/** What a lists when b, asked for its part, answers with this text. */
function listedWhenOtherSays(text: string, limit = 1_000): string {
  const cores = coresOf('a', 'b');
  cores.submit('a', { node: 'a' });
  cores.loseAll('b', 'a', 'answer');
  const request = cores.request('a', { ...list, limit });
  // A node's first ask has the number 1.
  const answer: JobMessage = { type: 'answer', seq: 1, reply: { ok: true, text } };
  cores.step('a', { type: 'message', from: nodeId('b'), message: answer });
  const reply = cores.replies.get(request);
  return reply?.ok === true ? reply.text : JSON.stringify(reply);
}

t.test('what another node lists is passed on as it stands, and what is no job is left out', async (t) => {
  const row = `{"id":"x","createdAt":"9999","z":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
  const ownOnly = listedWhenOtherSays('');
  t.match(ownOnly, /^\[\{"id":"a0+-aaaaa-1",[^\]]*"holders":\["a"\][^\]]*\}\]$/);
  const withRow = `[${row},${ownOnly.slice(1)}`;
  t.ok(listedWhenOtherSays(row) === withRow, 'nested deeper than any stack');
  t.ok(listedWhenOtherSays(`${row.slice(1)}\n7\nnull\n[]\n${row}\n"x"`) === withRow, 'among what is none');
  for (const text of ['not JSON', 'null', '{"length":3}', '{"id":1,"createdAt":2}', `[${row}]`]) {
    t.equal(listedWhenOtherSays(text), ownOnly, text.slice(0, 30));
  }
  const many = Array(500_000).fill('{"id":"x","createdAt":"9999"}').join('\n');
  t.match(JSON.parse(listedWhenOtherSays(many, 2)), [{ id: 'x' }, { id: 'x' }], 'an overlong one is cut');
});

t.test(
  'of ten thousand lists asked for at once a few are made at a time, and those past the line refused',
  async (t) => {
    const cores = coresOf('a', 'b', 'c');
    finishJobs(cores, 'b', 50);
    cores.cutLink('a', 'b');
    const sentBefore = cores.sent.length;
    const requests = Array.from({ length: 10_000 }, () => cores.request('a', list));
    t.equal(cores.sent.slice(sentBefore).filter((sent) => sent === 'a>c ask').length, 4, 'lists under way');
    const refused = answersTo(cores, requests);
    t.equal(refused.length, 10_000 - 4 - 256, 'and 256 wait');
    t.ok(
      refused.every(
        (reply) => !reply.ok && reply.code === 'BUSY' && reply.message.startsWith('retry-after=1s '),
      ),
    );
    cores.healLink('a', 'b');
    cores.pass(1_000);
    t.equal(answersTo(cores, requests).length, 10_000, 'none is left waiting');
    t.equal(answersTo(cores, requests).filter(({ ok }) => ok).length, 260, 'those in line got their list');
    t.equal(listDebts(cores, 'a') + listDebts(cores, 'b'), 0);
  },
);

t.test(
  'a list that nobody waits for any more is given up, in line and under way, here and where it was asked for',
  async (t) => {
    const cores = coresOf('a', 'b');
    cores.loseAll('b', 'a', 'answer');
    const requests = Array.from({ length: 6 }, () => cores.request('a', list));
    const [first, , , , fifth, sixth] = requests as [number, number, number, number, number, number];
    cores.step('a', { type: 'request_abandoned', request: fifth });
    cores.step('a', { type: 'request_abandoned', request: first });
    cores.loseAll('b', 'a', null);
    cores.pass(20);
    t.same(idsIn(cores, sixth), [], 'the next one in line has taken its place');
    for (const request of requests) cores.step('a', { type: 'request_abandoned', request });
    t.notOk(cores.replies.has(first) || cores.replies.has(fifth));
    t.equal(listDebts(cores, 'a') + listDebts(cores, 'b'), 0);
  },
);

t.test(
  'a node that is asked for its jobs very often answers a few at a time, and all who still wait in the end',
  async (t) => {
    const cores = coresOf('a', 'b');
    finishJobs(cores, 'b', 1_000);
    const answers = (): number => cores.sent.filter((sent) => sent === 'b>a answer').length;
    for (let seq = 1; seq <= 1_100; seq++) {
      const ask: JobMessage = { type: 'ask', seq, command: list };
      cores.core('b').step({ type: 'message', from: nodeId('a'), message: ask }, cores.now);
    }
    cores.step('b', { type: 'tick', lateMs: 0 });
    t.equal(
      answers(),
      76,
      'those past its limit are refused; a list of a thousand takes more than one share',
    );
    cores.pass(20);
    t.ok(answers() - 76 <= 2, 'then less than one a share');
    for (let seq = 3; seq <= 1_004; seq++) {
      const message: JobMessage = { type: 'ask_abandoned', seq };
      cores.core('b').step({ type: 'message', from: nodeId('a'), message }, cores.now);
    }
    cores.pass(1_000);
    t.ok(answers() - 76 >= 22, 'of 1,024 that were taken');
    t.equal(listDebts(cores, 'b'), 0);
  },
);

t.test('a walk over jobs finds what it should while jobs come and go under it', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a')], config: { outcomesMax: 900 } });
  const jobs = finishJobs(cores, 'a', 900);
  const request = cores.request('a', list);
  t.notOk(cores.replies.has(request), 'it is under way');
  // 700 new ones: of the old ones the last 200 are left, which the walk has passed in part.
  const later = finishJobs(cores, 'a', 700);
  cores.pass(50);
  const listed = idsIn(cores, request);
  t.same(listed, jobs.slice(-listed.length).reverse(), 'in order, none twice, none of those that came later');
  t.ok(listed.length >= 200, 'and all that are there still');
  t.same(idsIn(cores, cores.request('a', { ...list, limit: 100 })), later.slice(-100).reverse());
});

t.test('a list is cut at its length, where the whole of it is still the newest jobs', async (t) => {
  const cores = coresOf('a', 'b');
  const value = JSON.stringify('x'.repeat(16_000));
  const jobs: string[] = [];
  for (let round = 0; round < 100; round++) {
    const name = round % 4 === 0 ? 'a' : 'b';
    jobs.unshift(cores.submit(name, { node: name }));
    const entry = cores.begin();
    if (name === 'b') cores.step('b', { type: 'attempt_progress', run: entry.start.run, value });
    cores.end(entry);
    cores.pass(10);
  }
  const request = cores.request('a', list);
  cores.pass(50);
  const listed = idsIn(cores, request);
  t.ok(listed.length > 80 && listed.length < 95, `${listed.length} of 100`);
  t.same(listed, jobs.slice(0, listed.length));
});

t.test(
  'the jobs of a suspect are listed; those of a node that dies meanwhile are gone with it',
  async (t) => {
    const cores = coresOf('a', 'b', 'c');
    const [job] = finishJobs(cores, 'b', 1);
    const [other] = finishJobs(cores, 'c', 1);
    cores.changeMember('b', { state: 'suspect' });
    t.same(idsIn(cores, cores.request('a', list)).sort(), [job, other].sort());
    cores.loseAll('b', 'a', 'answer');
    const late = cores.request('a', list);
    cores.pass(10_010);
    t.match(cores.replies.get(late), { code: 'UNAVAILABLE', message: /^node b did not list its jobs/ });
    const request = cores.request('a', list);
    t.notOk(cores.replies.has(request));
    cores.kill('b');
    t.same(idsIn(cores, request), [other]);
  },
);

t.test('more nodes than are asked at once all have their jobs in the list', async (t) => {
  const names = [...'abcdefghijklmnopqrstuvwxyz'];
  const cores = coresOf(...names);
  const jobs = names.flatMap((name) => finishJobs(cores, name, 1));
  cores.loseAll('b', 'a', 'answer');
  const before = cores.sent.length;
  const request = cores.request('a', list);
  t.equal(cores.sent.slice(before).filter((sent) => sent.endsWith(' ask')).length, 25);
  cores.pass(10_010);
  t.match(cores.replies.get(request), { code: 'UNAVAILABLE' });
  cores.loseAll('b', 'a', null);
  t.same(idsIn(cores, cores.request('a', list)).sort(), jobs.sort());
});
