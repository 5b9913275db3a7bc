import { fileURLToPath } from 'node:url';
import {
  type Cluster,
  type ClusterOptions,
  request,
  startCluster,
} from '../../../../test/support/cluster.js';
import type { ClusterNode } from '../../../../test/support/cluster-node.js';
import { lineTarget } from '../../line-target.js';
import { type BenchTarget, benchJob, checkAnswer } from '../../target.js';
import { tasksPath } from '../../tasks.js';

/** What a job is promised, and what a node is started with to that end. */
export interface Setting {
  /** Options of SUBMIT and RUN; '' for the defaults. */
  readonly options: string;
  /** What SUBMIT answers behind the id. */
  readonly promise: string;
  readonly args: readonly string[];
}

export const settings = {
  /** What gearmand, Moleculer and NATS give: the job is lost with the process that took it, and its outcome is told once. */
  'memory-1': {
    options: 'copies=1 durable=no ttl=0s',
    promise: 'copies=1 durable=no',
    args: ['--no-journal'],
  },
  /** What nodes without journals do by themselves: two nodes hold the job, and its outcome for an hour. */
  'memory-2': { options: '', promise: 'copies=2 durable=no', args: ['--no-journal'] },
  /** What nodes do by themselves: each of the two has it on disk, synced. */
  'durable-2': { options: '', promise: 'copies=2 durable=yes', args: [] },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

export function settingOf(name: string): Setting {
  if (Object.hasOwn(settings, name)) return settings[name as SettingName];
  throw new Error(`there is no setting "${name}", only ${Object.keys(settings).join(', ')}`);
}

/** One thread for handlers, as no-op jobs need no second core, and two nodes and a client share two. */
export const threads = 1;
/** A no-op job is in a thread for the time of two messages only, so many fit in; more of them only wait there. */
export const concurrency = 256;

/** Room for what a measurement submits. */
const configPath = fileURLToPath(new URL('../../../../../scripts/bench/nodes.yaml', import.meta.url));

/** Nodes that know the tasks of the benchmark and log only what is wrong. */
export function startNodes(
  { args }: Setting,
  { args: more = [], ...options }: Omit<ClusterOptions, 'args'> & { readonly args?: readonly string[] } = {},
): Promise<Cluster> {
  const own = ['--tasks', tasksPath, '--config', configPath, '--log-level', 'warn'];
  return startCluster({ ...options, args: [...own, ...args, ...more] });
}

export const slots = ['--threads', String(threads), '--concurrency', String(concurrency)];

/** Two nodes: jobs go to `front` and run on `worker`. Stop the cluster when the measurement is over. */
export interface Pair {
  readonly cluster: Cluster;
  readonly front: ClusterNode;
  readonly worker: ClusterNode;
}

export async function startPair(
  setting: Setting,
  { tls = false, args = slots }: { readonly tls?: boolean; readonly args?: readonly string[] } = {},
): Promise<Pair> {
  const cluster = await startNodes(setting, { nodes: 2, names: ['front', 'worker'], tls, args });
  const [front, worker] = cluster.nodes as [ClusterNode, ClusterNode];
  try {
    await checkPromise(front, setting);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return { cluster, front, worker };
}

/** Stops the nodes afterwards, however it ends. */
export async function withPair<Result>(
  starting: Promise<Pair>,
  use: (pair: Pair) => Promise<Result>,
): Promise<Result> {
  const pair = await starting;
  try {
    return await use(pair);
  } finally {
    await pair.cluster.stop();
  }
}

/** Rejects unless a job is taken with just the promise that the setting is about: nothing else is to be measured under its name. */
async function checkPromise(front: ClusterNode, { options, promise }: Setting): Promise<void> {
  const line = ['SUBMIT noop node=worker', options, JSON.stringify(benchJob(0))].filter(
    (word) => word !== '',
  );
  const answer = await request(front, line.join(' '));
  if (/^OK \S+ /.test(answer) && answer.endsWith(` ${promise}`)) return;
  throw new Error(`a job is to be taken with "${promise}", and the answer was: ${answer}`);
}

/** No-op jobs to `front`, each run on `worker` and answered. */
export function runTarget(
  { cluster, front }: Pair,
  { options }: Setting,
  keyOf?: (n: number) => string,
): BenchTarget {
  const line = ['RUN noop node=worker', options].filter((word) => word !== '').join(' ');
  return lineTarget({
    name: 'Rondo',
    client: front.client,
    processes: processesOf(cluster),
    request: keyOf === undefined ? line : (n) => `${line} key=${keyOf(n)}`,
    check: (n, text) => checkAnswer(n, JSON.parse(text)),
    stop: async () => {},
  });
}

export function processesOf(cluster: Cluster): { name: string; pid: number }[] {
  return cluster.nodes.map(({ name, pid }) => ({ name, pid }));
}
