import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { startByteRelay, startKeeper, startRelay, startThreadRelay } from '../ceiling.js';
import {
  type Pace,
  rounded,
  runContender,
  tellLatency,
  tellRate,
  warm,
  warmUpJobsOf,
} from '../contender-process.js';
import { measureBareSync } from '../durable.js';
import { tellFigure } from '../figures.js';
import { bareStartMs } from '../idle.js';
import { measureLatency, measureThroughput } from '../load.js';
import { cpuMs, residentMiB } from '../proc.js';
import { measureRelayStream } from '../streams.js';
import { median } from '../summary.js';
import type { BenchTarget } from '../target.js';
import { measureRelayTopics } from '../topics.js';
import { threadCounts, threadRow } from './rondo/cpu.js';
import { tellIdle } from './rondo/idle.js';
import { streamBytes, tellStream } from './rondo/stream.js';
import { tellTopics, topicsLoad } from './rondo/topics.js';

function relayOf(setting: string): Promise<BenchTarget> {
  if (setting === 'bytes') return startByteRelay();
  return setting === 'thread' ? startThreadRelay() : startRelay();
}

async function measureInFlight(setting: string, pace: Pace): Promise<void> {
  const relay = await relayOf(setting);
  try {
    for (const [inFlight, own] of [
      [1_000, pace],
      [256, warm(pace)],
    ] as const)
      tellRate(
        { workload: 'a', row: `${inFlight} in flight` },
        await measureThroughput(relay, { inFlight, ...own }),
      );
  } finally {
    await relay.stop();
  }
}

async function measureOneAtATime(setting: string, pace: Pace): Promise<void> {
  const relay = await relayOf(setting);
  try {
    const options = { warmUpJobs: warmUpJobsOf(pace), measureMs: pace.measureMs };
    tellLatency({ workload: 'b', row: 'one at a time' }, await measureLatency(relay, options));
  } finally {
    await relay.stop();
  }
}

async function measureKeeping(_: string, pace: Pace): Promise<void> {
  const keeper = await startKeeper();
  try {
    tellRate(
      { workload: 'c', row: 'enqueue' },
      await measureThroughput(keeper, { inFlight: 1_000, ...pace }),
    );
  } finally {
    await keeper.stop();
  }
}

async function measureSync(_: string, { measureMs }: Pace): Promise<void> {
  const value = rounded(measureBareSync(1_000, measureMs));
  tellFigure({ workload: 'd', row: 'enqueue', metric: 'rate', unit: 'jobs/s', value });
}

/** Three times the bytes: bare processes are that much faster. */
async function measureStream(_: string, pace: Pace): Promise<void> {
  tellStream(await measureRelayStream(3 * streamBytes(pace)), 'one stream');
}

async function measureBareNode(_: string, { isQuick }: Pace): Promise<void> {
  const starts = Array.from({ length: isQuick ? 5 : 9 }, bareStartMs);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000_000)'], { stdio: 'ignore' });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const pid = child.pid as number;
  const watchMs = isQuick ? 500 : 5_000;
  await delay(watchMs);
  const before = cpuMs(pid);
  await delay(watchMs);
  tellIdle({
    readyMs: median(starts),
    residentMiB: residentMiB(pid),
    cpuPercent: ((cpuMs(pid) - before) / watchMs) * 100,
  });
}

const hashLoopPath = fileURLToPath(new URL('../hash-loop-thread.js', import.meta.url));

async function measureHashLoops(_: string, { warmUpMs, measureMs }: Pace): Promise<void> {
  for (const threads of threadCounts) {
    const rates = await Promise.all(
      Array.from({ length: threads }, async () => {
        const thread = new Worker(hashLoopPath, { workerData: { warmUpMs, measureMs } });
        return (await once(thread, 'message'))[0] as number;
      }),
    );
    const value = rounded(rates.reduce((sum, rate) => sum + rate, 0));
    tellFigure({ workload: 'l', row: threadRow(threads), metric: 'rate', unit: 'jobs/s', value });
  }
}

await runContender({
  a: measureInFlight,
  b: measureOneAtATime,
  c: measureKeeping,
  d: measureSync,
  f: async (_, pace) => tellTopics(await measureRelayTopics(topicsLoad(pace))),
  g: measureStream,
  k: measureBareNode,
  l: measureHashLoops,
});
