import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineFacts } from '../machine.js';
import { pageDirectory } from '../pages.js';
import type { StepCost } from '../path-cost.js';

/** All that one run has measured and simulated: what the page is made of, and nothing else. */
export interface CostFigures {
  /** When the run began, in UTC. */
  readonly startedAt: string;
  readonly minutes: number;
  readonly machine: MachineFacts;
  readonly paths: readonly PathFigures[];
  readonly processes: ProcessFigures;
  readonly memory: MemoryFigures;
  readonly sizes: readonly SizeFigures[];
  readonly reach: readonly ReachFigures[];
  readonly disk: DiskFigures;
}

/** What a job costs on its way through two nodes in one process, without sockets, threads and disks. */
export interface PathFigures {
  readonly way: string;
  /** What stands before the arguments. */
  readonly request: string;
  readonly micros: number;
  /** What it takes to parse the arguments and write them again, in the same run. */
  readonly yardstickMicros: number;
  /** The median of the quotients of each round, which is not the quotient of the medians. */
  readonly ratio: number;
  /** Taken from the heap, of both nodes. */
  readonly bytes: number;
  /** Between the nodes, both ways. */
  readonly wireBytes: number;
  readonly steps: readonly StepCost[];
}

/** What `npm run bench` had measured with real processes. */
export interface ProcessFigures {
  readonly startedAt: string;
  readonly isQuick: boolean;
  readonly commit: string | null;
  readonly memory: ProcessCost;
  readonly memoryTwice: ProcessCost;
  readonly durable: ProcessCost;
  /** Percent of a core that one of eight idle nodes takes. */
  readonly idlePercent: number;
  /** No-op jobs that one of so many nodes is given, all of them and the client on this one machine. */
  readonly onOneMachine: readonly SharedCores[];
}

export interface SharedCores {
  readonly nodes: number;
  readonly jobsPerSecond: number;
  /** A job, of the client and all nodes together. */
  readonly cpuMicros: number;
}

/** Processor time of whole processes for one job, in µs, and how many jobs a second that was. */
export interface ProcessCost {
  readonly row: string;
  readonly jobsPerSecond: number;
  readonly frontMicros: number;
  readonly workerMicros: number;
}

export interface MemoryFigures {
  readonly queued: JobMemory;
  readonly kept: JobMemory;
  readonly member: MemberMemory;
}

/** Heap bytes a job, after a collection, and what the node's own count says, which its limits are held against. */
export interface JobMemory {
  readonly jobs: number;
  readonly ownerBytes: number;
  readonly ownerCounted: number;
  readonly holderBytes: number;
  readonly holderCounted: number;
}

export interface MemberMemory {
  readonly members: number;
  /** Heap bytes of one node for each other one that it knows. */
  readonly bytes: number;
  /** In a message with whole records. */
  readonly wireBytes: number;
}

/** A cluster of so many nodes in which nothing happens, then joins and deaths; simulated. Times are medians of the seeds. */
export interface SizeFigures {
  readonly nodes: number;
  readonly seeds: number;
  /** A node and second. */
  readonly messages: number;
  readonly bytes: number;
  /** Links of a node, the mean. */
  readonly links: number;
  /** Processor time of this machine a node and second, the simulated network's share included. */
  readonly coreMicros: number;
  /** Until all know; null where it wasn't simulated. */
  readonly changeMs: number | null;
  readonly joinMs: number | null;
  readonly killMs: number | null;
  readonly hangMs: number | null;
}

/** Jobs with two copies that nodes of a cluster are given at an even pace, simulated: when they are acknowledged. */
export interface ReachFigures {
  readonly nodes: number;
  /** So many of them are given jobs. */
  readonly fronts: number;
  /** Of all of those together. */
  readonly jobsPerSecond: number;
  readonly jobs: number;
  readonly acknowledged: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one of those, at the end. */
  readonly links: number;
}

export interface DiskFigures {
  /** fdatasync after 4 KiB appended, one after the other. */
  readonly syncsPerSecond: number;
  readonly syncs: number;
}

export const figuresPath = join(pageDirectory, 'cost-model.json');
export const pagePath = join(pageDirectory, 'COST-MODEL.md');

export function readFigures(path: string = figuresPath): CostFigures {
  return JSON.parse(readFileSync(path, 'utf8')) as CostFigures;
}

/** Five digits: more would be noise, and a change of each figure. */
export function writtenFigures(figures: CostFigures): string {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
  return `${JSON.stringify(figures, rounded, 2)}\n`;
}
