import type { ClusterNode } from '../../../../test/support/cluster-node.js';
import { type Pace, rounded, tellRate } from '../../contender-process.js';
import { tellFigure } from '../../figures.js';
import { lineTarget } from '../../line-target.js';
import { measureThroughput, type Throughput } from '../../load.js';
import { measureJobs } from '../../scale.js';
import { checkAnswer } from '../../target.js';
import { processesOf, type Setting, settingOf, slots, startNodes } from './settings.js';

const nodeCounts = [1, 2, 3, 5, 8];
/** Whole rounds of all slots: that a last round is not full says nothing about a cluster. */
const rounds = 25;
const slotsANode = 10;
const jobMs = 100;
const inFlight = 1_000;

/** h: jobs that wait 100 ms, as a share of what the slots of so many nodes can do; and no-op jobs on as many. */
export async function measureNodes(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  for (const nodes of nodeCounts) {
    const row = nodes === 1 ? '1 node' : `${nodes} nodes`;
    const jobs = slotsANode * nodes * (pace.isQuick ? rounds / 5 : rounds);
    const { args, options } = setting;
    const ms = await measureJobs(nodes, { jobs, jobMs, slots: slotsANode, args, options }, 1);
    const leastMs = (jobs * jobMs) / (slotsANode * nodes);
    const efficiency = rounded((100 * leastMs) / ms);
    tellFigure({ workload: 'h', row, metric: 'efficiency', unit: '%', value: efficiency });
    tellRate({ workload: 'h', row: `${row}, no-op` }, await measureNoOps(nodes, setting, pace));
  }
}

async function measureNoOps(nodes: number, setting: Setting, pace: Pace): Promise<Throughput> {
  const cluster = await startNodes(setting, { nodes, args: slots });
  const [front] = cluster.nodes as [ClusterNode];
  const target = lineTarget({
    name: 'Rondo',
    client: front.client,
    processes: processesOf(cluster),
    request: `RUN noop ${setting.options}`,
    check: (n, text) => checkAnswer(n, JSON.parse(text)),
    stop: () => cluster.stop(),
  });
  try {
    // As many processes are to compile their code, on as many cores as there are.
    return await measureThroughput(target, {
      inFlight,
      ...pace,
      warmUpMs: pace.warmUpMs * Math.max(1, nodes / 2),
    });
  } finally {
    await target.stop();
  }
}
