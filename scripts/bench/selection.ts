import { ceilingSystem, comparableRondo, rondoSystem } from './contenders/own.js';
import { type Contender, type WorkloadId, workloads } from './figures.js';

/** What of all is to be measured. */
export interface Choice {
  readonly contenders: readonly Contender[];
  readonly workloads: readonly WorkloadId[];
  /** What a quick run has no time for, as it says in the end. */
  readonly leftOut: readonly string[];
  /** Nothing was left out: such a run is what the page is made of. */
  readonly isWhole: boolean;
}

export interface Wanted {
  /** As they stand behind `--only` and `--workload`. */
  readonly only: string | undefined;
  readonly workload: string | undefined;
  readonly isQuick: boolean;
}

const workloadIds = Object.keys(workloads) as WorkloadId[];
/** The others take long by themselves: many nodes, many jobs. */
const quickWorkloads: readonly WorkloadId[] = ['a', 'b', 'c', 'd', 'k'];

export function defaultRounds(isQuick: boolean): string {
  return isQuick ? '1' : '3';
}

/** A text says what is wrong. The bare processes are always there: without them a figure says little. */
export function choose(
  contenders: readonly Contender[],
  { only, workload, isQuick }: Wanted,
): Choice | string {
  const systems = [...new Set(contenders.map(({ system }) => system))];
  const wantedSystems = only === undefined ? systems : wordsOf(only);
  const strangers = wantedSystems.filter((system) => !systems.includes(system));
  if (strangers.length > 0 || wantedSystems.length === 0)
    return `--only takes some of ${systems.join(', ')}, with commas between, and not "${strangers.join(', ')}"`;
  const letters = workload === undefined ? null : wordsOf(workload);
  const unknown = letters?.filter((letter) => !Object.hasOwn(workloads, letter)) ?? [];
  if (unknown.length > 0 || letters?.length === 0)
    return `--workload takes some of ${workloadIds.join(', ')}, with commas between, and not "${unknown.join(', ')}"`;
  const chosen = workloadIds.filter(
    (id) => letters?.includes(id) ?? (!isQuick || quickWorkloads.includes(id)),
  );
  const isBrief = isQuick && letters === null;
  const those = contenders
    .filter(({ system }) => wantedSystems.includes(system) || system === ceilingSystem)
    .map((contender) => ({ ...contender, workloads: workloadsOf(contender, chosen, isBrief) }))
    .filter((contender) => contender.workloads.length > 0);
  return {
    contenders: those,
    workloads: chosen,
    leftOut: isBrief ? leftOutOf(contenders, those, wantedSystems) : [],
    isWhole: only === undefined && workload === undefined && !isQuick,
  };
}

function leftOutOf(
  all: readonly Contender[],
  those: readonly Contender[],
  systems: readonly string[],
): string[] {
  const names = new Set(those.map(({ name }) => name));
  const settings = all.filter(({ system, name }) => systems.includes(system) && !names.has(name));
  return [
    `workloads ${workloadIds.filter((id) => !quickWorkloads.includes(id)).join(', ')}`,
    ...settings.map(({ name }) => name),
  ];
}

/** A brief run has time for one setting of Rondo a workload: the one that others are compared with. */
function workloadsOf(
  { system, name, workloads: of }: Contender,
  chosen: readonly WorkloadId[],
  isBrief: boolean,
): WorkloadId[] {
  const isMeant = (id: WorkloadId): boolean =>
    !isBrief || system !== rondoSystem || comparableRondo[id] === name;
  return of.filter((id) => chosen.includes(id) && isMeant(id));
}

function wordsOf(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** What `--list` prints. */
export function listing({ contenders, workloads: ids }: Pick<Choice, 'contenders' | 'workloads'>): string {
  const systems = [...new Set(contenders.map(({ system }) => system))];
  const lines = systems.flatMap((system) => [
    system,
    ...contenders
      .filter((contender) => contender.system === system)
      .map(({ name, workloads: of, settings }) => `  ${name} (${of.join(', ')})\n      ${settings}`),
  ]);
  const letters = ids.map(
    (id) => `  ${id}  ${workloads[id]}${quickWorkloads.includes(id) ? ' (also in a quick run)' : ''}`,
  );
  return `${lines.join('\n')}\n\nworkloads\n${letters.join('\n')}\n`;
}
