import t from 'tap';
import { defaultSubmitOptions } from '../../src/core/commands.js';
import type { JobCopy } from '../../src/core/jobs/copy.js';
import type { JobRecord } from '../../src/core/jobs/record.js';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import { SimJournalDisk } from '../../src/sim/sim-journal.js';
import { copyIn } from '../support/test-journal.js';

const hour = 3_600_000;

function start(disk: SimJournalDisk): SimCluster {
  const cluster = new SimCluster({ seed: 'crashed', runMs: [hour, hour] });
  cluster.start('a', undefined, { disk });
  return cluster;
}

const self = start(new SimJournalDisk()).node('a').core.self().id;

/** What becomes of a job of its own that a lone node finds in its journal at its start. */
function afterStart(found: Partial<JobCopy>, isAfterCrash: boolean): JobRecord | undefined {
  const disk = new SimJournalDisk();
  const copy = copyIn(1, 1, { owner: self, holders: [self], instance: 'earlier', ...found }).copy as JobCopy;
  disk.open = () => ({ copies: [{ slot: 1, copy }], lineage: ['earlier'], isAfterCrash });
  const cluster = start(disk);
  cluster.runFor(10_000);
  return cluster.node('a').core.jobs.ledger.get(copy.spec.id);
}

t.test('a job may have ended the process that was killed, and counts that', async (t) => {
  t.equal(afterStart({}, true)?.fatalities, 1);
  t.equal(afterStart({ fatalities: 1 }, true)?.fatalities, 1, 'it is not known to have run there');
  t.equal(afterStart({ fatalities: 1, executor: self }, true)?.fatalities, 2);
  t.match(afterStart({ fatalities: 2, executor: self }, true), {
    state: 'failed',
    error: { name: 'NodeLost' },
  });
});

t.test(
  'a node that comes back with the job of a key first asks whether others have taken the key meanwhile',
  async (t) => {
    const cluster = new SimCluster({ seed: 'key' });
    cluster.startAll(2);
    const options = { ...defaultSubmitOptions, key: 'once', copies: 1 };
    const job = cluster.submit('b', { type: 'submit', wait: false, task: 'echo', args: '1', options });
    cluster.runUntil('it is done', () => cluster.attempts.length === 1, 1_000);
    const disk = new SimJournalDisk();
    const id = 'c'.padEnd(12, '0');
    const sample = copyIn(1, 1, { owner: id, holders: [id], instance: 'earlier' }).copy as JobCopy;
    const copy = { ...sample, spec: { ...sample.spec, id: job, copies: 1 } };
    disk.open = () => ({ copies: [{ slot: 1, copy }], lineage: ['earlier'], isAfterCrash: true });
    cluster.start('c', undefined, { disk });
    cluster.runFor(10_000);
    t.equal(cluster.attempts.length, 1, 'it ran once');
    t.equal(cluster.node('c').core.jobs.ledger.get(job), undefined);
  },
);

t.test('not when that process ended by itself, nor a job that was not due', async (t) => {
  t.equal(afterStart({ fatalities: 1, executor: self }, false)?.fatalities, 1);
  const later = new SimCluster({ seed: 'clock' }).time.instant().wallMs + hour;
  t.equal(afterStart({ notBeforeMs: later }, true)?.fatalities, 0);
});
