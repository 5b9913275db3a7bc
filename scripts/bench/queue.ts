import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Cluster, requestJson, startCluster } from '../../test/support/cluster.js';
import type { ClusterNode } from '../../test/support/cluster-node.js';
import { parseAddress } from '../../test/support/line-connection.js';
import { lineWriter, readLines } from './gathered.js';
import { residentMiB } from './proc.js';

/** What one node with a long queue costs, and how fast it goes on. */
export interface QueueReport {
  readonly jobs: number;
  readonly empty: Rates;
  /** The first tenth of the jobs, and the last. */
  readonly submitFirst: number;
  readonly submitLast: number;
  readonly full: Rates;
  readonly memory: NodeMemory;
}

/** Jobs a second, 1,000 in flight. */
export interface Rates {
  readonly run: number;
}

export interface NodeMemory {
  readonly residentMiB: number;
  readonly anonymousMiB: number;
  /** Pages of files that are mapped: code, and LMDB's file. They are the system's to take back. */
  readonly fileMiB: number;
}

/** 200 bytes of JSON. */
export const queuedArguments = JSON.stringify({ path: 'x'.repeat(200 - '{"path":""}'.length) });
const inFlight = 1_000;
/** Some seconds of them: in a single one, one collection of the long queue would decide. */
const measuredRuns = 200_000;
/** V8 gives memory back only some seconds after the last job. */
const settleMs = 20_000;
/** A tag that no node has: jobs that ask for it are queued, and stay. */
export const nowhere = 'on=queue=none';

/** One node with so many jobs, the 1,000 that are in flight to be run among them. */
export async function measureQueue(jobs: number, isJournaled: boolean): Promise<QueueReport> {
  const journal = isJournaled ? [] : ['--no-journal'];
  const cluster = await startCluster({
    nodes: 1,
    args: ['--log-level', 'warn', '--concurrency', '256', ...journal],
  });
  const [node] = cluster.nodes as [ClusterNode];
  try {
    const promise = isJournaled ? 'copies=1 durable=yes' : 'copies=1 durable=no';
    // Code is compiled by this.
    await rateOf(node, `RUN echo ttl=0s ${promise}`, measuredRuns);
    const empty = { run: await rateOf(node, `RUN echo ttl=0s ${promise}`, measuredRuns) };
    const submit = `SUBMIT echo ${nowhere} ${promise}`;
    // The limit of a node is a million: there has to be room for those that run.
    const queued = jobs - inFlight;
    const part = Math.ceil(queued / 10);
    const submitFirst = await rateOf(node, submit, part);
    await rateOf(node, submit, queued - 2 * part);
    const submitLast = await rateOf(node, submit, part);
    const full = { run: await rateOf(node, `RUN echo ttl=0s ${promise}`, measuredRuns) };
    await delay(settleMs);
    return { jobs, empty, submitFirst, submitLast, full, memory: memoryOf(node.pid) };
  } finally {
    await cluster.stop();
  }
}

/** How long a node takes to be ready with so many jobs in its journal, in ms. */
export async function measureRestart(
  jobs: number,
): Promise<{ readonly emptyMs: number; readonly readyMs: number }> {
  const cluster: Cluster = await startCluster({ nodes: 1, args: ['--log-level', 'warn'] });
  const [node] = cluster.nodes as [ClusterNode];
  try {
    const emptyMs = node.readyMs;
    await rateOf(node, `SUBMIT echo ${nowhere} copies=1 durable=yes`, jobs);
    node.kill('SIGKILL');
    await node.ended;
    const again = await cluster.restart(node);
    const found = await countOf(again);
    if (found < Math.min(jobs, 1_000)) throw new Error(`after the restart ${found} jobs are there`);
    return { emptyMs, readyMs: again.readyMs };
  } finally {
    await cluster.stop();
  }
}

async function countOf(node: ClusterNode): Promise<number> {
  return (await requestJson<unknown[]>(node, 'JOBS limit=1000')).length;
}

/** Sends so many requests, `inFlight` of them on their way, and gives how many were answered with OK a second. */
export function rateOf(node: ClusterNode, request: string, count: number): Promise<number> {
  return rateOfLines(node, count, { lineOf: () => `${request} ${queuedArguments}` });
}

export interface Lines {
  /** The request of this number, from 1 on. */
  readonly lineOf: (number: number) => string;
  /** What was answered behind OK. */
  readonly onAnswer?: (text: string) => void;
}

export function rateOfLines(node: ClusterNode, count: number, { lineOf, onAnswer }: Lines): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...parseAddress(node.client), noDelay: true });
    const write = lineWriter(socket);
    const startedAtMs = performance.now();
    let sent = 0;
    let answered = 0;
    const send = (): void => {
      if (sent < count) write(`@${++sent} ${lineOf(sent)}`);
    };
    readLines(socket, (line) => {
      const reply = /^@\d+ OK ?(.*)$/.exec(line);
      if (reply === null) {
        reject(new Error(`to ${lineOf(1)} and the like a node answered ${line}`));
        socket.destroy();
        return;
      }
      onAnswer?.(reply[1] as string);
      answered++;
      send();
      if (answered < count) return;
      resolve((count * 1000) / (performance.now() - startedAtMs));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the node closed the connection')));
    for (let index = 0; index < inFlight; index++) send();
  });
}

function memoryOf(pid: number): NodeMemory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { residentMiB: residentMiB(pid), anonymousMiB: mib('RssAnon'), fileMiB: mib('RssFile') };
}
