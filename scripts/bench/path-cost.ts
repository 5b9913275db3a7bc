import { JobPath, type PathStep, pathSteps } from './job-path.js';
import { median } from './summary.js';
import { benchJob } from './target.js';

/** What one job costs, as the median of many rounds. */
export interface PathCost {
  /** Of garbage and all: memory that was taken from the heap. */
  readonly bytes: number;
  /** Times what it takes to parse its arguments and make their text again. */
  readonly ratio: number;
  readonly micros: number;
  readonly yardstickMicros: number;
  readonly wireBytes: number;
  readonly steps: readonly StepCost[];
}

export interface StepCost {
  readonly step: PathStep;
  readonly bytes: number;
  readonly micros: number;
}

export interface PathOptions {
  readonly request: string;
  readonly rounds: number;
}

/** What `npm run bench-path` holds to its limits, and the lines that clients send. */
export const limitedWays = {
  'memory, one copy': 'RUN noop node=worker copies=1 ttl=0s',
  'memory, two copies': 'RUN noop node=worker',
} as const;

/** Little enough to be measured between two collections, and about what comes in one turn of a busy node. */
const jobsPerRound = 200;
/** Until the code is compiled as it will be. */
const warmUpRounds = 400;

/**
 * Measures how a job's path costs memory and time. Memory is told by the heap's growth over a round in which nothing is collected, so it hardly
 * differs between runs and machines; time as a ratio to a yardstick in the same process, in turns. Needs `node --expose-gc --min-semi-space-size=64
 * --max-semi-space-size=64`.
 */
export function measurePath({ request, rounds }: PathOptions): PathCost {
  const { gc } = globalThis;
  if (gc === undefined)
    throw new Error('start it with node --expose-gc, as npm run bench-path and npm run cost-model do');
  const path = new JobPath(request);
  for (let round = 0; round < warmUpRounds; round++) path.run(path.lines(jobsPerRound), (_, run) => run());
  const costs = new Map(pathSteps.map((step) => [step, { bytes: [] as number[], micros: [] as number[] }]));
  const total = {
    bytes: [] as number[],
    micros: [] as number[],
    yardstick: [] as number[],
    ratios: [] as number[],
    wire: [] as number[],
  };
  for (let round = 0; round < rounds; round++) {
    const lines = path.lines(jobsPerRound);
    const yardstickMicros = measureYardstick();
    gc({ type: 'minor' });
    const wireBefore = path.wireBytes;
    const of = new Map(pathSteps.map((step) => [step, { bytes: 0, micros: 0 }]));
    path.run(lines, (step, run) => {
      const cost = of.get(step) as { bytes: number; micros: number };
      const bytes = process.memoryUsage().heapUsed;
      const startedAtMs = performance.now();
      run();
      cost.micros += ((performance.now() - startedAtMs) * 1_000) / jobsPerRound;
      cost.bytes += (process.memoryUsage().heapUsed - bytes) / jobsPerRound;
    });
    const all = [...of.values()];
    const micros = all.reduce((sum, cost) => sum + cost.micros, 0);
    total.bytes.push(all.reduce((sum, cost) => sum + cost.bytes, 0));
    total.micros.push(micros);
    total.yardstick.push(yardstickMicros);
    total.ratios.push(micros / yardstickMicros);
    total.wire.push((path.wireBytes - wireBefore) / jobsPerRound);
    for (const [step, { bytes, micros }] of of) {
      costs.get(step)?.bytes.push(bytes);
      costs.get(step)?.micros.push(micros);
    }
  }
  return {
    bytes: median(total.bytes),
    ratio: median(total.ratios),
    micros: median(total.micros),
    yardstickMicros: median(total.yardstick),
    wireBytes: median(total.wire),
    steps: [...costs].map(([step, { bytes, micros }]) => ({
      step,
      bytes: median(bytes),
      micros: median(micros),
    })),
  };
}

function measureYardstick(): number {
  const text = JSON.stringify(benchJob(1));
  const startedAtMs = performance.now();
  let length = 0;
  for (let count = 0; count < jobsPerRound; count++) length += JSON.stringify(JSON.parse(text)).length;
  const micros = ((performance.now() - startedAtMs) * 1_000) / jobsPerRound;
  // It is looked at, so that none of this can be left out.
  if (length !== jobsPerRound * text.length) throw new Error('the yardstick is not what it was');
  return micros;
}
