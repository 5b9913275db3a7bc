import Table from 'cli-table3';
import type { Latency, Throughput } from './load.js';

export interface Report {
  readonly node: string;
  readonly cpus: number;
  readonly rounds: number;
  readonly inFlight: number;
  /** The first is what the others are compared with. */
  readonly targets: readonly TargetReport[];
}

/** A measurement a round. */
export interface TargetReport {
  readonly name: string;
  readonly throughputs: readonly Throughput[];
  readonly latencies: readonly Latency[];
}

export interface Comparison {
  readonly name: string;
  /** Of the ceiling's jobs/s, by medians. */
  readonly share: number;
  readonly targetShare: number;
  readonly isMet: boolean;
  /** Time of one job at a time as a multiple of the ceiling's, by medians. */
  readonly latencyRatio: number;
}

/** The share of the ceiling that Rondo is to reach. */
const targetShare = 1 / 3;

/** The report as text for people: medians, with the least and the most where rounds differ. */
export function describeReport(report: Report): string {
  const { node, cpus, rounds, inFlight, targets } = report;
  const rows: [title: string, read: (target: TargetReport) => string][] = [
    [`jobs/s, ${inFlight} in flight`, (target) => spread(jobRates(target), 0)],
    [
      '  p50 ms',
      (target) =>
        spread(
          target.throughputs.map(({ p50Ms }) => p50Ms),
          1,
        ),
    ],
    [
      '  p99 ms',
      (target) =>
        spread(
          target.throughputs.map(({ p99Ms }) => p99Ms),
          1,
        ),
    ],
    ['  CPU µs per job', describeCpu],
    [
      'one at a time, p50 µs',
      (target) =>
        spread(
          target.latencies.map(({ p50Ms }) => p50Ms * 1000),
          0,
        ),
    ],
    [
      '  p99 µs',
      (target) =>
        spread(
          target.latencies.map(({ p99Ms }) => p99Ms * 1000),
          0,
        ),
    ],
  ];
  const table = new Table({
    head: ['', ...targets.map(({ name }) => name)],
    style: { head: [], border: [] },
  });
  for (const [title, read] of rows) table.push([title, ...targets.map(read)]);
  const title = `No-op jobs of 100 bytes over the line protocol, run on another node; Node ${node}, ${cpus} CPUs, median of ${rounds} (least to most)`;
  return `${title}\n${table.toString()}\n${compareWithCeiling(targets).map(describeComparison).join('')}`;
}

/** How each of the others compares with the ceiling, which is the first. */
export function compareWithCeiling([ceiling, ...others]: readonly TargetReport[]): Comparison[] {
  if (ceiling === undefined) return [];
  return others.map((other) => {
    const share = median(jobRates(other)) / median(jobRates(ceiling));
    const latencyRatio = median(other.latencies.map(p50)) / median(ceiling.latencies.map(p50));
    return { name: other.name, share, targetShare, isMet: share >= targetShare, latencyRatio };
  });
}

function describeComparison({ name, share, targetShare, isMet, latencyRatio }: Comparison): string {
  const percent = (value: number, digits: number): string => `${(value * 100).toFixed(digits)} %`;
  const verdict = `the target of ${percent(targetShare, 0)} is ${isMet ? 'met' : 'missed'}`;
  return `${name} does ${percent(share, 1)} of the ceiling's jobs/s; ${verdict}. One at a time takes ${latencyRatio.toFixed(2)} × its time.\n`;
}

const p50 = ({ p50Ms }: Latency): number => p50Ms;

function jobRates(target: TargetReport): number[] {
  return target.throughputs.map(({ jobsPerSecond }) => jobsPerSecond);
}

function describeCpu({ throughputs }: TargetReport): string {
  const names = throughputs[0]?.cpuMicrosPerJob.map(({ name }) => name) ?? [];
  return names
    .map(
      (name, index) =>
        `${name} ${median(throughputs.map((each) => each.cpuMicrosPerJob[index]?.micros ?? 0)).toFixed(1)}`,
    )
    .join(', ');
}

function spread(values: readonly number[], digits: number): string {
  const format = (value: number): string =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const middle = format(median(values));
  return values.length < 2
    ? middle
    : `${middle} (${format(Math.min(...values))} to ${format(Math.max(...values))})`;
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
