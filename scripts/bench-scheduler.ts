import { performance } from 'node:perf_hooks';
import { createScheduler } from '../src/scheduler/create-scheduler.js';
import { readArguments, type ScriptUsage, wholeNumber, wrongUsage } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'bench-scheduler',
  call: 'node dist/scripts/bench-scheduler.js [ATTEMPTS [IN-FLIGHT [CONCURRENCY [THREADS]]]]',
  text: `
No-op attempts through the scheduler alone (by default 500000, 1000 in flight, that concurrency, one thread). Prints attempts per second
and the CPU time of each, both threads together, as JSON.
`,
};

const { words } = readArguments(usage, {});
if (words.length > 4) wrongUsage(usage, `"${words[4]}" is too much`);
const numberAt = (index: number, name: string, otherwise: number): number =>
  wholeNumber(usage, name, words[index] ?? String(otherwise), name === 'THREADS' ? 0 : 1);
const attempts = numberAt(0, 'ATTEMPTS', 500_000);
const inFlight = numberAt(1, 'IN-FLIGHT', 1_000);
const concurrency = numberAt(2, 'CONCURRENCY', inFlight);
const threads = numberAt(3, 'THREADS', 1);
const args = JSON.stringify({ text: 'x'.repeat(89) });
let started = 0;
let ended = 0;
let finished = () => {};

const scheduler = createScheduler({
  node: 'bench',
  threads,
  concurrency,
  taskDirs: [],
  commands: [],
  memoryMbMax: 256,
  abortGraceMs: 5_000,
  log: () => {},
  listener: {
    attemptStarted() {},
    attemptEnded(_, outcome) {
      if (outcome.type !== 'done') throw new Error(`an attempt ended as ${JSON.stringify(outcome)}`);
      ended++;
      if (started < attempts) startOne();
      else if (ended === attempts) finished();
    },
    attemptChunk() {},
    attemptCall() {},
    attemptProgress() {},
    attemptLog() {},
  },
});

function startOne(): void {
  scheduler.start({
    type: 'start_attempt',
    run: ++started,
    job: `abcdefghijkl-abcde-${started.toString(36)}`,
    attempt: 1,
    task: 'echo',
    args,
    priority: 0,
    isolate: false,
  });
}

await scheduler.load();
const cpuBefore = process.cpuUsage();
const startedAtMs = performance.now();
await new Promise<void>((resolve) => {
  finished = resolve;
  while (started < Math.min(inFlight, attempts)) startOne();
});
const seconds = (performance.now() - startedAtMs) / 1_000;
const { user, system } = process.cpuUsage(cpuBefore);
await scheduler.close();
console.log(
  JSON.stringify({
    attempts,
    inFlight,
    concurrency,
    threads,
    attemptsPerSecond: Math.round(attempts / seconds),
    cpuMicrosecondsPerAttempt: Math.round(((user + system) / attempts) * 100) / 100,
  }),
);
