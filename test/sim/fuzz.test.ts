import t from 'tap';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import { checkBooks, checkNobodyWaits, checkQuiet } from './fuzz/node-checks.js';
import { type Weather, weathers } from './fuzz/plan.js';
import { type FuzzReport, replayCommand, runFuzz } from './fuzz/run.js';

/** Some 40 ms each on one core of 2020; `npm run fuzz` does any number. */
const seedCount: Readonly<Record<Weather, number>> = { calm: 15, unruly: 20, stormy: 35 };

/** What a run may meet. What never happened in any run was not tested. */
const expectedKinds: Readonly<Record<Weather, string>> = {
  calm: 'join done progress chunk missed whole|stream WATCH SUBMIT WAIT STATUS JOBS NODES TASKS INFO gave|up OK TIMEOUT NOT_FOUND',
  unruly: `join drain resume done progress failed timed_out stopped displaced crashed crashed|alone chunk missed whole|stream WATCH
    SUBMIT WAIT STATUS CANCEL RETRY JOBS DRAIN RESUME gave|up OK TIMEOUT NOT_FOUND WRONG_STATE JOB_FAILED JOB_CANCELLED`,
  stormy: `join restart wake kill pause resetAll resetOne cutOneWay cutBothWays drain resume leave
    done progress failed timed_out stopped displaced crashed crashed|alone chunk missed whole|stream WATCH
    SUBMIT WAIT STATUS CANCEL RETRY JOBS DRAIN RESUME LEAVE gave|up
    OK TIMEOUT NOT_FOUND WRONG_STATE JOB_FAILED JOB_CANCELLED UNAVAILABLE DRAINING NO_SUCH_NODE`,
};

for (const weather of weathers) {
  t.test(
    `${weather} weather: a random cluster keeps its promises, and no node keeps anything else`,
    async (t) => {
      const reports = Array.from({ length: seedCount[weather] }, (_, seed) => runFuzz(String(seed), weather));
      for (const report of reports) if (report.problems.length > 0) t.fail(describe(report));
      const met = new Set(reports.flatMap(({ counts }) => [...counts.keys()]));
      const expected = expectedKinds[weather].split(/\s+/).map((kind) => kind.replace('|', ' '));
      t.same(
        expected.filter((kind) => !met.has(kind)),
        [],
        'everything that can happen has happened in some run',
      );
    },
  );
}

t.test('the same seed gives the same run, bit for bit', async (t) => {
  t.equal(runFuzz('7', 'stormy').traceHash, runFuzz('7', 'stormy').traceHash);
  t.not(runFuzz('7', 'stormy').traceHash, runFuzz('8', 'stormy').traceHash);
});

t.test('the checks find what is wrong', async (t) => {
  const cluster = new SimCluster({ seed: 'wrong', runMs: [1_000, 1_000] });
  cluster.startAll(3);
  t.same([checkBooks(cluster), checkQuiet(cluster), checkNobodyWaits(cluster)], [[], [], []]);
  const { jobs } = cluster.node('b').core;

  jobs.ledger.counts.done++;
  t.match(checkBooks(cluster).join(), /b: counts .*"done":1.* by recount .*"done":0/);
  jobs.ledger.counts.done--;

  jobs.step({ type: 'contact_opened', node: 'stranger' }, cluster.time.instant());
  t.match(checkQuiet(cluster).join(), /b: an entry of attempts outstanding for stranger \(no member\)/);
  jobs.step({ type: 'contact_lost', reason: 'reset', node: 'stranger' }, cluster.time.instant());
  t.same(checkQuiet(cluster), []);

  cluster.request('a', { type: 'wait', job: 'b00000000000-b1000-1', timeoutMs: null });
  t.match(checkNobodyWaits(cluster).join(), /a: 1 asks not answered for b/);
});

function describe(report: FuzzReport): string {
  const { seed, weather, problems } = report;
  return `seed ${seed}, ${weather} (${replayCommand(report)}):\n${problems.slice(0, 10).join('\n')}`;
}
