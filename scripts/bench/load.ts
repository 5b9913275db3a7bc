import { cpuMs } from './proc.js';
import type { BenchTarget } from './target.js';

export interface Throughput extends Quantiles {
  /** The quantiles are of the time from sending to answer, with all the others in flight. */
  readonly jobsPerSecond: number;
  /** Microseconds of processor time per job, of this process and of each of the target's. */
  readonly cpuMicrosPerJob: readonly CpuShare[];
}

export interface CpuShare {
  readonly name: string;
  readonly micros: number;
}

export interface Latency extends Quantiles {
  readonly jobs: number;
}

export interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of a thousand jobs or fewer it is the slowest. */
  readonly p999Ms: number;
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
  /** By a job's number; NaN once it is answered. An array, as this process is measured, too. */
  const sentAtMs: number[] = [];
  const latencies: number[] = [];
  let underWay = 0;
  let phase: 'warming' | 'measuring' | 'draining' = 'warming';

  const sendNext = (): void => {
    const n = sentAtMs.push(performance.now()) - 1;
    underWay++;
    target.send(n);
  };
  const drained = untilSettled(target, (n) => {
    const sent = sentAtMs[n];
    if (sent === undefined || Number.isNaN(sent))
      throw new Error(`job ${n} was answered twice, or never sent`);
    sentAtMs[n] = Number.NaN;
    underWay--;
    if (phase === 'measuring') latencies.push(performance.now() - sent);
    if (phase !== 'draining') sendNext();
    return underWay === 0;
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
  /** So many, or as many as are answered within `measureMs`. */
  readonly jobs?: number;
  readonly measureMs?: number;
}

/** One job at a time: each is sent when the one before has been answered. */
export async function measureLatency(
  target: BenchTarget,
  {
    warmUpJobs,
    jobs: jobsMax = Number.POSITIVE_INFINITY,
    measureMs = Number.POSITIVE_INFINITY,
  }: LatencyOptions,
): Promise<Latency> {
  const latencies: number[] = [];
  let startedAtMs = performance.now();
  let sentAtMs = startedAtMs;
  let current = 0;
  const settled = untilSettled(target, (n) => {
    if (n !== current) throw new Error(`job ${n} was answered when ${current} was asked`);
    const nowMs = performance.now();
    if (n === warmUpJobs) startedAtMs = sentAtMs;
    if (n >= warmUpJobs) latencies.push(nowMs - sentAtMs);
    if (latencies.length === jobsMax || (n >= warmUpJobs && nowMs - startedAtMs >= measureMs)) return true;
    sentAtMs = performance.now();
    target.send(++current);
    return false;
  });
  target.send(current);
  await settled;
  return { jobs: latencies.length, ...quantiles(latencies) };
}

/** Resolves once `onAnswer` says that all is done; rejects at a wrong answer, or when none comes for too long. */
function untilSettled(target: BenchTarget, onAnswer: (n: number) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let isAnswered = true;
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
      if (!isAnswered) fail(new Error(`${target.name} answers no more`));
      isAnswered = false;
    }, stallMs);
    target.onFault = fail;
    target.onAnswer = (n) => {
      isAnswered = true;
      if (!onAnswer(n)) return;
      end();
      resolve();
    };
  });
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** Nearest rank. */
export function quantiles(valuesMs: readonly number[]): Quantiles {
  const sorted = Float64Array.from(valuesMs).sort();
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}
