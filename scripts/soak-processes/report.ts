import Table from 'cli-table3';
import type { FaultKind } from './fault-plan.js';
import type { Spread } from './history.js';
import type { SoakResult } from './run.js';
import { aims } from './violations.js';

/** What a soak has found, as tables for people. */
export function describeSoak({
  findings,
  fired,
  isDrained,
  elapsedMs,
  violations,
  keptIn,
}: SoakResult): string {
  const jobs = tableOf(['jobs', '']);
  const refused = Object.entries(findings.refusals).map(([code, count]) => `${count} ${code}`);
  jobs.push(
    ['acknowledged', findings.acknowledged],
    ['lost (acknowledged, never run)', findings.lost.length],
    ['unexpected (run, never taken)', findings.unexpected.length],
    ['duplicates (runs beyond the first)', findings.duplicates],
    ['  of these with no fault around', findings.duplicatesWithoutFault],
    ['answer unknown', `${findings.unknown}, of which ${findings.unknownThatRan} ran`],
    ['refusals', refused.length === 0 ? 0 : refused.join(', ')],
    ['acknowledged, outcome not told after the drain', findings.withoutOutcome.length],
    ['ended as failed', findings.failed.length],
    ['fully drained', isDrained ? 'yes' : 'no'],
  );
  const times = tableOf(['ms', 'times', 'p50', 'p99', 'most', 'aim, p99']);
  for (const { finding, what, aimMs } of aims) times.push(timesRow(what, findings[finding], aimMs));
  const faults = tableOf(['fault', 'fired']);
  for (const kind of Object.keys(fired) as FaultKind[]) faults.push([kind, fired[kind] ?? 0]);
  return [
    jobs.toString(),
    times.toString(),
    ...(Object.keys(fired).length === 0 ? ['no faults'] : [faults.toString()]),
    ...violations.map((violation) => `BROKEN: ${violation}`),
    ...(keptIn === null ? [] : [`the nodes' data and logs are in ${keptIn}`]),
    `${violations.length === 0 ? 'everything held' : 'FAILED'}, in ${(elapsedMs / 1000).toFixed(0)} s`,
  ].join('\n');
}

function timesRow(what: string, { count, p50Ms, p99Ms, maxMs }: Spread, aimMs: number): (string | number)[] {
  if (count === 0) return [what, 0, '', '', '', `≤ ${aimMs}`];
  return [what, count, p50Ms, p99Ms, maxMs, `≤ ${aimMs}${p99Ms > aimMs ? ', missed' : ''}`];
}

function tableOf(head: string[]): Table.Table {
  return new Table({ head, style: { head: [], border: [] } });
}
