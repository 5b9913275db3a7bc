import { type WorkloadId, workloads } from './figures.js';
import type { Limits } from './page.js';
import type { Results } from './results.js';
import { groupsOf } from './summary.js';
import { targets } from './targets.js';

const roundsMin = 3;

/** What a page made of these results would lack, in words; none where it is complete. */
export function lacksOf(results: Results, limits: Limits): string[] {
  const { rounds, isQuick, figures } = results;
  const groups = groupsOf(results);
  const unmeasured = (Object.keys(workloads) as WorkloadId[]).filter(
    (workload) => !figures.some((figure) => figure.workload === workload),
  );
  const ofTargets = targets.flatMap(({ id, aim, judge }) => {
    const verdict = judge(groups);
    if (verdict === null) return [`the target ${id} is not judged: ${aim}`];
    const isExplained = (limits[id] ?? '').trim() !== '';
    return verdict.isMet || isExplained ? [] : [`limits.json does not say why ${id} is not met: ${aim}`];
  });
  return [
    ...(rounds < roundsMin ? [`rounds: ${rounds}, and it takes ${roundsMin} to see a spread`] : []),
    ...(isQuick ? ['it is of a quick run, which is a look and no measurement'] : []),
    ...unmeasured.map((workload) => `workload ${workload} was not measured: ${workloads[workload]}`),
    ...ofTargets,
  ];
}
