import t, { type Test } from 'tap';
import { type TopicSabotage, topicSabotages } from '../../src/sim/sabotage-topics.js';
import { SimCluster, type SimRequest } from '../../src/sim/sim-cluster.js';
import { countWanting, TopicChecks } from './topics/checks.js';
import { runTopics, type TopicRunOptions, topicFaults } from './topics/run.js';

t.setTimeout(240_000);

/** More on demand: SEEDS=1000 FIRST=12. */
const first = Number(process.env.FIRST ?? 0);
const seedCount = Number(process.env.SEEDS ?? 12);

function check(t: Test, options: TopicRunOptions, count: number): void {
  const met = new Map<string, number>();
  for (let seed = first; seed < first + count; seed++) {
    const run = runTopics(String(seed), options);
    for (const [what, times] of run.met) met.set(what, (met.get(what) ?? 0) + times);
    if (run.faults.length > 0) t.fail(`seed ${seed}: ${run.faults.slice(0, 5).join('; ')}`);
  }
  for (const what of [...topicFaults, 'replay', 'subscribe', 'live'])
    t.ok((met.get(what) ?? 0) >= count, `${what} happened ${met.get(what) ?? 0} times`);
}

t.test('whatever happens, messages come at most once and in order, and after it to everybody', async (t) => {
  check(t, {}, seedCount);
});

t.test('so they do where most nodes have no link to each other', async (t) => {
  check(t, { isSparse: true }, Math.ceil(seedCount / 6));
});

t.test('the same seed gives the same run', async (t) => {
  t.equal(runTopics('same').traceHash, runTopics('same').traceHash);
});

/** Where a way to spoil nodes is found: a run of faults, or one without. */
const foundIn: Readonly<Record<TopicSabotage, TopicRunOptions | 'replay'>> = {
  holdNothingBack: 'replay',
  askTooSoon: 'replay',
  deliverTwice: { fault: 'none' },
  passNothingOn: { isSparse: true, fault: 'none' },
  compareNothing: { isSparse: true, fault: 'isolate' },
};

for (const sabotage of Object.keys(topicSabotages) as TopicSabotage[]) {
  t.test(`${sabotage} is found`, async (t) => {
    const where = foundIn[sabotage];
    const spoil: TopicRunOptions['spoil'] = ({ topics }) => topicSabotages[sabotage](topics);
    const faultsOf = (seed: string, options: Pick<TopicRunOptions, 'spoil'>): readonly string[] =>
      where === 'replay'
        ? replayWhilePublishing(seed, options)
        : runTopics(seed, { ...where, ...options }).faults;
    for (let seed = 0; seed < 30; seed++) {
      const [fault] = faultsOf(String(seed), { spoil });
      if (fault === undefined) continue;
      t.pass(`with seed ${seed}: ${fault}`);
      t.strictSame(faultsOf(String(seed), {}), [], 'and not without it');
      return;
    }
    t.fail('not in 30 seeds');
  });
}

t.test('a replay goes over into what is live, without a gap or a double', async (t) => {
  for (let seed = 0; seed < 20; seed++) t.strictSame(replayWhilePublishing(String(seed)), [], `seed ${seed}`);
});

const replayed = ['room.1', 'news.de'];

/** Two nodes publish on and on, without faults, and clients of all nodes subscribe with a replay meanwhile. */
function replayWhilePublishing(seed: string, { spoil }: Pick<TopicRunOptions, 'spoil'> = {}): string[] {
  const cluster = new SimCluster({ seed, hooks: spoil ? [{ created: ({ core }) => spoil(core) }] : [] });
  const nodes = cluster.startAll(3);
  const checks = new TopicChecks(cluster);
  const publish = (): void => {
    for (const topic of replayed) for (const node of ['b', 'c']) checks.publish(node, topic);
    cluster.time.after(2, publish);
  };
  publish();
  cluster.runFor(1_000);
  // The second one of a node is told to others later, and is of another topic: it needs what the first one does not bring.
  const subscriptions = nodes.flatMap((node, index) => [
    checks.subscribe(node, [index === 1 ? 'room.*' : 'room.1', 'empty'], 10),
    checks.subscribe(node, [index === 1 ? 'news.de' : 'news.*'], 100),
  ]);
  cluster.runFor(2_000);
  return [...checks.faults(), ...subscriptions.flatMap((subscription) => gapsOf(checks, subscription))];
}

function gapsOf(checks: TopicChecks, subscription: SimRequest): string[] {
  const got = new Set(checks.numbersOf(subscription));
  const wanted = checks.published.filter(({ topic }) => countWanting([subscription], topic) > 0);
  return ['b', 'c'].flatMap((node) => {
    const ofNode = wanted.filter(({ request }) => request.node === node);
    const start = ofNode.findIndex(({ number }) => got.has(number));
    // What was published last may be on its way.
    const gaps = ofNode.slice(start, -5).filter(({ number }) => !got.has(number));
    const { replay } = subscription.command as { replay: number };
    // The others are asked a quarter of a second later at most: what has come until then counts as well.
    const before = ofNode.filter(
      ({ number, request }) => got.has(number) && request.askedAtMs < subscription.askedAtMs + 250,
    );
    return [
      ...gaps.map(({ number }) => `subscription ${subscription.number} has a gap: ${number} of ${node}`),
      ...(before.length < replay / 2 - 5 ? [`only ${before.length} in ${subscription.number}`] : []),
    ];
  });
}
