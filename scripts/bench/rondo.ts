import { type Cluster, startCluster } from '../../test/support/cluster.js';
import type { ClusterNode } from '../../test/support/cluster-node.js';
import { lineTarget } from './line-target.js';
import { type BenchTarget, checkAnswer } from './target.js';

/** Attempts at once on a node: no-op jobs are in a thread for the time of two messages only, so many fit in. */
const concurrency = 256;

/** What a reader of the table must know to run the same. */
export const rondoSettings = `Rondo: two nodes with --concurrency ${concurrency}; "not kept" submits with ttl=0s (the outcome goes to its client alone, as in the ceiling), "kept" for an hour, the default.`;

/** Two nodes: jobs go to `front` over the line protocol, run on `worker`, and are answered by `front`. */
export async function startRondo(): Promise<BenchTarget[]> {
  const args = ['--log-level', 'warn', '--concurrency', String(concurrency)];
  const cluster = await startCluster({ nodes: 2, names: ['front', 'worker'], args });
  const [front, worker] = cluster.nodes;
  if (front === undefined || worker === undefined) throw new Error('the cluster has no two nodes');
  return [
    targetOf({ name: 'Rondo, outcomes not kept', options: ' ttl=0s', cluster, front, worker }),
    targetOf({ name: 'Rondo, outcomes kept', options: '', cluster, front, worker }),
  ];
}

interface TargetParts {
  readonly name: string;
  /** Options of each RUN, each after a space. */
  readonly options: string;
  readonly cluster: Cluster;
  readonly front: ClusterNode;
  readonly worker: ClusterNode;
}

function targetOf({ name, options, cluster, front, worker }: TargetParts): BenchTarget {
  return lineTarget({
    name,
    client: front.client,
    processes: [
      { name: 'front', pid: front.pid },
      { name: 'worker', pid: worker.pid },
    ],
    request: `RUN echo node=worker${options}`,
    check: (n, text) => checkAnswer(n, JSON.parse(text)),
    stop: () => cluster.stop(),
  });
}
