import t from 'tap';
import { Simulation } from '../../src/sim/simulation.js';
import {
  defaultSimulationOptions,
  type SimulationOptions,
  simulationFault,
  simulationTimes,
} from '../../src/sim/simulation-options.js';
import type { SimulationResult } from '../../src/sim/simulation-result.js';

function simulate(options: Partial<SimulationOptions>): { result: SimulationResult; simulation: Simulation } {
  const simulation = new Simulation({ ...defaultSimulationOptions, ...options });
  const steps = simulation.run();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return { result: step.value, simulation };
  }
}

t.test('nodes that start at once know each other soon, and nothing else happens', (t) => {
  const { result } = simulate({ nodes: 30 });
  t.ok((result.start.allKnowMs ?? Infinity) < 2_000, `${result.start.allKnowMs}`);
  t.strictSame(result.views, { running: 30, right: 30 });
  t.equal(result.falsePositives.deaths, 0);
  t.equal(result.falsePositives.suspicions, 0);
  t.strictSame([result.killed, result.hung, result.joined, result.healed], [null, null, null, null]);
  t.ok(result.links.max >= 29 && result.links.mean > 28, 'each has a link to each');
  const [first, last] = [result.curves.start[0], result.curves.start.at(-1)];
  t.strictSame([first?.[1], last?.[1]], [0, 1], 'the curve goes from nothing to all');
  t.end();
});

t.test('the same options give the same figures, and another seed others', (t) => {
  const options = { nodes: 20, loss: 0.05, kill: 2, block: 0.1, seed: 'x' };
  const first = JSON.stringify(simulate(options).result);
  t.equal(JSON.stringify(simulate(options).result), first);
  t.not(JSON.stringify(simulate({ ...options, seed: 'y' }).result), first);
  t.end();
});

t.test(
  'a measured death is a real one: of the node that was killed or stopped, at the time when it was',
  (t) => {
    const { result, simulation } = simulate({ nodes: 25, kill: 2, hang: 1 });
    const { killed, hung, times } = result;
    for (const [report, limitMs] of [
      [killed, 2_000],
      [hung, 12_000],
    ] as const) {
      if (report === null) throw new Error('nothing is reported');
      const { firstSuspectMs, firstDeadMs, allKnowMs } = report;
      t.ok((firstSuspectMs?.p50 ?? 0) > 0);
      t.ok((firstSuspectMs?.max ?? Infinity) <= (firstDeadMs?.max ?? 0), 'suspected, then dead');
      t.ok((firstDeadMs?.max ?? Infinity) <= (allKnowMs?.max ?? 0), 'dead somewhere, then everywhere');
      t.ok((allKnowMs?.max ?? Infinity) < limitMs, `within ${limitMs} ms`);
      t.equal(report.unknown, 0);
    }
    t.strictSame([killed?.nodes, hung?.nodes], [2, 1]);
    const gone = [...simulation.drawn.killed, ...simulation.drawn.hung];
    for (const { index, id } of gone) {
      const death = simulation.views.deaths.get(index);
      const isKilled = simulation.drawn.killed.some((node) => node.index === index);
      t.equal(death?.atMs, simulation.startedAtMs + (isKilled ? times.killMs : times.hangMs));
      for (const { core } of simulation.running) t.equal(core.members().get(id)?.state, 'dead');
    }
    t.equal(result.views.right, 22);
    t.equal(result.falsePositives.deaths, 0);
    t.end();
  },
);

t.test('a node that is declared dead while it is there counts as a mistake', (t) => {
  // Suspicions so short that nobody has the time to refute them.
  const { result, simulation } = simulate({
    nodes: 20,
    block: 0.25,
    durationMs: 120_000,
    membership: { suspicionMultiplier: 0.1, suspicionMaxFactor: 1, healthScoreMax: 0 },
  });
  const { slow, deaths, first } = result.falsePositives;
  t.ok(slow.nodes > 0, 'the slow ones are suspected, and soon dead');
  t.ok(deaths >= first.length && first.length > 0);
  for (const { node, by, fate } of first.filter((each) => each.fate === 'slow')) {
    t.ok(simulation.drawn.slow.some(({ index }) => index === node));
    t.not(node, by);
    t.equal(fate, 'slow');
  }
  t.end();
});

t.test('a partition is no mistake, and heals', (t) => {
  const { result } = simulate({ nodes: 20, partition: 0.3 });
  t.equal(result.healed?.nodes, 6);
  t.ok((result.healed?.allKnowMs ?? Infinity) < 60_000, `${result.healed?.allKnowMs}`);
  t.equal(result.falsePositives.deaths, 0);
  t.strictSame(result.views, { running: 20, right: 20 });
  t.end();
});

t.test('a change reaches all, and nodes that join do too', (t) => {
  const { result } = simulate({ nodes: 40, join: 5, start: 'established' });
  const { p50, p90, p99, p9999, all } = result.rumour?.knownMs ?? {};
  const times = [p50, p90, p99, p9999, all].map((ms) => ms ?? Infinity);
  t.strictSame(
    times,
    [...times].sort((a, b) => a - b),
    'one after the other',
  );
  t.ok((all ?? Infinity) < 2_000);
  t.ok((result.joined?.allKnowMs ?? 0) > 0);
  t.strictSame(result.views, { running: 45, right: 45 });
  t.equal(result.start.allKnowMs, 0, 'they have known each other from the beginning');
  t.end();
});

t.test('a mute node is given up, and costs no other its place', (t) => {
  const { result } = simulate({ nodes: 20, mute: 1, start: 'established' });
  t.strictSame(result.falsePositives.mute, { nodes: 1, of: 1 });
  t.equal(result.falsePositives.healthy.nodes, 0);
  t.ok(result.changesPerMinute.mute > 0);
  t.end();
});

t.test('a view that lacks a running node is not right', (t) => {
  const { result } = simulate({ nodes: 8, start: 'established', membership: { membersMax: 5 } });
  t.strictSame(result.views, { running: 8, right: 0 });
  t.end();
});

t.test('one node alone has nobody to know', (t) => {
  const { result } = simulate({ nodes: 1 });
  t.equal(result.rumour, null);
  t.strictSame(result.views, { running: 1, right: 1 });
  t.equal(result.traffic.overall.bytesMean, 0);
  t.end();
});

t.test('what can not be simulated is said before it is tried', (t) => {
  const faults: [Partial<SimulationOptions>, RegExp | null][] = [
    [{ nodes: 10, kill: 9 }, null],
    [{ nodes: 10, kill: 10 }, /10 to kill leaves none/],
    [{ nodes: 10, kill: 5, hang: 5 }, /5 to kill and 5 to hang leaves none/],
    [{ nodes: 16_384 }, null],
    [{ nodes: 16_384, join: 1 }, /more than 16384/],
    [{ kill: 1, durationMs: 1_000 }, /takes 65s after the start/],
    [{ kill: 1, durationMs: 65_000 }, null],
  ];
  for (const [options, says] of faults) {
    const fault = simulationFault({ ...defaultSimulationOptions, ...options });
    if (says === null) t.equal(fault, null);
    else t.match(fault, says);
  }
  t.equal(simulationTimes({ ...defaultSimulationOptions, durationMs: 90_000 }).endMs, 90_000);
  t.end();
});
