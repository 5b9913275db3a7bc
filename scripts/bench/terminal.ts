import Table from 'cli-table3';
import { type WorkloadId, workloads } from './figures.js';
import { entryCells, entryHead } from './page.js';
import type { Results } from './results.js';
import { groupsOf } from './summary.js';
import { notJudged, targets } from './targets.js';

/** What a run has measured, for who sits in front of it. */
export function renderTerminal(results: Results): string {
  const groups = groupsOf(results);
  const parts = (Object.keys(workloads) as WorkloadId[]).flatMap((workload) => {
    const rows = groups
      .filter((group) => group.workload === workload)
      .flatMap((group) => group.entries.map((entry) => entryCells(group, entry, groups)));
    return rows.length === 0
      ? []
      : [`${workload}: ${workloads[workload]}\n${tableOf(entryHead(results.rounds), rows)}`];
  });
  if (results.isQuick) return [...parts, notJudged].join('\n\n');
  const judged = targets.flatMap(({ aim, judge }) => {
    const verdict = judge(groups);
    return verdict === null ? [] : [[aim, verdict.measured, verdict.isMet ? 'met' : 'NOT MET']];
  });
  if (judged.length > 0) parts.push(`targets\n${tableOf(['target', 'measured', ''], judged)}`);
  return parts.join('\n\n');
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true } });
  for (const row of rows) table.push([...row]);
  return table.toString();
}
