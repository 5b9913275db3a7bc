import type { WorkloadId } from './figures.js';
import { type Group, numberText, rondoOf } from './summary.js';

/** Below this part of the same work elsewhere in the run, something else than what is compared has slowed it. */
const sameWorkLeast = 0.8;
const sameWork = [
  { row: 'jobs, plain', elsewhere: { workload: 'a', row: '1000 in flight' } },
  { row: 'a stream, plain', elsewhere: { workload: 'g', row: 'one stream' } },
] as const;

/** What a reader of a workload's table has to know beside it, a sentence or two each. */
export function notesOn(workload: WorkloadId, groups: readonly Group[]): string[] {
  if (workload === 'j') return sameWork.flatMap((pair) => slowBase(groups, pair));
  return [];
}

function slowBase(groups: readonly Group[], { row, elsewhere }: (typeof sameWork)[number]): string[] {
  const here = rondoAt(groups, 'j', row);
  const there = rondoAt(groups, elsewhere.workload, elsewhere.row);
  if (here === null || there === null || here.rate >= sameWorkLeast * there.rate) return [];
  const rates = `${numberText(here.rate)} ${here.unit} here and ${numberText(there.rate)} in workload ${elsewhere.workload}`;
  return [
    `"${row}" is the same work as "${elsewhere.row}" of workload ${elsewhere.workload}, and was slower: ${rates}. So the machine had less to give here, and the figures of this table compare with each other only.`,
  ];
}

function rondoAt(
  groups: readonly Group[],
  workload: WorkloadId,
  row: string,
): { readonly rate: number; readonly unit: string } | null {
  const group = groups.find(
    (each) => each.workload === workload && each.row === row && each.metric === 'rate',
  );
  const entry = group === undefined ? null : rondoOf(group);
  return group === undefined || entry === null ? null : { rate: entry.median, unit: group.unit };
}
