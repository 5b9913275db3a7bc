import { fileURLToPath } from 'node:url';
import type { Pace } from '../contender-process.js';
import type { Contender, WorkloadId } from '../figures.js';
import { type BenchJob, type BenchTarget, benchJob } from '../target.js';
import { measureLines } from './peer-lines.js';
import {
  answerTo,
  commandOf,
  measureIdle,
  measureJobs,
  measureOneAtATime,
  measureRow,
  type PeerTarget,
  peerTarget,
  promisedTarget,
  runPeer,
} from './peer-measures.js';
import {
  dataDirectory,
  freePort,
  host,
  type Program,
  peerPackage,
  programPath,
  startRole,
  startServer,
  tellReady,
} from './peer-programs.js';

/** What is used of the package. */
interface BullMq {
  readonly Queue: new (name: string, options: object) => Queue;
  readonly QueueEvents: new (name: string, options: object) => QueueEvents;
  readonly Worker: new (
    name: string,
    run: (job: { readonly data: BenchJob }) => Promise<unknown>,
    options: object,
  ) => Ready;
}

interface Ready {
  waitUntilReady(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): void;
  setMaxListeners(count: number): void;
}

interface Queue extends Ready {
  add(name: string, data: unknown): Promise<Job>;
  addBulk(jobs: readonly { readonly name: string; readonly data: unknown }[]): Promise<Job[]>;
}

interface Job {
  readonly id: string;
  readonly data: BenchJob;
  waitUntilFinished(events: QueueEvents): Promise<unknown>;
}

interface QueueEvents {
  waitUntilReady(): Promise<unknown>;
  on(event: 'completed', listener: (event: Completed) => void): void;
  setMaxListeners(count: number): void;
}

interface Completed {
  readonly jobId: string;
  readonly returnvalue: unknown;
}

const concurrency = 256;
/** `waitUntilFinished` looks its job up when it may have missed the event, and fails where that has been removed. */
const keptJobs = 5_000;
const batchMax = 64;
const persistences = {
  off: 'with neither log nor snapshots',
  everysec: 'with --appendonly yes --appendfsync everysec, without snapshots',
  always: 'with --appendonly yes --appendfsync always, without snapshots',
} as const;

type Persistence = keyof typeof persistences;

export const bullmq: readonly Contender[] = (['off', 'everysec', 'always'] as const).flatMap(
  (persistence): Contender[] => {
    const servers = `BullMQ on one Redis ${persistences[persistence]}; one worker with concurrency ${concurrency}, removeOnComplete ${keptJobs}.`;
    return [
      {
        system: 'bullmq',
        name: `BullMQ, AOF ${persistence}`,
        settings: `${servers} Jobs are added by addBulk, up to ${batchMax} in one (larger and smaller batches were slower), and outcomes come by one QueueEvents listener. c: "enqueue" is add, "enqueue in batches" addBulk. e: 45 s at most; a row of its own says where that was not enough. k: idle is the worker, and "idle server" Redis.`,
        workloads: workloadsOf(persistence),
        command: commandOf(import.meta.url, `bulk-${persistence}`),
      },
      {
        system: 'bullmq',
        name: `BullMQ waitUntilFinished, AOF ${persistence}`,
        settings: `${servers} Each job is added by add and awaited by job.waitUntilFinished, as its documentation shows.`,
        workloads: ['a', 'b'],
        command: commandOf(import.meta.url, `wait-${persistence}`),
      },
    ];
  },
);

function workloadsOf(persistence: Persistence): WorkloadId[] {
  if (persistence === 'off') return ['a', 'b', 'c', 'e', 'k'];
  return persistence === 'everysec' ? ['a', 'b', 'c'] : ['a', 'b', 'c', 'd'];
}

const ownPath = fileURLToPath(import.meta.url);

interface Server {
  readonly port: number;
  readonly redis: Program;
}

/** `bulk-always`: the way of adding, and how Redis keeps what is added. */
async function start(setting: string): Promise<Server> {
  const persistence = setting.split('-')[1] as Persistence;
  const port = await freePort();
  const args = ['--port', String(port), '--bind', host, '--dir', dataDirectory(), '--save', ''];
  if (persistence === 'off') args.push('--appendonly', 'no');
  // A rewrite of the log in the midst of a measurement of some seconds would be chance.
  else args.push('--appendonly', 'yes', '--appendfsync', persistence, '--auto-aof-rewrite-percentage', '0');
  const redis = await startServer({
    name: 'redis-server',
    file: programPath('redis-server'),
    args,
    ready: /Ready to accept/,
  });
  return { port, redis };
}

async function openQueue(port: number, name: string): Promise<Queue> {
  const { Queue } = peerPackage<BullMq>('bullmq');
  const queue = new Queue(name, {
    connection: { host, port },
    // Those who listen for outcomes of 100,000 jobs may lag: no event is to be lost.
    streams: { events: { maxLen: 200_000 } },
    defaultJobOptions: { removeOnComplete: keptJobs },
  });
  queue.setMaxListeners(0);
  await queue.waitUntilReady();
  return queue;
}

