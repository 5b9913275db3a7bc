import { type Contender, type Figure, type WorkloadId, workloads } from './figures.js';
import { type MeasurementOutcome, runMeasurement } from './measurement.js';
import type { MeasurementFacts, RoundFigure } from './results.js';

/** One measurement of a run: a contender, a workload, in one of the rounds. */
export interface Planned {
  readonly round: number;
  readonly contender: Contender;
  readonly workload: WorkloadId;
}

export interface PlanOptions {
  readonly contenders: readonly Contender[];
  readonly workloads: readonly WorkloadId[];
  readonly rounds: number;
}

/**
 * Every contender once a round for every workload of its own. Those that are compared with each other run one after the other, as machines drift; who
 * begins changes from round to round, so that nobody always comes after the same one.
 */
export function planOf({ contenders, workloads: wanted, rounds }: PlanOptions): Planned[] {
  return Array.from({ length: rounds }, (_, index) => index).flatMap((index) =>
    wanted.flatMap((workload) => {
      const those = contenders.filter((contender) => contender.workloads.includes(workload));
      const first = those.length === 0 ? 0 : index % those.length;
      return [...those.slice(first), ...those.slice(0, first)].map((contender) => ({
        round: index + 1,
        contender,
        workload,
      }));
    }),
  );
}

/** What a measurement of a workload takes by experience, in s: for the time that is left, and the limit. */
const expectedSeconds: Readonly<Record<WorkloadId, { readonly full: number; readonly quick: number }>> = {
  a: { full: 12, quick: 4 },
  b: { full: 9, quick: 3 },
  c: { full: 13, quick: 3 },
  d: { full: 18, quick: 7 },
  e: { full: 25, quick: 5 },
  f: { full: 12, quick: 7 },
  g: { full: 12, quick: 6 },
  h: { full: 130, quick: 65 },
  i: { full: 90, quick: 50 },
  j: { full: 40, quick: 17 },
  k: { full: 40, quick: 8 },
  l: { full: 14, quick: 7 },
};
/** Machines may be slow, but nothing hangs for ever. */
const limitSeconds = (expected: number): number => 60 + 4 * expected;

export function expectedOf(workload: WorkloadId, isQuick: boolean): number {
  return expectedSeconds[workload][isQuick ? 'quick' : 'full'];
}

export interface RunOptions {
  readonly isQuick: boolean;
  /** Where measurements keep what they write. */
  readonly dataDirectory: string;
  readonly signal: AbortSignal;
  /** A line for who waits. */
  readonly tell: (line: string) => void;
}

export interface Measured {
  readonly measurements: readonly MeasurementFacts[];
  readonly figures: readonly RoundFigure[];
}

/** Runs the plan, one measurement after the other. One that fails is told, and ends no other; an abort ends the running one, and rejects. */
export async function runPlan(plan: readonly Planned[], options: RunOptions): Promise<Measured> {
  const measurements: MeasurementFacts[] = [];
  const figures: RoundFigure[] = [];
  for (const [index, planned] of plan.entries()) {
    const { round, contender, workload } = planned;
    const place = `[${index + 1} of ${plan.length}, ${timeLeft(plan, measurements, options.isQuick)} left]`;
    options.tell(`${place} ${workload}: ${contender.name}: ${workloads[workload]}`);
    const outcome = await runMeasurement(contender.command(workload, options.isQuick), {
      limitMs: 1_000 * limitSeconds(expectedOf(workload, options.isQuick)),
      dataDirectory: options.dataDirectory,
      signal: options.signal,
    });
    options.signal.throwIfAborted();
    const { seconds, stealPercent, failure } = outcome;
    measurements.push({ round, contender: contender.name, workload, seconds, stealPercent, failure });
    figures.push(...outcome.figures.map((figure) => ({ round, contender: contender.name, ...figure })));
    options.tell(`    ${describe(outcome)}`);
  }
  return { measurements, figures };
}

function describe({ figures, failure }: MeasurementOutcome): string {
  if (failure !== null) return `FAILED: ${failure.replaceAll('\n', '\n    ')}`;
  const shown = (figure: Figure): string =>
    `${figure.row}: ${figure.metric} ${figure.value.toLocaleString('en-US', { maximumFractionDigits: figure.value < 100 ? 2 : 0 })} ${figure.unit}`;
  return figures.map(shown).join('; ');
}

/** By what the same took before, else by experience, corrected by how this machine differs from that. */
function timeLeft(plan: readonly Planned[], done: readonly MeasurementFacts[], isQuick: boolean): string {
  const taken = new Map(
    done.map(({ contender, workload, seconds }) => [`${workload} ${contender}`, seconds]),
  );
  const expected = done.reduce((sum, { workload }) => sum + expectedOf(workload, isQuick), 0);
  const real = done.reduce((sum, { seconds }) => sum + seconds, 0);
  const factor = done.length === 0 ? 1 : real / expected;
  const seconds = plan
    .slice(done.length)
    .reduce(
      (sum, { contender, workload }) =>
        sum + (taken.get(`${workload} ${contender.name}`) ?? factor * expectedOf(workload, isQuick)),
      0,
    );
  return durationText(seconds);
}

export function durationText(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
