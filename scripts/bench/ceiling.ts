import { type ChildProcess, fork } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { lineWriter, readLines } from './gathered.js';
import { type BenchProcess, type BenchTarget, benchJob, checkAnswer } from './target.js';

const processPath = fileURLToPath(new URL('./ceiling-process.js', import.meta.url));

/**
 * The bare relay: the same jobs through a client, a router and a worker process, as lines of JSON and frames of msgpack, with neither
 * membership nor records nor retries nor threads. What a cluster does beyond this is what it costs.
 */
export function startRelay(): Promise<BenchTarget> {
  return relayTo('worker');
}

/** The same with a worker that hands each job to a thread. */
export function startThreadRelay(): Promise<BenchTarget> {
  return relayTo('threaded-worker');
}

async function relayTo(worker: string): Promise<BenchTarget> {
  const processes = startProcesses();
  const workerPort = await processes.start(worker);
  const port = await processes.start('router', String(workerPort));
  return targetOf({
    name: 'the bare relay',
    port,
    processes,
    line: (n) => JSON.stringify([n, benchJob(n)]),
    check: (line) => {
      const [n, answer] = JSON.parse(line) as [number, unknown];
      checkAnswer(n, answer);
      return n;
    },
  });
}

/** The same with a router that parses nothing, and makes nothing of what it passes on. */
export async function startByteRelay(): Promise<BenchTarget> {
  const processes = startProcesses();
  const workerPort = await processes.start('byte-worker');
  const port = await processes.start('byte-router', String(workerPort));
  return targetOf({
    name: 'the relay of bytes',
    port,
    processes,
    line: numberedLine,
    check: (line) => checkNumbered(line, (n, text) => checkAnswer(n, JSON.parse(text))),
  });
}

/** A process that keeps each line in memory and says so: the least that taking a job can cost. */
export async function startKeeper(): Promise<BenchTarget> {
  const processes = startProcesses();
  const port = await processes.start('keeper');
  return targetOf({
    name: 'the bare keeper',
    port,
    processes,
    line: numberedLine,
    check: (line) =>
      checkNumbered(line, (_, text) => {
        if (text !== 'OK') throw new Error(`the keeper answered: ${text}`);
      }),
  });
}

function numberedLine(n: number): string {
  return `${n} ${JSON.stringify(benchJob(n))}`;
}

function checkNumbered(line: string, check: (n: number, text: string) => void): number {
  const blank = line.indexOf(' ');
  const n = Number(line.slice(0, blank));
  check(n, line.slice(blank + 1));
  return n;
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

interface CeilingParts {
  readonly name: string;
  readonly port: number;
  readonly processes: Processes;
  /** How job number `n` is handed in. */
  readonly line: (n: number) => string;
  /** The number of the job that a line answers; throws where it is not answered as it should be. */
  readonly check: (line: string) => number;
}

function targetOf({ name, port, processes, line, check }: CeilingParts): BenchTarget {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const write = lineWriter(socket);
  const target: BenchTarget = {
    name,
    processes: processes.started,
    send: (n) => write(line(n)),
    onAnswer: () => {},
    onFault: () => {},
    stop: async () => {
      socket.destroy();
      processes.endAll();
    },
  };
  readLines(socket, (answer) => {
    try {
      target.onAnswer(check(answer));
    } catch (error) {
      target.onFault(error as Error);
    }
  });
  socket.on('error', (error) => target.onFault(error));
  return target;
}
