import { type Pace, rounded } from '../../contender-process.js';
import { tellFigure } from '../../figures.js';
import { measureIdle } from '../../idle.js';

const nodes = 8;

/** k: the median node of eight: how soon it is ready, and what it takes while nothing happens. */
export async function measureIdleNodes(_: string, { isQuick }: Pace): Promise<void> {
  const { readyMs, residentMiB, cpuPercent } = isQuick
    ? await measureIdle(nodes, 2_000, 2_000)
    : await measureIdle(nodes, 15_000);
  tellIdle({ readyMs: readyMs.median, residentMiB: residentMiB.median, cpuPercent: cpuPercent.median });
}

export interface IdleFigures {
  readonly readyMs: number;
  readonly residentMiB: number;
  readonly cpuPercent: number;
}

export function tellIdle({ readyMs, residentMiB, cpuPercent }: IdleFigures): void {
  tellFigure({ workload: 'k', row: 'idle', metric: 'ready', unit: 'ms', value: rounded(readyMs) });
  tellFigure({ workload: 'k', row: 'idle', metric: 'resident', unit: 'MiB', value: rounded(residentMiB) });
  tellFigure({ workload: 'k', row: 'idle', metric: 'cpu', unit: '% of a core', value: rounded(cpuPercent) });
}
