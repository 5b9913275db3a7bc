import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Measure } from '../contender-process.js';
import type { Contender, WorkloadId } from '../figures.js';
import { hashThreads } from './peer-hashes.js';
import { commandOf, measureIdle, runPeer } from './peer-measures.js';
import { debianPython } from './peer-needs.js';
import { freePort, host, type Program, peersDirectory, startServer } from './peer-programs.js';

/** All lines would take minutes. */
const linesMs = 10_000;
const quickLinesMs = 2_000;
const lineBatch = 5_000;
const hashBatch = 64;

const servers =
  "A Dask scheduler with worker-saturation inf and without work stealing, worker processes without nanny and profile, no dashboard, Dask's asynchronous client.";
const batches =
  'As many jobs as are to be in flight go to one client.map and are gathered, then the next as many: smaller batches at once were slower. One at a time is client.submit.';
const lines = `e: client.map in batches of ${lineBatch} for ${linesMs / 1_000} s, as all lines would take minutes: the rate is of those answered.`;
const hashes = `client.map in batches of ${hashBatch}; hashlib lets go of Python's lock while it hashes.`;

export const dask: readonly Contender[] = [
  {
    system: 'dask',
    name: 'Dask, 1 worker × 1 thread',
    settings: `${servers} ${batches} ${lines} k: idle is the worker, and "idle server" the scheduler.`,
    workloads: ['a', 'b', 'e', 'k'],
    command: commandOf(import.meta.url, '1x1'),
  },
  {
    system: 'dask',
    name: 'Dask, 2 workers × 4 threads',
    settings: `${servers} ${batches} ${lines} Two workers are one more than others have here.`,
    workloads: ['a', 'b', 'e'],
    command: commandOf(import.meta.url, '2x4'),
  },
  {
    system: 'dask',
    name: `Dask, 1 worker × ${hashThreads} threads`,
    settings: `${servers} ${hashes}`,
    workloads: ['l'],
    command: commandOf(import.meta.url, `1x${hashThreads}`),
  },
  {
    system: 'dask',
    name: `Dask, ${hashThreads} workers × 1 thread`,
    settings: `${servers} ${hashes}`,
    workloads: ['l'],
    command: commandOf(import.meta.url, `${hashThreads}x1`),
  },
];

const environment = {
  PYTHONPATH: peersDirectory,
  PYTHONDONTWRITEBYTECODE: '1',
  // Else the scheduler gives a worker its next job only when it is almost out of them.
  DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION: 'inf',
  DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING: 'False',
  DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED: 'False',
};

/** Its HTTP server is there all the same, and would listen on all addresses. */
const noDashboard = ['--no-dashboard', '--dashboard-address', `${host}:0`];

function startScheduler(port: number): Promise<Program> {
  const args = ['-m', 'distributed.cli.dask_scheduler', '--host', host, '--port', String(port)];
  return startServer({
    name: 'scheduler',
    file: debianPython,
    args: [...args, ...noDashboard],
    env: environment,
    ready: /Scheduler at:/,
  });
}

function startWorker(port: number, threads: number, index: number): Promise<Program> {
  const args = ['-m', 'distributed.cli.dask_worker', `tcp://${host}:${port}`, '--host', host];
  args.push('--nthreads', String(threads), '--no-nanny', '--local-directory', '.', ...noDashboard);
  return startServer({
    name: `worker ${index}`,
    file: debianPython,
    args,
    env: environment,
    ready: /Registered to:/,
  });
}

/** Runs the client, which is Python as well and tells its figures itself. */
async function runClient(port: number, workload: WorkloadId, options: object): Promise<void> {
  const args = [join(peersDirectory, 'dask_client.py'), `tcp://${host}:${port}`, workload];
  const child = spawn(debianPython, [...args, JSON.stringify(options)], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const [code] = await once(child, 'exit');
  process.off('exit', endWithUs);
  if (code !== 0) throw new Error(`Dask's client ended with ${code}`);
}

interface Processes {
  readonly port: number;
  readonly scheduler: Program;
  readonly workers: readonly Program[];
}

/** `2x4`: workers, and threads of each. */
async function start(setting: string): Promise<Processes> {
  const [workers = 1, threads = 1] = setting.split('x').map(Number);
  const port = await freePort();
  const scheduler = await startScheduler(port);
  const starting = Array.from({ length: workers }, (_, index) => startWorker(port, threads, index + 1));
  return { port, scheduler, workers: await Promise.all(starting) };
}

function clientMeasure(workload: WorkloadId): Measure {
  return async (setting, { isQuick, warmUpMs, measureMs }) => {
    const { port, scheduler, workers } = await start(setting);
    await runClient(port, workload, {
      workers: workers.length,
      pids: Object.fromEntries([scheduler, ...workers].map(({ name, pid }) => [name, pid])),
      warmUpMs,
      measureMs,
      linesMs: isQuick ? quickLinesMs : linesMs,
      lineBatch,
      hashBatch,
    });
  };
}

runPeer(import.meta.url, {
  measurements: {
    a: clientMeasure('a'),
    b: clientMeasure('b'),
    e: clientMeasure('e'),
    k: async (setting, pace) => {
      const { scheduler, workers } = await start(setting);
      await measureIdle({ idle: workers, 'idle server': [scheduler] }, pace);
    },
    l: clientMeasure('l'),
  },
});
