import type { WorkloadId } from './figures.js';
import { type Group, numberText, rondoOf } from './summary.js';

/** Below this part of the same work elsewhere in the run, something else than what is compared has slowed it. */
const sameWorkLeast = 0.8;
const sameWork = [
  { row: 'jobs, plain', elsewhere: { workload: 'a', row: '1000 in flight' } },
  { row: 'a stream, plain', elsewhere: { workload: 'g', row: 'one stream' } },
] as const;

const fixedNotes: Readonly<Partial<Record<WorkloadId, readonly string[]>>> = {
  d: [
    'The bare process gathers 1,000 records a sync and has no client that waits for one: what a disk takes at most, and nothing that a node with 1,000 jobs in flight could reach.',
  ],
  e: [
    '`rondo map` asks with `ttl=0s`: nobody is to keep an outcome, so with journals, too, a line that is done at once ends before its job is copied or written to a disk. Jobs that are on two disks before they are answered: workload d, end to end.',
  ],
  h: [
    'All nodes and the client share the cores of one machine, and the one that takes the jobs hands most of them on: so several nodes on ONE machine run fewer no-op jobs a second than a node by itself, which sends nothing to another one. More nodes add to jobs that wait, whose share of all slots is the efficiency; to those that compute they add where each has cores of its own.',
  ],
};

/** What a reader of a workload's table has to know beside it, a sentence or two each. */
export function notesOn(workload: WorkloadId, groups: readonly Group[]): string[] {
  if (workload === 'j') return sameWork.flatMap((pair) => slowBase(groups, pair));
  return [...(fixedNotes[workload] ?? [])];
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
