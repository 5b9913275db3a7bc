import t from 'tap';
import { defaultSubmitOptions, type SubmitCommand, type SubmitOptions } from '../../src/core/commands.js';
import { defaultJobsConfig } from '../../src/core/jobs/config.js';
import type { JobCopy } from '../../src/core/jobs/copy.js';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import { SimJournalDisk } from '../../src/sim/sim-journal.js';
import { copyIn } from '../support/test-journal.js';

const hour = 3_600_000;

function submitOf(args: string, options: Partial<SubmitOptions> = {}): SubmitCommand {
  const all = { ...defaultSubmitOptions, ...options };
  return { type: 'submit', wait: false, task: 'echo', args, options: all };
}

/** It stands still for long enough to be suspected, and not to be taken for dead. */
function suspect(cluster: SimCluster, name: string): void {
  cluster.node(name).pause();
  cluster.runFor(1_400);
  cluster.node(name).resume();
  cluster.runFor(4_000);
}

t.test('a job of which a full node may hold a copy says so once, however often members change', async (t) => {
  const cluster = new SimCluster({ seed: 'full', runMs: [10, 10] });
  cluster.start('a');
  cluster.start('b', undefined, { jobs: { ...defaultJobsConfig, queueLengthMax: 10 } });
  cluster.runUntil('all know all', () => cluster.agree(), 5_000);
  for (let number = 0; number < 20; number++) {
    const request = cluster.request('a', submitOf(String(number), { delayMs: hour }));
    cluster.runUntil('it is answered', () => request.reply !== null, 15_000);
  }
  for (let round = 0; round < 10; round++) suspect(cluster, 'b');
  const { ledger } = cluster.node('a').core.jobs;
  const records = [...ledger.values()];
  t.ok(records.some(({ holders, spec }) => holders.length < spec.copies));
  t.ok(records.every(({ pending }) => (pending?.length ?? 0) <= 1));
});

t.test('a job ends that was handed over while a node that was full had been its holder', async (t) => {
  const cluster = new SimCluster({ seed: 'full', runMs: [10, 10] });
  const jobs = { ...defaultJobsConfig, copies: 3 };
  const disk = new SimJournalDisk();
  cluster.start('a', undefined, { jobs, disk });
  cluster.start('b', undefined, { jobs: { ...jobs, queueLengthMax: 10 }, disk: new SimJournalDisk() });
  cluster.start('c', undefined, { jobs, disk: new SimJournalDisk() });
  cluster.runUntil('all know all', () => cluster.agree(), 5_000);
  for (let number = 0; number < 10; number++) cluster.submit('a', submitOf(`${number}`, { delayMs: 60_000 }));
  const job = cluster.submit('a', submitOf('"late"', { delayMs: 130_000 }));
  for (let round = 0; round < 3; round++) suspect(cluster, 'b');
  cluster.request('b', { type: 'drain', node: null });
  cluster.runFor(70_000);
  disk.trouble = 'EIO';
  cluster.request('a', submitOf('1', { delayMs: hour, copies: 1 }));
  cluster.runFor(3_000);
  const wait = cluster.request('c', { type: 'wait', job, timeoutMs: null });
  cluster.runUntil('it has ended', () => wait.reply !== null, 200_000);
  t.strictSame(wait.reply, { ok: true, text: '"late"' });
});

t.test(
  'a node that hears of a later owner of its job has those forget it that hold it for this one',
  async (t) => {
    const cluster = new SimCluster({ seed: 'later', runMs: [10, 10] });
    cluster.startAll(3);
    const [a, b, d] = ['a', 'b', 'd'].map((name) => name.padEnd(12, '0')) as [string, string, string];
    const disk = new SimJournalDisk();
    const more = { owner: d, holders: [d, a], instance: 'earlier' };
    const copy = copyIn(1, 1, more).copy as JobCopy;
    disk.open = () => ({ copies: [{ slot: 1, copy }], lineage: ['earlier'], isAfterCrash: true });
    const { core } = cluster.start('d', undefined, { disk });
    cluster.runUntil(
      'it has met them',
      () => core.links.linkTo(a) !== null && core.links.linkTo(b) !== null,
      5_000,
    );
    t.not(core.jobs.keeping.copies.get(copy.spec.id), undefined, 'it has asked nobody yet');
    const rank = { generation: 0, stage: 0, epoch: 2, owner: b, change: 9 } as const;
    const message = { type: 'keep', seq: 1, entries: [{ type: 'drop', job: copy.spec.id, rank }] } as const;
    const link = core.links.linkTo(b) as number;
    const now = { monotonicMs: cluster.time.nowMs, wallMs: cluster.time.nowMs };
    const effects = [
      ...core.step({ type: 'message', link, message }, now),
      ...core.step({ type: 'flush' }, now),
    ];
    const told = effects.flatMap((effect) =>
      effect.type === 'send' && effect.link === core.links.linkTo(a) ? effect.message : [],
    );
    t.match(told, [{ type: 'keep', entries: [{ type: 'drop', job: copy.spec.id }] }]);
    t.equal(core.jobs.keeping.copies.get(copy.spec.id), undefined);
  },
);

t.test(
  'what may be the last copy is taken over at once, also by a node that waited to be told of a later state',
  async (t) => {
    const cluster = new SimCluster({ seed: 'last', runMs: [10, 10], fateOf: () => 'fails' });
    const disk = new SimJournalDisk();
    cluster.start('a', undefined, { disk: new SimJournalDisk() });
    cluster.start('b', undefined, { disk });
    cluster.runUntil('all know all', () => cluster.agree(), 5_000);
    const again = { retries: 5, backoffMs: hour };
    const job = cluster.submit('a', submitOf('1', { delayMs: 3_000, copies: 2, ...again }));
    disk.trouble = 'EIO';
    cluster.request('b', submitOf('2', { delayMs: hour, copies: 1 }));
    cluster.runFor(8_000);
    // It holds an old state, which is the only one beside its owner's, and doubts it.
    cluster.node('b').pause();
    cluster.runFor(2_500);
    cluster.node('b').resume();
    cluster.runFor(62_000);
    cluster.node('a').kill();
    const { ledger } = cluster.node('b').core.jobs;
    t.ok(cluster.runUntil('b goes on', () => ledger.get(job) !== undefined, 60_000) < 3_000);
  },
);
