import { type Cluster, requestJson } from '../../../../test/support/cluster.js';
import type { ClusterNode } from '../../../../test/support/cluster-node.js';
import { type Pace, rounded, tellRate } from '../../contender-process.js';
import { tellFigure } from '../../figures.js';
import { lineTarget } from '../../line-target.js';
import { measureThroughput, type Throughput } from '../../load.js';
import { residentMiB } from '../../proc.js';
import { nowhere, queuedArguments, rateOf, rateOfLines } from '../../queue.js';
import { checkAnswer } from '../../target.js';
import { processesOf, type Setting, settingOf, slots, startNodes } from './settings.js';

const depths = [
  { row: '0 queued', jobs: 0 },
  { row: '10^4 queued', jobs: 10_000 },
  { row: '10^5 queued', jobs: 100_000 },
  { row: '10^6 queued', jobs: 1_000_000 },
];
const inFlight = 1_000;
const warmUpJobs = 50_000;
const warmUpMsMin = 2_000;
/** In a short time one collection of the long queue would decide. */
const runFactor = 2;

/**
 * i: one node with so many jobs of 200 bytes that no node may run: how many others it runs a second beside them, and how many more it takes.
 * Each length has a node of its own, as what is taken while that is measured makes the queue longer; that of none has done nothing before.
 */
export async function measureQueues(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  for (const { row, jobs } of depths) {
    const cluster = await startNodes(setting, { nodes: 1, args: slots });
    try {
      await measureDepth({ cluster, setting, pace, row, jobs });
    } finally {
      await cluster.stop();
    }
  }
}

interface Depth {
  readonly cluster: Cluster;
  readonly setting: Setting;
  readonly pace: Pace;
  readonly row: string;
  readonly jobs: number;
}

async function measureDepth({ cluster, setting, pace, row, jobs }: Depth): Promise<void> {
  const [node] = cluster.nodes as [ClusterNode];
  const { options, promise } = setting;
  const run = `RUN noop ${options}`;
  const submit = `SUBMIT noop ${nowhere} ${options}`;
  // Else the code that runs jobs would be compiled while the long queue is collected.
  if (jobs > 0) {
    await rateOf(node, run, warmUpJobs);
    await rateOf(node, submit, jobs);
  }
  const longer = {
    ...pace,
    warmUpMs: Math.max(pace.warmUpMs, warmUpMsMin),
    measureMs: runFactor * pace.measureMs,
  };
  const ran = await measureRequests(cluster, run, longer, (n, text) => checkAnswer(n, JSON.parse(text)));
  tellRate({ workload: 'i', row: `${row}, others run` }, ran);
  tellFigure({
    workload: 'i',
    row,
    metric: 'resident',
    unit: 'MiB',
    value: rounded(residentMiB(node.pid)),
  });
  await warmUp(node, submit, jobs);
  const taken = await measureRequests(cluster, submit, { ...pace, warmUpMs: 0 }, (_, text) => {
    if (!text.endsWith(` ${promise}`))
      throw new Error(`"${promise}" was to be reached, and the answer was: ${text}`);
  });
  tellRate({ workload: 'i', row: `${row}, more are taken` }, taken);
}

/**
 * Compiles the code that takes jobs, and leaves none of them: a long queue is not to be faster for having been filled. Not before others are run, whose base is
 * a node that has done nothing else.
 */
async function warmUp(node: ClusterNode, submit: string, jobs: number): Promise<void> {
  const ids: string[] = [];
  await rateOfLines(node, warmUpJobs, {
    lineOf: () => `${submit} ${queuedArguments}`,
    onAnswer: (text) => ids.push(text.slice(0, text.indexOf(' '))),
  });
  await rateOfLines(node, warmUpJobs, { lineOf: (number) => `CANCEL ${ids[number - 1]}` });
  const left = await requestJson<unknown[]>(node, 'JOBS state=queued');
  if (jobs === 0 && left.length > 0) throw new Error(`${left.length} jobs are queued, and none is to be`);
}

async function measureRequests(
  cluster: Cluster,
  request: string,
  pace: Pace,
  check: (n: number, text: string) => void,
): Promise<Throughput> {
  const [node] = cluster.nodes as [ClusterNode];
  const target = lineTarget({
    name: 'Rondo',
    client: node.client,
    processes: processesOf(cluster),
    request,
    check,
    stop: async () => {},
  });
  try {
    return await measureThroughput(target, { inFlight, ...pace });
  } finally {
    await target.stop();
  }
}
