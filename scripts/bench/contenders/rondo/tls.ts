import { type Pace, rounded } from '../../contender-process.js';
import { tellFigure } from '../../figures.js';
import { measureThroughput } from '../../load.js';
import { flood } from '../../streams.js';
import { type Pair, runTarget, type Setting, settingOf, startPair } from './settings.js';
import { streamBytes } from './stream.js';

const inFlight = 1_000;
const warmUpBytes = 128_000_000;

/** j: the same jobs, and the same stream, through nodes with and without a key. Both pairs are there all the time and have their turns: plain, TLS, TLS, plain. */
export async function measureTls(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  const pairs: Pair[] = [];
  try {
    const plain = await startPair(setting);
    pairs.push(plain);
    const tls = await startPair(setting, { tls: true });
    pairs.push(tls);
    const turns = [plain, tls, tls, plain];
    await measureTurns(turns, plain, 'jobs', 'jobs/s', (pair) => jobsOf(pair, setting, pace));
    for (const pair of pairs) await flood(pair.front, warmUpBytes);
    await measureTurns(turns, plain, 'a stream', 'MB/s', ({ front }) => flood(front, streamBytes(pace) / 2));
  } finally {
    for (const { cluster } of pairs) await cluster.stop();
  }
}

async function measureTurns(
  turns: readonly Pair[],
  plain: Pair,
  what: string,
  unit: string,
  measure: (pair: Pair) => Promise<number>,
): Promise<void> {
  const rates = { plain: 0, TLS: 0 };
  for (const pair of turns)
    rates[pair === plain ? 'plain' : 'TLS'] += (2 * (await measure(pair))) / turns.length;
  for (const [how, rate] of Object.entries(rates))
    tellFigure({ workload: 'j', row: `${what}, ${how}`, metric: 'rate', unit, value: rounded(rate) });
}

async function jobsOf(pair: Pair, setting: Setting, { warmUpMs, measureMs }: Pace): Promise<number> {
  const target = runTarget(pair, setting);
  try {
    const options = { inFlight, warmUpMs, measureMs: measureMs / 2 };
    return (await measureThroughput(target, options)).jobsPerSecond;
  } finally {
    await target.stop();
  }
}
