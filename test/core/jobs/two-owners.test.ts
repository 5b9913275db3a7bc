import t from 'tap';
import type { JobCopy } from '../../../src/core/jobs/copy.js';
import type { InquiryItem, KeepEntry } from '../../../src/core/messages.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';
import { copyIn } from '../../support/test-journal.js';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(nodeId) as [string, string, string, string];

/** Node a owns a job that an hour is left for, and one other node holds it. */
function start() {
  const cores = new JobCores({ members: ['a', 'b', 'c', 'd'].map((name) => aliveMember(name)) });
  const job = cores.submit('a', { delayMs: 3_600_000, copies: 2 });
  const { holders } = cores.core('a').ledger.get(job) as { holders: readonly string[] };
  const holder = holders[1] as string;
  const others = [b, c, d].filter((node) => node !== holder) as [string, string];
  return { cores, job, holder, others };
}

function copyOfJob(job: string, more: Partial<JobCopy>): JobCopy {
  const sample = copyIn(1, 1, { instance: 'aaaaa', ...more }).copy as JobCopy;
  return { ...sample, spec: { ...sample.spec, id: job, durable: false } };
}

/** What a node sends in answer to that, as `a>b keep`. */
function sentBy(cores: JobCores, act: () => void): string[] {
  const before = cores.sent.length;
  act();
  return cores.sent.slice(before);
}

function give(cores: JobCores, to: string, from: string, entry: KeepEntry): void {
  cores.step(to, { type: 'message', from, message: { type: 'keep', seq: 1, entries: [entry] } });
}

function inquire(cores: JobCores, to: string, from: string, item: InquiryItem): void {
  const command = { type: 'inquire', items: [item] } as const;
  cores.step(to, { type: 'message', from, message: { type: 'ask', seq: 900, command } });
}

t.test('who holds a job for two owners hears from the one that has lost what holds', async (t) => {
  const { cores, job, holder, others } = start();
  const [winner] = others;
  const copy = copyOfJob(job, { owner: winner, epoch: 5, holders: [winner, holder] });
  const sent = sentBy(cores, () => give(cores, 'a', winner, { type: 'copy', copy }));
  t.ok(sent.includes(`a>${holder[0]} keep`), sent.join());
  t.match(cores.core(holder[0] as string).keeping.copies.get(job)?.copy, { owner: winner, epoch: 5 });
});

t.test(
  'an owner that hears of a later state of its own job has the holders of the earlier one forget it',
  async (t) => {
    const { cores, job, holder, others } = start();
    const [other] = others;
    // So that it is not chosen again.
    cores.changeMember(holder[0] as string, { draining: true });
    const done = { state: 'done', stage: 1, result: '1' } as const;
    const copy = copyOfJob(job, { ...done, owner: a, epoch: 1, change: 50, holders: [a, other] });
    give(cores, 'a', other, { type: 'copy', copy });
    t.equal(cores.core('a').ledger.get(job)?.state, 'done');
    t.notOk(cores.core('a').ledger.get(job)?.holders.includes(holder));
    t.equal(cores.core(holder[0] as string).keeping.copies.get(job), undefined);
  },
);

t.test(
  'a job that comes from an owner that is taken for dead is gone on with, where it stays so',
  async (t) => {
    const { cores } = start();
    cores.changeMember('d', { state: 'dead' });
    const job = `${d}-aaaaa-9`;
    const copy = copyOfJob(job, { owner: d, holders: [d, b], notBeforeMs: cores.now.wallMs + 3_600_000 });
    give(cores, 'b', d, { type: 'copy', copy });
    for (let second = 0; second < 12; second++) cores.pass(1_000);
    t.equal(cores.core('b').ledger.get(job)?.owner, b);
  },
);

t.test(
  'an owner that asks about its own job is sent the later state of it that another one has',
  async (t) => {
    const { cores } = start();
    const job = `${a}-aaaaa-9`;
    const copy = copyOfJob(job, {
      owner: a,
      holders: [a, b],
      change: 7,
      state: 'done',
      stage: 1,
      result: '1',
    });
    give(cores, 'b', a, { type: 'copy', copy });
    const item = {
      job,
      instance: 'aaaaa',
      isDurable: false,
      generation: 0,
      stage: 0,
      epoch: 1,
      owner: a,
      change: 1,
    } as const;
    t.ok(sentBy(cores, () => inquire(cores, 'b', a, item)).includes('b>a keep'));
  },
);

t.test(
  'a holder that is let go is not the last to have known an earlier owner: that one is told',
  async (t) => {
    const { cores, job, others } = start();
    const [asker, earlier] = others;
    const item = {
      job,
      instance: 'aaaaa',
      isDurable: false,
      generation: 0,
      stage: 0,
      epoch: 0,
      owner: earlier,
      change: 1,
    } as const;
    const sent = sentBy(cores, () => inquire(cores, 'a', asker, item));
    t.ok(sent.includes(`a>${earlier[0]} keep`), sent.join());
  },
);
