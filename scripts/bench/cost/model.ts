import { defaultJobsConfig } from '../../../src/core/jobs/config.js';
import { defaultLinksConfig } from '../../../src/core/links/config.js';
import { median } from '../summary.js';
import type { CostFigures, PathFigures, SizeFigures } from './figures.js';

/** What a cluster promises of a job: where it is before it is acknowledged. */
export const promises = ['memory, one copy', 'memory, two copies', 'durable, two copies'] as const;
export type Promised = (typeof promises)[number];

/** The sizes of cluster that the model speaks of; each is simulated, so that nothing is read between two others. */
export const modelledSizes = [1, 10, 1_000] as const;

/** Processor time of a job, in µs: F and W of the page. */
export interface JobMicros {
  readonly front: number;
  readonly worker: number;
}

const microsPerSecond = 1_000_000;
/** The size of which `npm run bench` measures what an idle node takes. */
const idleNodes = 8;
/** A node with more than 64 MiB of jobs lets its heap grow by so much before it collects (`node/idle-collection`). */
export const heapGrowth = 1.4;

/** What a job costs under a promise, measured with processes. */
export function jobMicros(figures: CostFigures, promise: Promised): JobMicros {
  const { memory, memoryTwice, durable } = figures.processes;
  const costs = {
    'memory, one copy': memory,
    'memory, two copies': memoryTwice,
    'durable, two copies': durable,
  };
  const { frontMicros, workerMicros } = costs[promise];
  return { front: frontMicros, worker: workerMicros };
}

/** What a multiple on the page is a multiple of: one for all paths, as what each run took for it differs by chance. */
export function yardstickMicros({ paths }: CostFigures): number {
  return median(paths.map((path) => path.yardstickMicros));
}

export function pathOf({ paths }: CostFigures, way: string): PathFigures {
  const path = paths.find((each) => each.way === way);
  if (path === undefined) throw new Error(`there are no figures of ${way}`);
  return path;
}

/** What processes take of a job beyond its path: sockets, threads, garbage collection. */
export function outsideMicros(figures: CostFigures): number {
  const { front, worker } = jobMicros(figures, 'memory, one copy');
  return front + worker - pathOf(figures, 'memory, one copy').micros;
}

/**
 * x: what an idle node takes in a second beyond the core that decides, from one of a cluster of eight. Timers, collections and the messages' sockets: how
 * it is divided among them isn't known, and hardly matters, as a node of a thousand has few more messages than one of eight.
 */
export function baseMicros(figures: CostFigures): number {
  const { coreMicros } = sizeOf(figures, idleNodes);
  const idleMicros = (figures.processes.idlePercent / 100) * microsPerSecond;
  return Math.max(0, idleMicros - coreMicros);
}

/** s: the part of a core that a node takes with no job, from 0 to 1. */
export function idleShare(figures: CostFigures, nodes: number): number {
  const coreMicros = nodes === 1 ? 0 : sizeOf(figures, nodes).coreMicros;
  return (baseMicros(figures) + coreMicros) / microsPerSecond;
}

/** How much more messages a node of so many has than one of the cluster whose idle nodes were measured. */
export function messagesFactor(figures: CostFigures, nodes: number): number {
  return sizeOf(figures, nodes).messages / sizeOf(figures, idleNodes).messages;
}

export function sizeOf({ sizes }: CostFigures, nodes: number): SizeFigures {
  const size = sizes.find((each) => each.nodes === nodes);
  if (size === undefined) throw new Error(`there are no figures of ${nodes} nodes`);
  return size;
}

/** Jobs a second where clients talk to all nodes alike, and all run jobs; null where the promise takes two nodes. */
export function rateOverAll(figures: CostFigures, promise: Promised, nodes: number): number | null {
  if (nodes === 1 && promise !== 'memory, one copy') return null;
  const { front, worker } = jobMicros(figures, promise);
  return (nodes * freeMicros(figures, nodes)) / (front + worker);
}

/** Jobs a second where all clients talk to one node, and the others run the jobs; and which of them is the limit. */
export function rateThroughOne(
  figures: CostFigures,
  promise: Promised,
  nodes: number,
): { readonly jobsPerSecond: number; readonly limit: 'front' | 'workers' } | null {
  if (nodes === 1) return null;
  const { front, worker } = jobMicros(figures, promise);
  const free = freeMicros(figures, nodes);
  const [byFront, byWorkers] = [free / front, ((nodes - 1) * free) / worker];
  return byFront <= byWorkers
    ? { jobsPerSecond: byFront, limit: 'front' }
    : { jobsPerSecond: byWorkers, limit: 'workers' };
}

/** µs of a core and second that are left to jobs. */
function freeMicros(figures: CostFigures, nodes: number): number {
  return microsPerSecond * (1 - idleShare(figures, nodes));
}

/** Jobs a second of a node whose front cost no more than its steps on the path: what lies within the code of a job, and nothing around it. */
export function frontRateOfPath(figures: CostFigures): number {
  const { steps } = pathOf(figures, 'memory, one copy');
  const own = steps.filter(({ step }) => step.startsWith('front:'));
  return microsPerSecond / own.reduce((sum, { micros }) => sum + micros, 0);
}

/** Bytes of a node's memory for so many jobs queued over so many nodes: what its heap is with them before it is collected. */
export function queueBytes(figures: CostFigures, jobs: number, nodes: number): number {
  const { ownerBytes, holderBytes } = figures.memory.queued;
  const copies = nodes === 1 ? ownerBytes : ownerBytes + holderBytes;
  return (heapGrowth * copies * jobs) / nodes;
}

/** Jobs of 100 bytes that one node may own at once: by their number, or by what is counted of each. */
export function queuedMax({ memory }: CostFigures): number {
  const { queueLengthMax, queueBytesMax } = defaultJobsConfig;
  return Math.min(queueLengthMax, Math.floor(queueBytesMax / memory.queued.ownerCounted));
}

/** Bytes of a node's heap for all others that it knows. */
export function memberListBytes({ memory }: CostFigures, nodes: number): number {
  return memory.member.bytes * (nodes - 1);
}

/** g: durable jobs that one commit has to gather, or the disk and not a processor is the limit of a node. */
export function jobsPerCommit(figures: CostFigures): number {
  const { front, worker } = jobMicros(figures, 'durable, two copies');
  return microsPerSecond / Math.max(front, worker) / figures.disk.syncsPerSecond;
}

/** The least that a durable job takes by itself, in ms: it is synced before it is acknowledged, and so is its outcome. */
export function durableLeastMs({ disk }: CostFigures): number {
  return (2 * 1_000) / disk.syncsPerSecond;
}

/** Links that a node of a sparse mesh keeps in the long run, those for work among them; in a full one, one to each other node. */
export function linksKept(nodes: number): number {
  const { meshLinksMax, gossipLinksMax, demandLinksMax } = defaultLinksConfig;
  return nodes - 1 <= meshLinksMax ? nodes - 1 : gossipLinksMax + demandLinksMax;
}

/** The part of the holders that a job of a sparse mesh may have, drawn from all nodes, to whom its owner has a link. */
export function linkedPart(nodes: number): number {
  return linksKept(nodes) / (nodes - 1);
}
