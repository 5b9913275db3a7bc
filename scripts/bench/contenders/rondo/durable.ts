import { type Pace, tellLatency, tellRate } from '../../contender-process.js';
import { measureLatency } from '../../load.js';
import { measureEnqueuing, submitTarget } from './enqueue.js';
import { type Pair, runTarget, settingOf, startPair } from './settings.js';

/** A job a time, and each waits for disks. */
const warmUpJobs = 500;
const warmUpJobsQuick = 100;

/** d: jobs that two nodes have on disk, synced, before they are acknowledged; and their outcomes before they are told. */
export async function measureDurableJobs(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  const endToEnd = async (pair: Pair): Promise<void> => {
    const throughput = await measureEnqueuing(runTarget(pair, setting), pace);
    tellRate({ workload: 'd', row: 'end to end' }, throughput);
    const target = runTarget(pair, setting);
    try {
      const options = {
        warmUpJobs: pace.isQuick ? warmUpJobsQuick : warmUpJobs,
        measureMs: pace.measureMs,
      };
      tellLatency({ workload: 'd', row: 'end to end, one at a time' }, await measureLatency(target, options));
    } finally {
      await target.stop();
    }
  };
  const enqueue = async (pair: Pair): Promise<void> => {
    const throughput = await measureEnqueuing(submitTarget(pair, setting), pace);
    tellRate({ workload: 'd', row: 'enqueue' }, throughput);
  };
  // What waits from the one would be in the journals of the other; a quick run has it so.
  const parts = pace.isQuick
    ? [(pair: Pair) => endToEnd(pair).then(() => enqueue(pair))]
    : [enqueue, endToEnd];
  for (const part of parts) {
    const pair = await startPair(setting);
    try {
      await part(pair);
    } finally {
      await pair.cluster.stop();
    }
  }
}
