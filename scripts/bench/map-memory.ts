import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterNode, rondoPath } from '../../test/support/cluster-node.js';
import { residentMiB, residentPeakMiB } from './proc.js';

/** What a process holds, in MiB. */
export interface Memory {
  readonly name: string;
  /** Pages the system has given it: heaps of all threads, code, buffers. */
  readonly residentMiB: number;
  /** Its main heap without the young generation, which fills up and empties all the time. */
  readonly heapMiB: number;
}

export interface MapCost {
  readonly seconds: number;
  readonly clientPeakMiB: number;
}

const clientLookIntervalMs = 20;
const settleLookIntervalMs = 500;
/** Longer than a node takes to find that it is idle, and to collect. */
const steadyMs = 6_000;
const steadyMiB = 1;
const settleTimeoutMs = 60_000;
const restLookIntervalMs = 2_000;
const restTimeoutMs = 120_000;

/** What a node holds now, by /proc and by its own /metrics. */
export async function memoryOf(node: ClusterNode): Promise<Memory> {
  const page = await metricsOf(node);
  let heapBytes = 0;
  for (const [, space, bytes] of page.matchAll(
    /^nodejs_heap_space_size_used_bytes{space="(\w+)"} (\S+)$/gm,
  )) {
    if (!space?.startsWith('new')) heapBytes += Number(bytes);
  }
  return { name: node.name, residentMiB: residentMiB(node.pid), heapMiB: heapBytes / 1024 / 1024 };
}

/** Waits until the nodes hold the same for some seconds, and tells what that is. */
export async function settledMemory(nodes: readonly ClusterNode[]): Promise<Memory[]> {
  const endsAtMs = performance.now() + settleTimeoutMs;
  let steady = await Promise.all(nodes.map(memoryOf));
  let steadySinceMs = performance.now();
  while (performance.now() < endsAtMs && performance.now() - steadySinceMs < steadyMs) {
    await delay(settleLookIntervalMs);
    const now = await Promise.all(nodes.map(memoryOf));
    if (now.every((memory, index) => isNear(memory, steady[index]))) continue;
    steady = now;
    steadySinceMs = performance.now();
  }
  return Promise.all(nodes.map(memoryOf));
}

/** Waits until idle threads have been ended, and then as `settledMemory` does. */
export async function restedMemory(nodes: readonly ClusterNode[]): Promise<Memory[]> {
  const endsAtMs = performance.now() + restTimeoutMs;
  const haveThreads = async (): Promise<boolean> => {
    const pages = await Promise.all(nodes.map(metricsOf));
    return pages.some((page) => !/^rondo_threads 0$/m.test(page));
  };
  while (performance.now() < endsAtMs && (await haveThreads())) await delay(restLookIntervalMs);
  return settledMemory(nodes);
}

/** `rondo map echo` over so many lines of 100 bytes; rejects unless each is answered. */
export async function runMap(
  node: ClusterNode,
  lines: number,
  args: readonly string[] = [],
): Promise<MapCost> {
  const startedAtMs = performance.now();
  const command = ['map', 'echo', '--json-input', '--quiet', '--node', node.client, ...args];
  const child = spawn(process.execPath, [rondoPath, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  let answers = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 10) answers++;
  });
  let clientPeakMiB = 0;
  const look = setInterval(() => {
    clientPeakMiB = Math.max(clientPeakMiB, residentPeakMiB(child.pid as number) || 0);
  }, clientLookIntervalMs);
  const closed = once(child, 'close');
  // A map that ends early breaks its own input; its exit code says why.
  child.stdin.on('error', () => {});
  child.stdin.end(inputOf(lines));
  const [code] = await closed;
  clearInterval(look);
  process.off('exit', endWithUs);
  if (code !== 0 || answers !== lines) throw new Error(`rondo map ended with ${code}, ${answers} answers`);
  return { seconds: (performance.now() - startedAtMs) / 1000, clientPeakMiB };
}

async function metricsOf(node: ClusterNode): Promise<string> {
  return (await fetch(`http://${node.http}/metrics`)).text();
}

function isNear(a: Memory, b: Memory | undefined): boolean {
  return b !== undefined && Math.abs(a.residentMiB - b.residentMiB) < steadyMiB;
}

function inputOf(lines: number): string {
  const text = 'x'.repeat(80);
  return Array.from({ length: lines }, (_, n) => `{"n":${n},"text":"${text}"}\n`).join('');
}
