import { type ChildProcess, fork } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { lineWriter, readLines } from './gathered.js';
import { type BenchProcess, type BenchTarget, benchJob, checkAnswer } from './target.js';

const processPath = fileURLToPath(new URL('./ceiling-process.js', import.meta.url));

/**
 * The bare relay: the same jobs through a client, a router and a worker process, with neither membership nor records nor retries nor
 * threads. What a cluster does beyond this is what it costs.
 */
export async function startRelay(): Promise<BenchTarget> {
  const processes = startProcesses();
  const workerPort = await processes.start('worker');
  const port = await processes.start('router', String(workerPort));
  return targetOf('the bare relay', port, processes, (n, text) => checkAnswer(n, JSON.parse(text)));
}

/** A process that keeps each line in memory and says so: the least that taking a job can cost. */
export async function startKeeper(): Promise<BenchTarget> {
  const processes = startProcesses();
  const port = await processes.start('keeper');
  return targetOf('the bare keeper', port, processes, (_, text) => {
    if (text !== 'OK') throw new Error(`the keeper answered: ${text}`);
  });
}

interface Processes {
  readonly started: BenchProcess[];
  /** Resolves to its port. */
  start(role: string, ...args: string[]): Promise<number>;
  endAll(): void;
}

function startProcesses(): Processes {
  const children: ChildProcess[] = [];
  const started: BenchProcess[] = [];
  const endAll = (): void => {
    for (const child of children) child.kill('SIGKILL');
    process.off('exit', endAll);
  };
  process.once('exit', endAll);
  const start = (role: string, ...args: string[]): Promise<number> => {
    const child = fork(processPath, [role, ...args]);
    children.push(child);
    started.push({ name: role, pid: child.pid ?? 0 });
    return new Promise((resolve, reject) => {
      child.once('message', (message) => resolve((message as { port: number }).port));
      child.once('exit', (code) => reject(new Error(`the ceiling's ${role} ended with ${code}`)));
    });
  };
  return { started, start, endAll };
}

function targetOf(
  name: string,
  port: number,
  processes: Processes,
  check: (n: number, text: string) => void,
): BenchTarget {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const write = lineWriter(socket);
  const target: BenchTarget = {
    name,
    processes: processes.started,
    send: (n) => write(`${n} ${JSON.stringify(benchJob(n))}`),
    onAnswer: () => {},
    onFault: () => {},
    stop: async () => {
      socket.destroy();
      processes.endAll();
    },
  };
  readLines(socket, (line) => {
    try {
      const blank = line.indexOf(' ');
      const n = Number(line.slice(0, blank));
      check(n, line.slice(blank + 1));
      target.onAnswer(n);
    } catch (error) {
      target.onFault(error as Error);
    }
  });
  socket.on('error', (error) => target.onFault(error));
  return target;
}
