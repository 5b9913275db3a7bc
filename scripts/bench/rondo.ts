import net from 'node:net';
import { type Cluster, startCluster } from '../../test/support/cluster.js';
import type { ClusterNode } from '../../test/support/cluster-node.js';
import { parseAddress } from '../../test/support/line-connection.js';
import { lineWriter, readLines } from './gathered.js';
import { type BenchTarget, benchJob, checkAnswer } from './target.js';

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
    targetOf({ name: 'Rondo, outcomes not kept', options: 'ttl=0s', cluster, front, worker }),
    targetOf({ name: 'Rondo, outcomes kept', options: '', cluster, front, worker }),
  ];
}

interface TargetParts {
  readonly name: string;
  /** Options of each RUN. */
  readonly options: string;
  readonly cluster: Cluster;
  readonly front: ClusterNode;
  readonly worker: ClusterNode;
}

function targetOf({ name, options, cluster, front, worker }: TargetParts): BenchTarget {
  const socket = net.connect({ ...parseAddress(front.client), noDelay: true });
  const write = lineWriter(socket);
  const verb = `RUN echo node=worker ${options}`.trim();
  const target: BenchTarget = {
    name,
    processes: [
      { name: 'front', pid: front.pid },
      { name: 'worker', pid: worker.pid },
    ],
    send: (n) => write(`@${n} ${verb} ${JSON.stringify(benchJob(n))}`),
    onAnswer: () => {},
    onFault: () => {},
    stop: async () => {
      socket.destroy();
      await cluster.stop();
    },
  };
  readLines(socket, (line) => {
    try {
      const match = /^@(\d+) OK (.*)$/.exec(line);
      if (match === null) throw new Error(`Rondo answered: ${line}`);
      const n = Number(match[1]);
      checkAnswer(n, JSON.parse(match[2] as string));
      target.onAnswer(n);
    } catch (error) {
      target.onFault(error as Error);
    }
  });
  socket.on('error', (error) => target.onFault(error));
  socket.on('close', () => target.onFault(new Error('the node closed the connection')));
  return target;
}
