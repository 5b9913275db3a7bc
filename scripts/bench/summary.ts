import { besideCeilings, ceilingSystem, comparableRondo, rondoSystem } from './contenders/own.js';
import { type WorkloadId, workloads } from './figures.js';
import type { Results, RoundFigure } from './results.js';

/** Everybody who was measured for one row of one workload, the best first. */
export interface Group {
  readonly workload: WorkloadId;
  readonly row: string;
  readonly metric: string;
  readonly unit: string;
  readonly isMoreBetter: boolean;
  readonly entries: readonly Entry[];
}

/** What one contender reached there. */
export interface Entry {
  readonly system: string;
  readonly contender: string;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** In how many rounds. */
  readonly count: number;
  /** Microseconds a job by process, medians; null where that was not measured. */
  readonly cpuMicros: Readonly<Record<string, number>> | null;
}

const moreIsBetter: ReadonlySet<string> = new Set(['rate', 'efficiency']);
/** As they are shown; others come after. */
const metricOrder = ['rate', 'efficiency', 'p50', 'p99', 'p99.9', 'ready', 'resident', 'cpu'];

/** Groups in the order of workloads, metrics, and rows as they were measured. */
export function groupsOf({ figures, contenders }: Pick<Results, 'figures' | 'contenders'>): Group[] {
  const systems = new Map(contenders.map(({ name, system }) => [name, system]));
  const byKey = new Map<string, RoundFigure[]>();
  for (const figure of figures) {
    const key = JSON.stringify([figure.workload, figure.metric, figure.row]);
    const those = byKey.get(key);
    if (those === undefined) byKey.set(key, [figure]);
    else those.push(figure);
  }
  const groups = [...byKey.values()].map((those) => groupOf(those, systems));
  const letters = Object.keys(workloads);
  const place = ({ workload, metric }: Group): number =>
    letters.indexOf(workload) * 100 + ((metricOrder.indexOf(metric) + 100) % 100);
  return groups
    .map((group, index) => ({ group, index }))
    .sort((a, b) => place(a.group) - place(b.group) || a.index - b.index)
    .map(({ group }) => group);
}

function groupOf(figures: readonly RoundFigure[], systems: ReadonlyMap<string, string>): Group {
  const [first] = figures as [RoundFigure];
  const { workload, row, metric, unit } = first;
  const isMoreBetter = moreIsBetter.has(metric);
  const names = [...new Set(figures.map(({ contender }) => contender))];
  const entries = names
    .map((name) =>
      entryOf(
        name,
        systems.get(name) ?? name,
        figures.filter((each) => each.contender === name),
      ),
    )
    .sort((a, b) => (isMoreBetter ? b.median - a.median : a.median - b.median));
  return { workload, row, metric, unit, isMoreBetter, entries };
}

function entryOf(contender: string, system: string, figures: readonly RoundFigure[]): Entry {
  const values = figures.map(({ value }) => value);
  const processes = Object.keys(figures[0]?.cpuMicros ?? {});
  const cpuMicros = processes.map((name) => [
    name,
    median(figures.map((figure) => figure.cpuMicros?.[name] ?? Number.NaN)),
  ]);
  return {
    system,
    contender,
    median: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
    count: values.length,
    cpuMicros: processes.length === 0 ? null : Object.fromEntries(cpuMicros),
  };
}

/** Rondo's entry that the others are compared with; null where it has none in this row. */
export function rondoOf({ workload, entries }: Group): Entry | null {
  const named = entries.find(({ contender }) => contender === comparableRondo[workload]);
  return named ?? null;
}

/** The bare process that bounds them all; null where there is none in this row. */
export function ceilingOf({ entries }: Group): Entry | null {
  const isCeiling = ({ system, contender }: Entry): boolean =>
    system === ceilingSystem && !besideCeilings.has(contender);
  return entries.find(isCeiling) ?? null;
}

export function isRondo({ system }: Entry): boolean {
  return system === rondoSystem;
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** For people: whole numbers where there are enough digits, else three. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'none';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
