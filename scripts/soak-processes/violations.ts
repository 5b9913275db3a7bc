import type { FaultKind } from './fault-plan.js';
import type { Findings } from './history.js';

/** What came of a soak, to be judged. */
export interface Outcome {
  readonly findings: Findings;
  /** How often each kind that was asked for has come, and had its effect. */
  readonly fired: Readonly<Partial<Record<FaultKind, number>>>;
  readonly isDrained: boolean;
  /** What else went wrong, in words: a node that ended by itself, one that did not come back. */
  readonly problems: readonly string[];
}

export interface Demands {
  readonly kinds: readonly FaultKind[];
  readonly checksTimes?: boolean;
}

/** Times with an aim, which 99 of 100 are to meet. */
export const aims = [
  { finding: 'rerunAfterKill', what: 'kill of the executor to the next start', aimMs: 3_000 },
  { finding: 'rerunAfterStop', what: 'stop of the executor to the next start', aimMs: 8_000 },
  { finding: 'takeover', what: 'kill of the owner to the first start', aimMs: 3_000 },
] as const;
/** Of fewer times the slowest one says little. */
const timesJudgedMin = 20;
const numbersToldMax = 10;

/** What must not be, in words; empty when everything held. */
export function violationsOf(
  { findings, fired, isDrained, problems }: Outcome,
  { kinds, checksTimes = false }: Demands,
): string[] {
  const violations = [...problems];
  const add = (numbers: readonly number[], what: string): void => {
    if (numbers.length > 0) violations.push(`${numbers.length} ${what}: ${few(numbers)}`);
  };
  add(findings.lost, 'acknowledged and never run');
  add(findings.unexpected, 'run, and never taken');
  add(findings.wrongResults, 'done with the result of another job');
  if (!isDrained) add(findings.withoutOutcome, 'acknowledged and without an outcome after the drain');
  if (kinds.length === 0 && findings.duplicates > 0)
    violations.push(`${findings.duplicates} runs too many, though there was no fault`);
  for (const kind of kinds) if ((fired[kind] ?? 0) === 0) violations.push(`the fault ${kind} never fired`);
  if (checksTimes) violations.push(...missedAims(findings));
  return violations;
}

function missedAims(findings: Findings): string[] {
  return aims.flatMap(({ finding, what, aimMs }) => {
    const { count, p99Ms } = findings[finding];
    if (count < timesJudgedMin || p99Ms <= aimMs) return [];
    return [`${what}: ${p99Ms} ms for 99 of 100, of ${count} times; the aim is ${aimMs} ms`];
  });
}

function few(numbers: readonly number[]): string {
  const shown = numbers.slice(0, numbersToldMax).join(', ');
  return numbers.length > numbersToldMax ? `${shown}, ...` : shown;
}
