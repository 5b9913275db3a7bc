import { type Pace, rounded } from '../../contender-process.js';
import { tellFigure } from '../../figures.js';
import { flood } from '../../streams.js';
import { settings, startPair } from './settings.js';

export const warmUpBytes = 128_000_000;

/** What one stream carries in the time of a measurement on a machine of today, roughly. */
export function streamBytes({ isQuick }: Pace): number {
  return isQuick ? 300_000_000 : 1_000_000_000;
}

/** g: chunks of 64 KiB from a handler on one node through another one to a client. */
export async function measureStream(_: string, pace: Pace): Promise<void> {
  const { cluster, front } = await startPair(settings['memory-1']);
  try {
    await flood(front, warmUpBytes);
    tellStream(await flood(front, streamBytes(pace)), 'one stream');
  } finally {
    await cluster.stop();
  }
}

export function tellStream(megabytesPerSecond: number, row: string): void {
  tellFigure({ workload: 'g', row, metric: 'rate', unit: 'MB/s', value: rounded(megabytesPerSecond) });
}
