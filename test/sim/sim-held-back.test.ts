import t from 'tap';
import type { JobId } from '../../src/core/ids.js';
import { createRandom } from '../../src/core/random.js';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import { submitCommand } from '../support/commands.js';
import { acknowledgedId } from './fuzz/clients.js';
import { checkBooks, checkQuiet } from './fuzz/node-checks.js';

const second = 1_000;
const minute = 60 * second;

/** Arguments of the attempts so far. */
function argsOf(cluster: SimCluster): string[] {
  return cluster.attempts.map(({ start }) => String(start.args));
}

t.test('without a fault a schedule fires once for each time, at it', async (t) => {
  const cluster = new SimCluster({ seed: 'times' });
  cluster.startAll(3);
  cluster.request('b', submitCommand({ cron: '*/2 * * * * *' }));
  cluster.runFor(10 * minute);
  t.ok(Math.abs(cluster.attempts.length - 300) <= 1, `${cluster.attempts.length} attempts`);
  t.equal(new Set(cluster.attempts.map(({ start }) => start.job)).size, cluster.attempts.length);
  t.same(checkBooks(cluster), []);
});

t.test(
  'a clock that is set ahead is noticed within ten seconds, and what was missed fires once',
  async (t) => {
    const cluster = new SimCluster({ seed: 'clock' });
    cluster.startAll(2);
    cluster.request('a', submitCommand({ cron: '0 * * * *' }));
    cluster.runFor(minute);
    const before = cluster.attempts.length;
    cluster.node('a').wallOffsetMs = 5 * 3_600 * second;
    cluster.runFor(11 * second);
    t.equal(cluster.attempts.length, before + 1);
  },
);

t.test('an owner that stands still makes up for what it missed', async (t) => {
  const cluster = new SimCluster({ seed: 'pause' });
  cluster.startAll(2);
  cluster.request('a', submitCommand({ cron: '*/10 * * * * *', node: 'b' }));
  cluster.runFor(minute);
  const before = cluster.attempts.length;
  cluster.node('a').pause();
  cluster.runFor(30 * second);
  cluster.node('a').resume();
  cluster.runFor(40 * second);
  t.ok(cluster.attempts.length - before >= 6, `${cluster.attempts.length - before} more`);
  t.equal(new Set(cluster.attempts.map(({ start }) => start.job)).size, cluster.attempts.length);
});

t.test(
  'the times of a schedule whose task is nowhere are not lost while it is away for less than a minute',
  async (t) => {
    const cluster = new SimCluster({ seed: 'away' });
    cluster.start('a', []);
    cluster.start('b');
    cluster.runUntil('both know both', () => cluster.agree(), 5_000);
    cluster.request('a', submitCommand({ cron: '*/10 * * * * *' }));
    cluster.runFor(minute);
    const before = cluster.attempts.length;
    cluster.node('b').kill();
    cluster.runFor(20 * second);
    cluster.start('b');
    cluster.runFor(60 * second);
    t.ok(Math.abs(cluster.attempts.length - before - 8) <= 1, `${cluster.attempts.length - before} more`);
  },
);

for (const faults of ['none', 'pauses'] as const) {
  t.test(`jobs that come after each other run in that order, once each (faults: ${faults})`, async (t) => {
    for (let seed = 0; seed < 20; seed++) {
      const cluster = new SimCluster({ seed: `after ${seed}`, runMs: [1, 300], skipsTrace: true });
      const names = cluster.startAll(4);
      const random = createRandom(`after ${seed}`);
      const after = new Map<string, readonly number[]>();
      const ids: JobId[] = [];
      for (let job = 0; job < 60; job++) {
        const named = [0, 1, 2].map(() => random.below(job + 1)).filter((other) => other < job);
        after.set(String(job), named);
        const options = {
          after: [...new Set(named)].map((other) => ids[other] as JobId),
          key: random.below(4) === 0 ? `k${job}` : null,
          delayMs: random.below(4) === 0 ? 500 : 0,
        };
        const name = names[random.below(names.length)] as string;
        const request = cluster.request(name, submitCommand(options, { args: String(job) }));
        cluster.runUntil(`job ${job} is taken`, () => request.reply !== null, 20_000);
        ids.push(acknowledgedId(request) as JobId);
        if (faults === 'pauses' && random.below(6) === 0) {
          // Shorter than what takes a node for dead: nothing runs twice.
          const paused = cluster.node(names[random.below(names.length)] as string);
          paused.pause();
          cluster.runFor(700);
          paused.resume();
        }
      }
      cluster.runUntil('all have run', () => cluster.attempts.length >= 60, 60_000);
      cluster.runFor(20_000);
      const order = argsOf(cluster);
      t.equal(order.length, 60, `seed ${seed}: once each`);
      for (const [job, named] of after)
        for (const other of named)
          if (order.indexOf(job) < order.indexOf(String(other)))
            t.fail(`seed ${seed}: ${job} before ${other}`);
      t.same([...checkBooks(cluster), ...checkQuiet(cluster)], [], `seed ${seed}`);
    }
  });
}
