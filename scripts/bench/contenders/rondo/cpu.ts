import { type Pace, tellRate } from '../../contender-process.js';
import { lineTarget } from '../../line-target.js';
import { measureThroughput } from '../../load.js';
import { hashOf } from '../../target.js';
import { processesOf, type Setting, settingOf, startPair } from './settings.js';

export const threadCounts = [1, 2];
/** A thread never waits for the next job, and none waits for long. */
const inFlight = 16;
/** The right answers are known before: to work them out here would take the processor from those that are measured. */
const seeds = 16;

export function threadRow(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`;
}

/** l: SHA-256 of 1 MB, in so many threads of one node. */
export async function measureHashes(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  for (const threads of threadCounts) await measureThreads(threads, setting, pace);
}

async function measureThreads(threads: number, setting: Setting, pace: Pace): Promise<void> {
  const args = ['--threads', String(threads), '--concurrency', String(inFlight)];
  const { cluster, front } = await startPair(setting, { args });
  const answers = Array.from({ length: seeds }, (_, seed) => JSON.stringify(hashOf(seed)));
  const target = lineTarget({
    name: 'Rondo',
    client: front.client,
    processes: processesOf(cluster),
    request: `RUN hash node=worker ${setting.options}`,
    argumentsOf: (n) => `{"seed":${n % seeds}}`,
    check: (n, text) => {
      if (text !== answers[n % seeds]) throw new Error(`a wrong hash for the seed ${n % seeds}: ${text}`);
    },
    stop: () => cluster.stop(),
  });
  try {
    tellRate(
      { workload: 'l', row: threadRow(threads) },
      await measureThroughput(target, { inFlight, ...pace }),
    );
  } finally {
    await target.stop();
  }
}
