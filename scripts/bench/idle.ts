import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from '../../test/support/cluster.js';
import { cpuMs, residentMiB } from './proc.js';

/** What nodes cost that do nothing. */
export interface IdleReport {
  readonly nodes: number;
  readonly readyMs: Spread;
  readonly residentMiB: Spread;
  readonly cpuPercent: Spread;
}

export interface Spread {
  readonly median: number;
  readonly most: number;
}

const settleMs = 3_000;

/** Lets the nodes settle, then watches them for this long. */
export async function measureIdle(nodes: number, watchMs: number): Promise<IdleReport> {
  const cluster = await startCluster({ nodes });
  try {
    await delay(settleMs);
    const pids = cluster.nodes.map(({ pid }) => pid);
    const before = pids.map(cpuMs);
    const startedAtMs = performance.now();
    await delay(watchMs);
    const elapsedMs = performance.now() - startedAtMs;
    return {
      nodes,
      readyMs: spread(cluster.nodes.map(({ readyMs }) => readyMs)),
      residentMiB: spread(pids.map(residentMiB)),
      cpuPercent: spread(pids.map((pid, index) => ((cpuMs(pid) - (before[index] ?? 0)) / elapsedMs) * 100)),
    };
  } finally {
    await cluster.stop();
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}