async function openEvents(port: number): Promise<QueueEvents> {
  const { QueueEvents } = peerPackage<BullMq>('bullmq');
  // From the beginning: by default those are missed that come before its first read.
  const events = new QueueEvents('jobs', { connection: { host, port }, lastEventId: '0-0' });
  events.setMaxListeners(0);
  await events.waitUntilReady();
  return events;
}

async function work(port: number): Promise<void> {
  const { Worker } = peerPackage<BullMq>('bullmq');
  const worker = new Worker('jobs', async ({ data }) => answerTo(data.n), {
    connection: { host, port },
    concurrency,
  });
  worker.on('error', (error) => process.stderr.write(`${error.stack}\n`));
  await worker.waitUntilReady();
  tellReady();
}

/** Each job by `add`; answered when `answer` says so. */
function addTarget(
  queue: Queue,
  programs: readonly Program[],
  answer: (job: Job, n: number) => unknown,
): BenchTarget {
  return promisedTarget('BullMQ', programs, async (n) => answer(await queue.add('no-op', benchJob(n)), n));
}

/** Jobs by `addBulk`, up to `batchMax` in one; `onAdded` hears of them. Jobs wait for a batch to fill while others are on their way. */
function bulkTarget(
  queue: Queue,
  programs: readonly Program[],
  onAdded: (jobs: readonly Job[]) => void,
): PeerTarget {
  let gathered: { readonly name: string; readonly data: BenchJob }[] = [];
  let outstanding = 0;
  const flush = (): void => {
    if (gathered.length === 0 || (gathered.length < batchMax && gathered.length < outstanding)) return;
    const jobs = gathered;
    gathered = [];
    queue.addBulk(jobs).then(onAdded, (error: unknown) => target.onFault(error as Error));
  };
  const target = peerTarget('BullMQ', programs, (n) => {
    outstanding++;
    if (gathered.length === 0) setImmediate(flush);
    gathered.push({ name: 'no-op', data: benchJob(n) });
    if (gathered.length >= batchMax) flush();
  });
  const { take } = target;
  target.take = (n, answer) => {
    outstanding--;
    take(n, answer);
    setImmediate(flush);
  };
  return target;
}

function bulkEnqueueTarget(queue: Queue, programs: readonly Program[]): BenchTarget {
  const target = bulkTarget(queue, programs, (jobs) => {
    for (const { data } of jobs) target.take(data.n, answerTo(data.n));
  });
  return target;
}

function bulkJobTarget(queue: Queue, events: QueueEvents, programs: readonly Program[]): PeerTarget {
  const waiting = new Map<string, number>();
  const early = new Map<string, unknown>();
  const target = bulkTarget(queue, programs, (jobs) => {
    for (const { id, data } of jobs) {
      if (early.has(id)) target.take(data.n, early.get(id));
      else waiting.set(id, data.n);
      early.delete(id);
    }
  });
  events.on('completed', ({ jobId, returnvalue }) => {
    const n = waiting.get(jobId);
    if (n === undefined) early.set(jobId, returnvalue);
    else target.take(n, returnvalue);
    waiting.delete(jobId);
  });
  return target;
}

/** A queue with a worker in another process; jobs go there in the way that the setting says. */
async function jobTarget(setting: string): Promise<BenchTarget> {
  const { port, redis } = await start(setting);
  const queue = await openQueue(port, 'jobs');
  const programs = [redis, await startRole(ownPath, 'worker', port)];
  const events = await openEvents(port);
  return setting.startsWith('wait')
    ? addTarget(queue, programs, (job) => job.waitUntilFinished(events))
    : bulkJobTarget(queue, events, programs);
}

async function measureEnqueue(setting: string, pace: Pace): Promise<void> {
  const { port, redis } = await start(setting);
  const add = addTarget(await openQueue(port, 'added'), [redis], (_, n) => answerTo(n));
  await measureRow(add, pace, { workload: 'c', row: 'enqueue' });
  const bulk = bulkEnqueueTarget(await openQueue(port, 'added-in-batches'), [redis]);
  await measureRow(bulk, pace, { workload: 'c', row: 'enqueue in batches' });
}

async function measureDurable(setting: string, pace: Pace): Promise<void> {
  const { port, redis } = await start(setting);
  const enqueue = bulkEnqueueTarget(await openQueue(port, 'added'), [redis]);
  await measureRow(enqueue, pace, { workload: 'd', row: 'enqueue' });
  await measureRow(await jobTarget(setting), pace, { workload: 'd', row: 'end to end' });
}

async function measureProcesses(setting: string, pace: Pace): Promise<void> {
  const { port, redis } = await start(setting);
  const worker = await startRole(ownPath, 'worker', port);
  await measureIdle({ idle: [worker], 'idle server': [redis] }, pace);
}

runPeer(import.meta.url, {
  measurements: {
    a: async (setting, pace) => measureJobs(await jobTarget(setting), pace),
    b: async (setting, pace) => measureOneAtATime(await jobTarget(setting), pace),
    c: measureEnqueue,
    d: measureDurable,
    e: async (setting, pace) => measureLines(await jobTarget(setting), pace),
    k: measureProcesses,
  },
  roles: { worker: ([port]) => work(Number(port)) },
});
