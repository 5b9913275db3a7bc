import { Simulation } from '../../../src/sim/simulation.js';
import { defaultSimulationOptions, type SimulationOptions } from '../../../src/sim/simulation-options.js';
import type { SimulationResult } from '../../../src/sim/simulation-result.js';
import { median } from '../summary.js';
import type { SizeFigures } from './figures.js';

interface Run {
  readonly result: SimulationResult;
  /** Processor time of this process while nothing happened. */
  readonly idleMicros: number;
}

/** The same cluster with a few seeds, each a cluster that has known itself for long, then a change, a join, a kill and a hang. */
export function measureSize(nodes: number, seeds: number): SizeFigures {
  const runs: Run[] = [];
  for (let seed = 1; seed <= seeds; seed++)
    for (const ends of endings(nodes)) runs.push(simulate({ nodes, seed: `cost ${seed}`, join: 1, ...ends }));
  const each = (read: (result: SimulationResult) => number | null | undefined): number | null => {
    const values = runs.flatMap(({ result }) => read(result) ?? []);
    return values.length === 0 ? null : median(values);
  };
  const idleSeconds = ({ result: { times } }: Run): number => (times.rumourMs - times.idleMs) / 1_000;
  return {
    nodes,
    seeds,
    messages: each(({ traffic }) => traffic.idle.messagesMean) as number,
    bytes: each(({ traffic }) => traffic.idle.bytesMean) as number,
    links: each(({ curves, times }) => linksAt(curves.linksMean, times.rumourMs)) as number,
    coreMicros: median(runs.map((run) => run.idleMicros / nodes / idleSeconds(run))),
    changeMs: each(({ rumour }) => rumour?.knownMs.all),
    joinMs: each(({ joined }) => joined?.allKnowMs),
    killMs: each(({ killed }) => killed?.allKnowMs?.max),
    hangMs: each(({ hung }) => hung?.allKnowMs?.max),
  };
}

/** Somebody has to be left who is told: two nodes can lose but one at a time. */
function endings(nodes: number): Partial<SimulationOptions>[] {
  return nodes > 2 ? [{ kill: 1, hang: 1 }] : [{ kill: 1 }, { hang: 1 }];
}

function simulate(options: Partial<SimulationOptions>): Run {
  const run = new Simulation({ ...defaultSimulationOptions, start: 'established', ...options }).run();
  let phase = '';
  let since = process.cpuUsage();
  let idleMicros = 0;
  for (;;) {
    const next = run.next();
    if (next.done === true) return { result: next.value, idleMicros };
    if (next.value.phase === phase) continue;
    const { user, system } = process.cpuUsage(since);
    if (phase === 'idle') idleMicros = user + system;
    phase = next.value.phase;
    since = process.cpuUsage();
  }
}

/** The last reading before that moment. */
function linksAt(curve: readonly (readonly [number, number])[], atMs: number): number | null {
  return curve.findLast(([readAtMs]) => readAtMs <= atMs)?.[1] ?? null;
}
