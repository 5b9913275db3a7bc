import { rate, time } from '../../src/cli/simulate/figures.js';
import { simulateInThread } from '../../src/cli/simulate/in-thread.js';
import { defaultSimulationOptions, type SimulationOptions } from '../../src/sim/simulation-options.js';
import { type SimulationResult, spreadOf } from '../../src/sim/simulation-result.js';

/** One figure of the table. */
interface Row {
  readonly what: string;
  readonly aim: string;
  /** On two cores of 2026. */
  readonly takes: string;
  measure(simulate: Simulate): Promise<string>;
}

type Simulate = (options: Partial<SimulationOptions>) => Promise<SimulationResult>;

const hourMs = 3_600_000;

export const rows = {
  hung: {
    what: 'a hung node of 100: first declared dead / known to all, p99 of 40',
    aim: '≤ 5 s / ≤ 7 s',
    takes: 'a minute or two',
    measure: async (simulate) => {
      const results: SimulationResult[] = [];
      for (const seed of seeds(40))
        results.push(await simulate({ nodes: 100, seed, hang: 1, start: 'established' }));
      const first = spreadOf(results.flatMap(({ hung }) => hung?.firstDeadMs?.max ?? []));
      const all = spreadOf(results.flatMap(({ hung }) => hung?.allKnowMs?.max ?? []));
      return `${time(first?.p99 ?? null)} / ${time(all?.p99 ?? null)}`;
    },
  },
  'rumour-100': rumourRow(100, '2.0 s', 'seconds'),
  'rumour-1000': rumourRow(1_000, '2.2 s', 'two minutes'),
  'rumour-10000': rumourRow(10_000, '2.6 s', 'half an hour or more, and 5 GB'),
  start: {
    what: '1,000 nodes start at once: all know all',
    aim: '≤ 15 s',
    takes: 'some minutes',
    measure: async (simulate) => {
      const { start } = await simulate({ nodes: 1_000, seed: 'start', seedNodes: 3 });
      return time(start.allKnowMs);
    },
  },
  blocked: {
    what: 'healthy nodes of 100 declared dead in an hour while 10 % block their loops for 2 s at a time',
    aim: '0',
    takes: 'some minutes',
    measure: async (simulate) => {
      const { falsePositives } = await simulate({
        nodes: 100,
        seed: 'blocked',
        block: 0.1,
        durationMs: hourMs,
      });
      const { healthy, slow, suspicions } = falsePositives;
      return `${healthy.nodes} (slow ones: ${slow.nodes} of ${slow.of}; false suspicions: ${suspicions})`;
    },
  },
  mute: {
    what: 'one node of 100 hears and is not heard for 5 min: changes a minute of what others think of it / healthy nodes evicted',
    aim: '≤ 1 / 0',
    takes: 'a minute',
    measure: async (simulate) => {
      const { changesPerMinute, falsePositives } = await simulate({
        nodes: 100,
        seed: 'mute',
        mute: 1,
        start: 'established',
        durationMs: 360_000,
      });
      return `${changesPerMinute.mute.toFixed(2)} / ${falsePositives.healthy.nodes}`;
    },
  },
  'cost-10': costRow(10, 'seconds'),
  'cost-100': costRow(100, 'seconds'),
  'cost-1000': costRow(1_000, 'two minutes'),
  'cost-10000': costRow(10_000, 'half an hour or more, and 5 GB'),
} satisfies Record<string, Row>;

export type RowName = keyof typeof rows;

export const rowNames = Object.keys(rows) as RowName[];

/** The figures of one row, as a cell of the table; `tell` is given a word for each simulation. */
export function measureRow(name: RowName, tell: (text: string) => void): Promise<string> {
  const row: Row = rows[name];
  return row.measure(async (options) => {
    const startedAtMs = performance.now();
    const result = await simulateInThread({ ...defaultSimulationOptions, ...options });
    const tookMs = performance.now() - startedAtMs;
    tell(
      `  ${name}: ${result.options.nodes} nodes for ${time(result.simulatedMs)} in ${time(tookMs)}, ${result.views.right} of ` +
        `${result.views.running} views right\n`,
    );
    return result;
  });
}

function rumourRow(nodes: number, aim: string, takes: string): Row {
  return {
    what: `a change of one node of ${nodes.toLocaleString('en-US')} known to 99.99 % / sent by a node in the busiest second, mean`,
    aim: `≤ ${aim} / ≤ 100 kbit/s`,
    takes,
    measure: async (simulate) => {
      const { rumour, curves, times } = await simulate({ nodes, seed: 'rumour', start: 'established' });
      const seconds = curves.bytesMean.filter(([atMs]) => atMs > times.rumourMs);
      const bytesMax = seconds.reduce((max, [, bytes]) => Math.max(max, bytes), 0);
      return `${time(rumour?.knownMs.p9999 ?? null)} / ${((bytesMax * 8) / 1_000).toFixed(1)} kbit/s`;
    },
  };
}

function costRow(nodes: number, takes: string): Row {
  return {
    what: `sent by an idle node of ${nodes.toLocaleString('en-US')}, a second`,
    aim: 'flat within 20 %',
    takes,
    measure: async (simulate) => {
      const { traffic } = await simulate({ nodes, seed: 'cost', start: 'established' });
      const { idle } = traffic;
      return `${idle.messagesMean.toFixed(2)} messages, ${rate(idle.bytesMean)}`;
    },
  };
}

function seeds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}
