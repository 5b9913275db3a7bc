import t from 'tap';
import { defaultSubmitOptions, type SubmitCommand, type SubmitOptions } from '../../src/core/commands.js';
import type { JobCopy } from '../../src/core/jobs/copy.js';
import { idOfKey } from '../../src/core/jobs/submission.js';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import { SimJournalDisk } from '../../src/sim/sim-journal.js';
import { copyIn } from '../support/test-journal.js';

const hour = 3_600_000;

function submitOf(args: string, options: Partial<SubmitOptions> = {}): SubmitCommand {
  return {
    type: 'submit',
    wait: false,
    task: 'echo',
    args,
    options: { ...defaultSubmitOptions, ...options },
  };
}

/** One node, with a disk that breaks when it is told to. */
function lone(seed: string, runMs: number): { cluster: SimCluster; disk: SimJournalDisk } {
  const cluster = new SimCluster({ seed, runMs: [runMs, runMs] });
  const disk = new SimJournalDisk();
  cluster.start('a', undefined, { disk });
  return { cluster, disk };
}

function untilFailed(cluster: SimCluster): void {
  cluster.runUntil('a knows', () => cluster.node('a').core.self().journal === 'failed', 5_000);
}

t.test('a job that no disk took is not acknowledged when its key is submitted again', async (t) => {
  const { cluster, disk } = lone('key', 1_000);
  disk.trouble = 'ENOSPC';
  const keyed = submitOf('1', { key: 'k', delayMs: hour });
  const first = cluster.request('a', keyed);
  untilFailed(cluster);
  t.match(first.reply, { code: 'UNAVAILABLE', message: /could not write it down/ });
  t.match(cluster.request('a', keyed).reply, { code: 'UNAVAILABLE', message: /could not write it down/ });
  disk.trouble = null;
  cluster.runUntil('a has recovered', () => cluster.node('a').core.self().journal === 'open', 5_000);
  cluster.runUntil('it is acknowledged', () => cluster.request('a', keyed).reply?.ok === true, 5_000);
  t.ok(disk.holds(idOfKey('k')));
});

t.test('an outcome that no disk has is told once one has it', async (t) => {
  const { cluster, disk } = lone('outcome', 2_000);
  const job = cluster.submit('a', submitOf('1'));
  cluster.runUntil('it runs', () => cluster.attempts.length === 1, 5_000);
  disk.trouble = 'EIO';
  cluster.request('a', submitOf('2', { delayMs: hour }));
  untilFailed(cluster);
  const wait = cluster.request('a', { type: 'wait', job, timeoutMs: null });
  cluster.runFor(10_000);
  t.equal(wait.reply, null, 'it could run again');
  disk.trouble = null;
  cluster.runUntil('it is told', () => wait.reply !== null, 10_000);
  t.match(wait.reply, { ok: true });
  t.equal(cluster.attempts.filter(({ start }) => start.job === job).length, 1);
});

t.test('of two states of a job that a crash has left, the later one is gone on with', async (t) => {
  const states = [2, 3, 1].map((change, index) => ({
    slot: index + 1,
    copy: copyIn(1, change).copy as JobCopy,
  }));
  const disk = new SimJournalDisk();
  disk.open = () => ({ copies: states, lineage: ['aaaaa'] });
  const cluster = new SimCluster({ seed: 'twice' });
  cluster.start('a', undefined, { disk });
  const { copies } = cluster.node('a').core.jobs.keeping;
  t.equal(copies.size, 1);
  const [held] = [...copies.values()];
  t.match(held, { slot: 2, copy: { change: 3 } });
  t.equal([...copies.ownedBy(held?.copy.owner ?? '')].length, 1);
});
