import { type Pace, rounded } from '../../contender-process.js';
import { tellFigure } from '../../figures.js';
import { measureThroughput, type Throughput } from '../../load.js';
import { flood } from '../../streams.js';
import { runTarget, type Setting, settingOf, startPair, withPair } from './settings.js';
import { streamBytes, warmUpBytes } from './stream.js';

const inFlight = 1_000;
/** Each twice, so that a machine that gets slower or faster meanwhile favours neither; a quick run has each once. */
const turns = ['plain', 'TLS', 'TLS', 'plain'] as const;
type Way = (typeof turns)[number];

/**
 * j: the jobs of workload a, and the stream of g, through nodes with and without a key. Each turn has two nodes of its own, as those workloads have:
 * what others ran before, or have open, is not to slow them.
 */
export async function measureTls(settingName: string, pace: Pace): Promise<void> {
  const setting = settingOf(settingName);
  const jobs: Record<Way, Throughput[]> = { plain: [], TLS: [] };
  const ways = pace.isQuick ? turns.slice(0, 2) : turns;
  for (const way of ways) jobs[way].push(await jobsOf(way, setting, pace));
  for (const [way, those] of Object.entries(jobs))
    tellFigure({
      workload: 'j',
      row: `jobs, ${way}`,
      metric: 'rate',
      unit: 'jobs/s',
      value: rounded(mean(those.map(({ jobsPerSecond }) => jobsPerSecond))),
      cpuMicros: meanShares(those),
    });
  const streams: Record<Way, number[]> = { plain: [], TLS: [] };
  for (const way of ways) streams[way].push(await streamOf(way, setting, pace));
  for (const [way, rates] of Object.entries(streams))
    tellFigure({
      workload: 'j',
      row: `a stream, ${way}`,
      metric: 'rate',
      unit: 'MB/s',
      value: rounded(mean(rates)),
    });
}

function jobsOf(way: Way, setting: Setting, { warmUpMs, measureMs }: Pace): Promise<Throughput> {
  return withPair(startPair(setting, { tls: way === 'TLS' }), async (pair) => {
    const target = runTarget(pair, setting);
    try {
      return await measureThroughput(target, { inFlight, warmUpMs, measureMs: measureMs / 2 });
    } finally {
      await target.stop();
    }
  });
}

function streamOf(way: Way, setting: Setting, pace: Pace): Promise<number> {
  return withPair(startPair(setting, { tls: way === 'TLS' }), async ({ front }) => {
    await flood(front, warmUpBytes);
    return flood(front, streamBytes(pace) / 2);
  });
}

function meanShares(those: readonly Throughput[]): Record<string, number> {
  const names = those[0]?.cpuMicrosPerJob.map(({ name }) => name) ?? [];
  return Object.fromEntries(
    names.map((name, index) => [
      name,
      rounded(mean(those.map(({ cpuMicrosPerJob }) => cpuMicrosPerJob[index]?.micros ?? Number.NaN))),
    ]),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
