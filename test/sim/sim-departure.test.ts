import t from 'tap';
import { defaultSubmitOptions, type SubmitOptions } from '../../src/core/commands.js';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import { SimJournalDisk } from '../../src/sim/sim-journal.js';

const hour = 3_600_000;

function submitLate(cluster: SimCluster, options: Partial<SubmitOptions> = {}): string {
  const all = { ...defaultSubmitOptions, delayMs: hour, ...options };
  return cluster.submit('a', { type: 'submit', wait: false, task: 'echo', args: '1', options: all });
}

t.test(
  'a node that leaves counts as dropped what no other node holds, and as lost what is in no journal either',
  async (t) => {
    const cluster = new SimCluster({ seed: 'plan', runMs: [1_000, 1_000] });
    const disks = { a: new SimJournalDisk(), b: new SimJournalDisk() };
    for (const name of ['a', 'b'] as const) cluster.start(name, undefined, { disk: disks[name] });
    cluster.runUntil('both know each other', () => cluster.agree(), 5_000);
    const held = [{}, {}, { durable: false }].map((options) => submitLate(cluster, options));
    const kept = [{}, { delayMs: 0, on: [['zone', 'z9']] as const }].map((options) =>
      submitLate(cluster, { copies: 1, durable: true, ...options }),
    );
    for (let count = 0; count < 2; count++) submitLate(cluster, { copies: 1, durable: false });
    // It takes no jobs from others, and keeps those that it holds.
    cluster.request('b', { type: 'drain', node: null });
    cluster.runFor(1_000);

    const { reply } = cluster.request('a', { type: 'leave' });
    t.strictSame(JSON.parse((reply as { text: string }).text), {
      unfinished: 7,
      dropped: 4,
      lost: 2,
      drainTimeoutMs: 5_000,
    });
    cluster.runUntil('a is gone', () => cluster.node('a').status === 'dead', 20_000);
    cluster.runFor(10_000);
    const ownedBy = (name: string): string[] =>
      [...cluster.node(name).core.jobs.ledger.values()].map(({ spec }) => spec.id).sort();
    t.strictSame(ownedBy('b'), held.sort());
    cluster.start('a', undefined, { disk: disks.a });
    cluster.runFor(10_000);
    t.strictSame([...ownedBy('a'), ...ownedBy('b')].sort(), [...held, ...kept].sort(), 'two are lost');
  },
);
