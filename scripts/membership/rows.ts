import { rate, time } from '../../src/cli/simulate/figures.js';
import { simulateInThread } from '../../src/cli/simulate/in-thread.js';
import { defaultSimulationOptions, type SimulationOptions } from '../../src/sim/simulation-options.js';
import { type SimulationResult, spreadOf } from '../../src/sim/simulation-result.js';

/** What was measured, as a cell of the table, and whether it is what was aimed at. */
export interface Figure {
  readonly text: string;
  readonly isMet: boolean;
}

/** One figure of the table. */
interface Row {
  readonly what: string;
  readonly aim: string;
  /** On one core of 2020. */
  readonly takes: string;
  measure(simulate: Simulate): Promise<Figure>;
}

type Simulate = (options: Partial<SimulationOptions>) => Promise<SimulationResult>;

const hourMs = 3_600_000;
const muteMs = 300_000;

export const rows = {
  hung: {
    what: 'a hung node of 100: first declared dead / known to all, p99 of 40',
    aim: '≤ 5 s / ≤ 7 s',
    takes: 'two minutes',
    measure: async (simulate) => {
      const results: SimulationResult[] = [];
      for (const seed of seeds(40))
        results.push(await simulate({ nodes: 100, seed, hang: 1, start: 'established' }));
      const first = p99Of(results.map(({ hung }) => hung?.firstDeadMs?.max));
      const all = p99Of(results.map(({ hung }) => hung?.allKnowMs?.max));
      return { text: `${time(first)} / ${time(all)}`, isMet: isUnder(first, 5_000) && isUnder(all, 7_000) };
    },
  },
  'rumour-100': rumourRow(100, 2_000, 'seconds'),
  'rumour-1000': rumourRow(1_000, 2_200, 'half a minute'),
  'rumour-10000': rumourRow(10_000, 2_600, 'a quarter of an hour, and 6 GB'),
  start: {
    what: '1,000 nodes start at once: all know all',
    aim: '≤ 15 s',
    takes: 'two minutes',
    measure: async (simulate) => {
      const { start } = await simulate({ nodes: 1_000, seed: 'start', seedNodes: 3 });
      return { text: time(start.allKnowMs), isMet: isUnder(start.allKnowMs, 15_000) };
    },
  },
  blocked: {
    what: 'healthy nodes of 100 declared dead in an hour while 10 % block their loops for 2 s at a time',
    aim: '0',
    takes: 'a quarter of an hour',
    measure: async (simulate) => {
      const { falsePositives } = await simulate({
        nodes: 100,
        seed: 'blocked',
        block: 0.1,
        durationMs: hourMs,
      });
      const { healthy, slow, suspicions } = falsePositives;
      const text = `${healthy.nodes} (slow ones: ${slow.nodes} of ${slow.of}; false suspicions: ${suspicions})`;
      return { text, isMet: healthy.nodes === 0 };
    },
  },
  mute: {
    what: 'one node of 100 hears and is not heard for 5 min: changes a minute of what others think of it / healthy nodes evicted',
    aim: '≤ 1 / 0',
    takes: 'seconds',
    measure: async (simulate) => {
      const { changesPerMinute, falsePositives } = await simulate({
        nodes: 100,
        seed: 'mute',
        mute: 1,
        start: 'established',
        durationMs: muteMs + 60_000,
      });
      const evicted = falsePositives.healthy.nodes;
      const text = `${changesPerMinute.mute.toFixed(2)} / ${evicted}`;
      return { text, isMet: changesPerMinute.mute <= 1 && evicted === 0 };
    },
  },
  'cost-100': costRow(100, 'seconds'),
  'cost-1000': costRow(1_000, 'half a minute'),
  'cost-10000': costRow(10_000, 'a quarter of an hour, and 6 GB'),
} satisfies Record<string, Row>;

export type RowName = keyof typeof rows;

export const rowNames = Object.keys(rows) as RowName[];

/** `tell` is given a word for each simulation. */
export function measureRow(name: RowName, tell: (text: string) => void): Promise<Figure> {
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

/** A rumour is no slower than in serf's published simulator, and costs little while it spreads. */
function rumourRow(nodes: number, knownMsMax: number, takes: string): Row {
  const kilobitsMax = 100;
  return {
    what: `a change of one node of ${nodes.toLocaleString('en-US')} known to 99.99 % / sent by a node in the busiest second, mean`,
    aim: `≤ ${knownMsMax / 1_000} s / ≤ ${kilobitsMax} kbit/s`,
    takes,
    measure: async (simulate) => {
      const { rumour, curves, times } = await simulate({ nodes, seed: 'rumour', start: 'established' });
      const seconds = curves.bytesMean.filter(([atMs]) => atMs > times.rumourMs);
      const kilobits = (seconds.reduce((max, [, bytes]) => Math.max(max, bytes), 0) * 8) / 1_000;
      const knownMs = rumour?.knownMs.p9999 ?? null;
      return {
        text: `${time(knownMs)} / ${kilobits.toFixed(1)} kbit/s`,
        isMet: isUnder(knownMs, knownMsMax) && kilobits <= kilobitsMax,
      };
    },
  };
}

/** Beside the same of ten nodes, which cost what any number should. */
function costRow(nodes: number, takes: string): Row {
  const part = 0.2;
  return {
    what: `sent by an idle node of ${nodes.toLocaleString('en-US')}, a second, and beside a node of 10`,
    aim: `flat within ${100 * part} %`,
    takes,
    measure: async (simulate) => {
      const idleOf = async (count: number): Promise<SimulationResult['traffic']['idle']> => {
        const { traffic } = await simulate({ nodes: count, seed: 'cost', start: 'established' });
        return traffic.idle;
      };
      const [few, many] = [await idleOf(10), await idleOf(nodes)];
      const ratio = many.bytesMean / few.bytesMean;
      return {
        text: `${rate(many.bytesMean)} in ${many.messagesMean.toFixed(2)} messages, ${ratio.toFixed(2)} ×`,
        isMet: Math.abs(ratio - 1) <= part,
      };
    },
  };
}

function isUnder(value: number | null, max: number): boolean {
  return value !== null && value <= max;
}

function p99Of(values: readonly (number | undefined)[]): number | null {
  // One that was never noticed must not make the others look better.
  if (values.some((value) => value === undefined)) return null;
  return spreadOf(values.flatMap((value) => value ?? []))?.p99 ?? null;
}

function seeds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}
