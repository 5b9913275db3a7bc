import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from '../../test/support/cluster.js';
import { cpuMs, residentMiB } from './proc.js';
import { median } from './summary.js';

/** What nodes cost that do nothing. */
export interface IdleReport {
  readonly nodes: number;
  readonly readyMs: Spread;
  /** What `node -e 0` takes from its start to its end, measured beside the starts of the nodes. */
  readonly bareNodeMs: Spread;
  readonly residentMiB: Spread;
  readonly cpuPercent: Spread;
}

export interface Spread {
  readonly median: number;
  readonly most: number;
}

/** For some ten seconds V8 tidies up after a start: that is no node's idling. */
const settleMsDefault = 12_000;
const bareRuns = 9;

/** Lets the nodes settle, then watches them for this long. */
export async function measureIdle(
  nodes: number,
  watchMs: number,
  settleMs = settleMsDefault,
): Promise<IdleReport> {
  const bareNodeMs = spread(Array.from({ length: bareRuns }, bareStartMs));
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
      bareNodeMs,
      readyMs: spread(cluster.nodes.map(({ readyMs }) => readyMs)),
      residentMiB: spread(pids.map(residentMiB)),
      cpuPercent: spread(pids.map((pid, index) => ((cpuMs(pid) - (before[index] ?? 0)) / elapsedMs) * 100)),
    };
  } finally {
    await cluster.stop();
  }
}

/** What a process takes that does nothing at all. */
export function bareStartMs(): number {
  const startedAtMs = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return performance.now() - startedAtMs;
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), most: Math.max(...values) };
}
