import { cpuMs } from './proc.js';
import type { BenchTarget } from './target.js';

export interface Throughput {
  readonly jobsPerSecond: number;
  /** Time from sending to answer, with all the others in flight. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds of processor time per job, of this process and of each of the target's. */
  readonly cpuMicrosPerJob: readonly CpuShare[];
}

export interface CpuShare {
  readonly name: string;
  readonly micros: number;
}

export interface Latency {
  readonly jobs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface ThroughputOptions {
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

const stallMs = 15_000;

/** Keeps `inFlight` jobs on their way, and counts the answers that come within `measureMs` after a warm-up. */
export async function measureThroughput(
  target: BenchTarget,
  options: ThroughputOptions,
): Promise<Throughput> {
  const { inFlight, warmUpMs, measureMs } = options;
  const processes = [{ name: 'client', pid: process.pid }, ...target.processes];
  const readCpu = (): number[] => processes.map(({ pid }) => cpuMs(pid));
  const sentAtMs = new Map<number, number>();
  const latencies: number[] = [];
  let next = 0;
  let phase: 'warming' | 'measuring' | 'draining' = 'warming';

  const sendNext = (): void => {
    const n = next++;
    sentAtMs.set(n, performance.now());
    target.send(n);
  };
  const drained = untilSettled(target, (n) => {
    const sent = sentAtMs.get(n);
    if (!sentAtMs.delete(n) || sent === undefined) throw new Error(`job ${n} was answered twice`);
    if (phase === 'measuring') latencies.push(performance.now() - sent);
    if (phase !== 'draining') sendNext();
    return sentAtMs.size === 0;
  });
  for (let count = 0; count < inFlight; count++) sendNext();

  await Promise.race([drained, delay(warmUpMs)]);
  const cpuBefore = readCpu();
  const startedAtMs = performance.now();
  phase = 'measuring';
  await Promise.race([drained, delay(measureMs)]);
  phase = 'draining';
  const elapsedMs = performance.now() - startedAtMs;
  const cpuAfter = readCpu();
  await drained;

  const jobs = latencies.length;
  return {
    jobsPerSecond: (jobs / elapsedMs) * 1000,
    ...quantiles(latencies),
    cpuMicrosPerJob: processes.map(({ name }, index) => ({
      name,
      micros: (((cpuAfter[index] ?? 0) - (cpuBefore[index] ?? 0)) * 1000) / jobs,
    })),
  };
}

export interface LatencyOptions {
  readonly warmUpJobs: number;
  readonly jobs: number;
}

/** One job at a time: each is sent when the one before has been answered. */
export async function measureLatency(
  target: BenchTarget,
  { warmUpJobs, jobs }: LatencyOptions,
): Promise<Latency> {
  const latencies: number[] = [];
  let sentAtMs = performance.now();
  let current = 0;
  const settled = untilSettled(target, (n) => {
    if (n !== current) throw new Error(`job ${n} was answered when ${current} was asked`);
    if (n >= warmUpJobs) latencies.push(performance.now() - sentAtMs);
    if (latencies.length === jobs) return true;
    sentAtMs = performance.now();
    target.send(++current);
    return false;
  });
  target.send(current);
  await settled;
  return { jobs, ...quantiles(latencies) };
}

/** Resolves once `onAnswer` says that all is done; rejects at a wrong answer, or when none comes for too long. */
function untilSettled(target: BenchTarget, onAnswer: (n: number) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let lastAnswerAtMs = performance.now();
    const end = (): void => {
      clearInterval(watchdog);
      target.onAnswer = () => {};
      target.onFault = () => {};
    };
    const fail = (error: Error): void => {
      end();
      reject(error);
    };
    const watchdog = setInterval(() => {
      if (performance.now() - lastAnswerAtMs > stallMs) fail(new Error(`${target.name} answers no more`));
    }, 1_000);
    target.onFault = fail;
    target.onAnswer = (n) => {
      lastAnswerAtMs = performance.now();
      if (!onAnswer(n)) return;
      end();
      resolve();
    };
  });
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function quantiles(values: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
