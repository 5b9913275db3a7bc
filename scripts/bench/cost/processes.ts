import { inMemory, inMemoryTwice, onDisk } from '../contenders/own.js';
import type { WorkloadId } from '../figures.js';
import type { Results } from '../results.js';
import { groupsOf, rondoOf } from '../summary.js';
import type { ProcessCost, ProcessFigures, SharedCores } from './figures.js';

/** What the model takes of a run of `npm run bench`. */
export function processFigures(results: Results): ProcessFigures {
  const { startedAt, isQuick, machine } = results;
  return {
    startedAt,
    isQuick,
    commit: machine.commit,
    memory: fastest(results, 'a', inMemory, isInFlight) ?? missing('a'),
    memoryTwice: fastest(results, 'a', inMemoryTwice, isInFlight) ?? missing('a'),
    durable: fastest(results, 'd', onDisk, (row) => row === 'end to end') ?? missing('d'),
    idlePercent: idlePercent(results) ?? missing('k'),
    onOneMachine: onOneMachine(results),
  };
}

function isInFlight(row: string): boolean {
  return row.endsWith('in flight');
}

/** Of the rows of that workload the one with most jobs a second: a node that is not busy takes more for each. */
function fastest(
  results: Results,
  workload: WorkloadId,
  contender: string,
  isWanted: (row: string) => boolean,
): ProcessCost | null {
  const costs = groupsOf(results).flatMap((group): ProcessCost[] => {
    if (group.workload !== workload || group.metric !== 'rate' || !isWanted(group.row)) return [];
    const entry = group.entries.find((each) => each.contender === contender);
    const { front, worker } = entry?.cpuMicros ?? {};
    if (entry === undefined || front === undefined || worker === undefined) return [];
    return [{ row: group.row, jobsPerSecond: entry.median, frontMicros: front, workerMicros: worker }];
  });
  return costs.sort((a, b) => b.jobsPerSecond - a.jobsPerSecond)[0] ?? null;
}

function onOneMachine(results: Results): SharedCores[] {
  return groupsOf(results).flatMap((group) => {
    const nodes = /^(\d+) nodes?, no-op$/.exec(group.row)?.[1];
    const entry = rondoOf(group);
    if (group.workload !== 'h' || nodes === undefined || entry === null || entry.cpuMicros === null)
      return [];
    const cpuMicros = Object.values(entry.cpuMicros).reduce((sum, micros) => sum + micros, 0);
    return [{ nodes: Number(nodes), jobsPerSecond: entry.median, cpuMicros }];
  });
}

function idlePercent(results: Results): number | null {
  const group = groupsOf(results).find(({ workload, metric }) => workload === 'k' && metric === 'cpu');
  return group === undefined ? null : (rondoOf(group)?.median ?? null);
}

function missing(workload: WorkloadId): never {
  throw new Error(`results.json has no figures of workload ${workload} to go by: run npm run bench first`);
}
