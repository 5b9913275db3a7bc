import { type ChildProcess, fork } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { lineWriter, readLines } from './gathered.js';
import { type BenchTarget, benchJob, checkAnswer } from './target.js';

const processPath = fileURLToPath(new URL('./ceiling-process.js', import.meta.url));

/**
 * The bare ceiling: the same bytes through a client, a router and a worker process, with neither membership nor
 * records nor retries nor threads. What a cluster does beyond this is what it costs.
 */
export async function startCeiling(): Promise<BenchTarget> {
  const children: ChildProcess[] = [];
  const endAll = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('exit', endAll);
  const start = (...args: string[]): Promise<number> => {
    const child = fork(processPath, args);
    children.push(child);
    return new Promise((resolve, reject) => {
      child.once('message', (message) => resolve((message as { port: number }).port));
      child.once('exit', (code) => reject(new Error(`the ceiling's ${args[0]} ended with ${code}`)));
    });
  };
  const workerPort = await start('worker');
  const routerPort = await start('router', String(workerPort));
  const socket = net.connect({ port: routerPort, host: '127.0.0.1', noDelay: true });
  const write = lineWriter(socket);
  const [worker, router] = children;
  const target: BenchTarget = {
    name: 'ceiling',
    processes: [
      { name: 'router', pid: router?.pid ?? 0 },
      { name: 'worker', pid: worker?.pid ?? 0 },
    ],
    send: (n) => write(JSON.stringify([n, benchJob(n)])),
    onAnswer: () => {},
    onFault: () => {},
    stop: async () => {
      socket.destroy();
      endAll();
      process.off('exit', endAll);
    },
  };
  readLines(socket, (line) => {
    try {
      const [n, answer] = JSON.parse(line) as [number, unknown];
      checkAnswer(n, answer);
      target.onAnswer(n);
    } catch (error) {
      target.onFault(error as Error);
    }
  });
  socket.on('error', (error) => target.onFault(error));
  return target;
}
