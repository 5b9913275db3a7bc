import { setTimeout as delay } from 'node:timers/promises';
import type { Pace } from '../contender-process.js';
import type { BenchTarget } from '../target.js';
import { cpuMeter, tell } from './peer-measures.js';

/** So long all lines may take. Then the figure is of those that have been answered. */
const limitMs = 45_000;
const linesOfAll = 100_000;
const turnLines = 1_000;
const warmUpLines = 1_000;
const lookIntervalMs = 5;

/** Workload e: a job for each line, all given over as fast as they are taken; ends when all are answered. */
export async function measureLines(target: BenchTarget, { isQuick }: Pace): Promise<void> {
  const lines = isQuick ? linesOfAll / 10 : linesOfAll;
  let answered = 0;
  let fault: Error | null = null;
  target.onAnswer = () => {
    answered++;
  };
  target.onFault = (error) => {
    fault ??= error;
  };
  const run = async (from: number, end: number): Promise<void> => {
    const deadlineMs = performance.now() + limitMs;
    for (let n = from; n < end; n++) {
      target.send(n);
      // Answers come meanwhile.
      if (n % turnLines === 0) await new Promise(setImmediate);
    }
    while (answered < end && fault === null && performance.now() < deadlineMs) await delay(lookIntervalMs);
    if (fault !== null) throw fault;
  };

  await run(0, warmUpLines);
  const readCpu = cpuMeter({
    client: process.pid,
    ...Object.fromEntries(target.processes.map(({ name, pid }) => [name, pid])),
  });
  const startedAtMs = performance.now();
  await run(warmUpLines, warmUpLines + lines);
  const elapsedMs = performance.now() - startedAtMs;
  const done = answered - warmUpLines;
  if (done < lines)
    process.stderr.write(`ended after ${limitMs / 1_000} s, with ${done} of ${lines} lines answered\n`);
  tell({
    workload: 'e',
    // A row of its own: this is no figure of all lines.
    row: done < lines ? `100000 lines, ended after ${limitMs / 1_000} s` : '100000 lines',
    metric: 'rate',
    unit: 'jobs/s',
    value: (done / elapsedMs) * 1_000,
    cpuMicros: readCpu(done),
  });
}
