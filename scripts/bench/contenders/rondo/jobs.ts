import { type Pace, tellLatency, tellRate, warm, warmUpJobsOf } from '../../contender-process.js';
import { measureLatency, measureThroughput } from '../../load.js';
import type { BenchTarget } from '../../target.js';
import { runTarget, type Setting, settingOf, startPair } from './settings.js';

/** a: no-op jobs through two nodes. */
export async function measureInFlight(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  const pair = await startPair(setting);
  const measureRow = async (row: string, target: BenchTarget, inFlight: number, own: Pace): Promise<void> =>
    tellRate(
      { workload: 'a', row },
      await measured(target, () => measureThroughput(target, { inFlight, ...own })),
    );
  try {
    await measureRow('1000 in flight', runTarget(pair, setting), 1_000, pace);
    await measureRow('256 in flight', runTarget(pair, setting), 256, warm(pace));
    if (!hasKeys(setting, pace)) return;
    const keyed = runTarget(pair, setting, (n) => `in-flight-${n}`);
    await measureRow('1000 in flight, each with a key', keyed, 1_000, pace);
  } finally {
    await pair.cluster.stop();
  }
}

/** b: the same, one at a time. */
export async function measureOneAtATime(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  const pair = await startPair(setting);
  const options = { warmUpJobs: warmUpJobsOf(pace), measureMs: pace.measureMs };
  const measureRow = async (row: string, target: BenchTarget): Promise<void> =>
    tellLatency({ workload: 'b', row }, await measured(target, () => measureLatency(target, options)));
  try {
    await measureRow('one at a time', runTarget(pair, setting));
    if (!hasKeys(setting, pace)) return;
    await measureRow(
      'one at a time, each with a key',
      runTarget(pair, setting, (n) => `one-${n}`),
    );
  } finally {
    await pair.cluster.stop();
  }
}

/** Only where outcomes are kept, as a job that is not is not found by its key either. */
function hasKeys({ options }: Setting, { isQuick }: Pace): boolean {
  return options === '' && !isQuick;
}

/** Closes the target's connection afterwards. */
async function measured<Result>(target: BenchTarget, measure: () => Promise<Result>): Promise<Result> {
  try {
    return await measure();
  } finally {
    await target.stop();
  }
}
