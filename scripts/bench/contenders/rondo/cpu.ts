import { type Pace, tellRate } from '../../contender-process.js';
import { lineTarget } from '../../line-target.js';
import { measureThroughput } from '../../load.js';
import { hashAnswers, hashesInFlight, seedOf } from '../../target.js';
import { processesOf, type Setting, settingOf, startPair } from './settings.js';

export const threadCounts = [1, 2];

export function threadRow(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`;
}

/** l: SHA-256 of 1 MB, in so many threads of one node. */
export async function measureHashes(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  for (const threads of threadCounts) await measureThreads(threads, setting, pace);
}

async function measureThreads(threads: number, setting: Setting, pace: Pace): Promise<void> {
  const args = ['--threads', String(threads), '--concurrency', String(hashesInFlight)];
  const { cluster, front } = await startPair(setting, { args });
  const answers = hashAnswers().map((hash) => JSON.stringify(hash));
  const target = lineTarget({
    name: 'Rondo',
    client: front.client,
    processes: processesOf(cluster),
    request: `RUN hash node=worker ${setting.options}`,
    argumentsOf: (n) => `{"seed":${seedOf(n)}}`,
    check: (n, text) => {
      if (text !== answers[seedOf(n)]) throw new Error(`a wrong hash for the seed ${seedOf(n)}: ${text}`);
    },
    stop: () => cluster.stop(),
  });
  try {
    tellRate(
      { workload: 'l', row: threadRow(threads) },
      await measureThroughput(target, { inFlight: hashesInFlight, ...pace }),
    );
  } finally {
    await target.stop();
  }
}
