import { fileURLToPath } from 'node:url';
import type { Contender, WorkloadId } from '../figures.js';
import { concurrency, type SettingName, settings, threads } from './rondo/settings.js';

/** The systems that need nothing to be installed. */
export const rondoSystem = 'rondo';
export const ceilingSystem = 'ceiling';

const slots = `--threads ${threads} --concurrency ${concurrency}`;
const pair = `Two nodes, each with ${slots} --config scripts/bench/nodes.yaml: front, which the client talks to, and worker, which runs the jobs; one client with one connection, which speaks the line protocol (a second connection, more threads and more slots were tried, and no faster); the handler is a task file, scripts/bench/tasks/noop.mjs, in a worker thread.`;

export const inMemory = 'Rondo, memory, one copy';
export const inMemoryTwice = 'Rondo, memory, two copies';
export const onDisk = 'Rondo, durable, two copies';
/** What `rondo map` asks of nodes with journals. */
const onDiskForgotten = 'Rondo, journals, ttl=0s';
const asStarted = 'Rondo';
const byteRelay = 'bare relay of bytes';
const threadRelay = 'bare relay with a thread';
/** Ceilings that nothing is compared with. */
export const besideCeilings: ReadonlySet<string> = new Set([byteRelay, threadRelay]);

/** What peers and ceilings are compared with: the setting whose promise is nearest to theirs. */
export const comparableRondo: Readonly<Record<WorkloadId, string>> = {
  a: inMemory,
  b: inMemory,
  c: inMemory,
  d: onDisk,
  e: inMemory,
  f: asStarted,
  g: asStarted,
  h: inMemory,
  i: inMemory,
  j: inMemory,
  k: asStarted,
  l: inMemory,
};

const rondo: readonly Contender[] = [
  rondoContender({
    name: inMemory,
    setting: 'memory-1',
    workloads: ['a', 'b', 'c', 'e', 'h', 'i', 'j', 'l'],
    settings: `${pair} Nodes have --no-journal, jobs ${settings['memory-1'].options}: one node holds the job, and its outcome is told once. e: rondo map from a file to a file, over both nodes. h: so many nodes, any of which may run a job; 10 slots each for jobs that wait. i: one node for each length of the queue; it is warmed by what is measured. j: such a pair for each turn, with or without --key-file. l: --threads 1 and 2, 16 in flight.`,
  }),
  rondoContender({
    name: inMemoryTwice,
    setting: 'memory-2',
    workloads: ['a', 'b', 'c'],
    settings:
      'The same nodes with --no-journal, jobs without options: two nodes hold the job before it is acknowledged, and its outcome before it is told, for an hour.',
  }),
  rondoContender({
    name: onDisk,
    setting: 'durable-2',
    workloads: ['d'],
    settings:
      'The same nodes with journals, jobs without options, which is what nodes do by themselves: two nodes have the job on disk, synced, before it is acknowledged, and its outcome before it is told.',
  }),
  rondoContender({
    name: onDiskForgotten,
    setting: 'durable-2',
    workloads: ['e'],
    settings:
      'The same nodes with journals, and rondo map as it is, which asks with ttl=0s: nobody is to keep an outcome, so a line that is done at once ends before its job is copied or written to a disk. One that takes longer is on two.',
  }),
  rondoContender({
    name: asStarted,
    setting: 'memory-1',
    workloads: ['f', 'g', 'k'],
    settings:
      'f: three nodes, 100 subscribers spread over them, in two processes. g: two nodes, chunks of 64 KiB from an async generator. k: eight nodes with journals and no options, the median of them.',
  }),
];

const ceilings: readonly Contender[] = [
  ceilingContender(
    'bare relay',
    ['a', 'b', 'f', 'g'],
    'a, b: client, router and worker, three Node processes: lines of JSON to the router, frames of msgpack between it and the worker, gathered in each turn of the event loop; the path of a Rondo job with no work in it. f, g: a process that copies bytes to sockets and does not look at them.',
  ),
  ceilingContender(
    byteRelay,
    ['a', 'b'],
    'The same three processes, but the router looks at no more of a line than its number: only the client and the worker parse JSON. What Rondo is compared with is the other one.',
    'bytes',
  ),
  ceilingContender(
    threadRelay,
    ['a', 'b'],
    'The bare relay, but its worker hands each job to a thread and has the answer from there, a batch of them in each turn: two hops more, as with Rondo, whose handlers are in threads. What Rondo is compared with is the relay without.',
    'thread',
  ),
  ceilingContender(
    'bare keeper',
    ['c'],
    'A Node process that keeps each line in a Map and says so to the client: one process, where Rondo with two copies takes two.',
  ),
  ceilingContender(
    'bare append and fdatasync',
    ['d'],
    'One process, records of 300 bytes appended to a file, 1,000 of them a sync, and no client.',
  ),
  ceilingContender(
    'bare Node',
    ['k', 'l'],
    'k: node -e 0 from its start to its end, and a process that waits for a timer. l: as many worker threads that hash in a loop, with nobody to ask them.',
  ),
];

/** Rondo and what bounds it. */
export const own: readonly Contender[] = [...ceilings, ...rondo];

function rondoContender({
  setting,
  ...contender
}: Omit<Contender, 'system' | 'command'> & { readonly setting: SettingName }): Contender {
  return { system: rondoSystem, ...contender, command: commandOf('rondo', setting) };
}

function ceilingContender(
  name: string,
  workloads: readonly WorkloadId[],
  text: string,
  setting = 'bare',
): Contender {
  return { system: ceilingSystem, name, workloads, settings: text, command: commandOf('ceiling', setting) };
}

function commandOf(program: string, setting: string): Contender['command'] {
  const path = fileURLToPath(new URL(`./${program}.js`, import.meta.url));
  return (workload, isQuick) => ({
    file: process.execPath,
    args: [path, workload, setting, ...(isQuick ? ['--quick'] : [])],
  });
}
