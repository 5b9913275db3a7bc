import { realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type Measure,
  type Pace,
  rounded,
  runContender,
  tellLatency,
  tellRate,
  warm,
  warmUpJobsOf,
} from '../contender-process.js';
import { type Contender, type Figure, tellFigure, type WorkloadId } from '../figures.js';
import { measureLatency, measureThroughput } from '../load.js';
import { cpuMs, residentMiB } from '../proc.js';
import { median } from '../summary.js';
import { type BenchAnswer, type BenchTarget, checkAnswer } from '../target.js';
import { endPrograms, type Program } from './peer-programs.js';

/** Most take a quarter of it. A measurement that takes longer has gone wrong. */
const limitMs = 90_000;

export interface PeerProcess {
  readonly measurements: Readonly<Partial<Record<WorkloadId, Measure>>>;
  /** What else the file is run for, by `startRole`. */
  readonly roles?: Readonly<Record<string, (args: readonly string[]) => unknown>>;
}

/** The command that measures one setting of the contender whose file says this. */
export function commandOf(url: string, setting: string): Contender['command'] {
  return (workload, isQuick) => ({
    file: process.execPath,
    args: [fileURLToPath(url), workload, setting, ...(isQuick ? ['--quick'] : [])],
  });
}

/** Does what the contender's file was started for; nothing when it was imported only. */
export function runPeer(url: string, { measurements, roles = {} }: PeerProcess): void {
  const [, started = '', first = '', ...rest] = process.argv;
  if (started === '' || realpathSync(started) !== realpathSync(fileURLToPath(url))) return;
  const role = roles[first];
  if (role !== undefined) return void role(rest);
  setTimeout(() => {
    process.stderr.write(`this took longer than ${limitMs / 1_000} s and was ended\n`);
    process.exit(1);
  }, limitMs);
  const ending = Object.entries(measurements).map(([workload, measure]): [string, Measure] => [
    workload,
    (setting, pace) => measure(setting, pace).finally(endPrograms),
  ]);
  void runContender(Object.fromEntries(ending));
}

/** A peer as the measuring loop sees it. */
export interface PeerTarget extends BenchTarget {
  /** For the answer that has come to job `n`. */
  take: (n: number, answer: unknown) => void;
}

/** `send` starts job `n`, and sees to it that its answer is given to `take`. */
export function peerTarget(
  name: string,
  programs: readonly Program[],
  send: (n: number) => void,
): PeerTarget {
  const target: PeerTarget = {
    name,
    processes: programs.map(({ name, pid }) => ({ name, pid })),
    send,
    onAnswer: () => {},
    onFault: () => {},
    // Connections and servers end with the process, which measures one workload.
    stop: async () => {},
    take: (n, answer) => {
      try {
        checkAnswer(n, answer);
        target.onAnswer(n);
      } catch (error) {
        target.onFault(error as Error);
      }
    },
  };
  return target;
}

/** The same for a client that gives a promise for each job. */
export function promisedTarget(
  name: string,
  programs: readonly Program[],
  call: (n: number) => Promise<unknown>,
): PeerTarget {
  const target = peerTarget(name, programs, (n) => {
    call(n).then(
      (answer) => target.take(n, answer),
      (error: unknown) => target.onFault(error as Error),
    );
  });
  return target;
}

/** What every worker answers to job `n`. */
export function answerTo(n: number): BenchAnswer {
  return { ok: true, n };
}

/** Workload a. */
export async function measureJobs(target: BenchTarget, pace: Pace): Promise<void> {
  for (const [inFlight, own] of [
    [1_000, pace],
    [256, warm(pace)],
  ] as const)
    await measureRow(target, own, { workload: 'a', row: `${inFlight} in flight`, inFlight });
}

/** Workload b. */
export async function measureOneAtATime(target: BenchTarget, pace: Pace): Promise<void> {
  const options = { warmUpJobs: warmUpJobsOf(pace), measureMs: pace.measureMs };
  const latency = await measureLatency(target, options);
  tellLatency({ workload: 'b', row: 'one at a time' }, latency);
}

export interface RateRow {
  readonly workload: WorkloadId;
  readonly row: string;
  /** 1,000 when not said. */
  readonly inFlight?: number;
}

export async function measureRow(
  target: BenchTarget,
  pace: Pace,
  { inFlight = 1_000, ...where }: RateRow,
): Promise<void> {
  tellRate(where, await measureThroughput(target, { inFlight, ...pace }));
}

/** Workload k: the medians of programs that do nothing, of each kind by its row. */
export async function measureIdle(
  kinds: Readonly<Record<string, readonly Program[]>>,
  { isQuick }: Pace,
): Promise<void> {
  // For some ten seconds V8 tidies up after a start: that is no node's idling.
  await delay(isQuick ? 3_000 : 12_000);
  const watched = Object.entries(kinds).map(([row, programs]) => ({
    row,
    programs,
    before: programs.map(({ pid }) => cpuMs(pid)),
  }));
  const startedAtMs = performance.now();
  await delay(isQuick ? 4_000 : 15_000);
  const elapsedMs = performance.now() - startedAtMs;
  for (const { row, programs, before } of watched) {
    const cpu = programs.map(({ pid }, index) => ((cpuMs(pid) - (before[index] ?? 0)) / elapsedMs) * 100);
    const resident = programs.map(({ pid }) => residentMiB(pid));
    const ready = programs.map(({ readyMs }) => readyMs);
    tell({ workload: 'k', row, metric: 'ready', unit: 'ms', value: median(ready) });
    tell({ workload: 'k', row, metric: 'resident', unit: 'MiB', value: median(resident) });
    tell({ workload: 'k', row, metric: 'cpu', unit: '% of a core', value: median(cpu) });
  }
}

/** Where there is no /proc some figures are none, and are not told. */
export function tell(figure: Figure): void {
  if (Number.isFinite(figure.value)) tellFigure({ ...figure, value: rounded(figure.value) });
}

/** Microseconds of processor time by process, of each of so many jobs; call it again for what was used since. */
export function cpuMeter(pids: Readonly<Record<string, number>>): (jobs: number) => Record<string, number> {
  const before = Object.values(pids).map(cpuMs);
  return (jobs) =>
    Object.fromEntries(
      Object.entries(pids).map(([name, pid], index) => [
        name,
        rounded(((cpuMs(pid) - (before[index] ?? 0)) * 1_000) / jobs),
      ]),
    );
}
