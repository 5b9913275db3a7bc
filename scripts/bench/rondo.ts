import net from 'node:net';
import { startCluster } from '../../test/support/cluster.js';
import { parseAddress } from '../../test/support/line-connection.js';
import { lineWriter, readLines } from './gathered.js';
import { type BenchTarget, benchJob, checkAnswer } from './target.js';

/** Two nodes: jobs go to `front` over the line protocol, run on `worker`, and are answered by `front`. */
export async function startRondo(): Promise<BenchTarget> {
  const cluster = await startCluster({ nodes: 2, names: ['front', 'worker'], args: ['--log-level', 'warn'] });
  const [front, worker] = cluster.nodes;
  if (front === undefined || worker === undefined) throw new Error('the cluster has no two nodes');
  const socket = net.connect({ ...parseAddress(front.client), noDelay: true });
  const write = lineWriter(socket);
  const target: BenchTarget = {
    name: 'Rondo',
    processes: [
      { name: 'front', pid: front.pid },
      { name: 'worker', pid: worker.pid },
    ],
    send: (n) => write(`@${n} RUN echo node=worker ${JSON.stringify(benchJob(n))}`),
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
