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
  return `${title}\n${table.toString()}\n${describeRatio(targets)}`;
}

function describeRatio([ceiling, ...others]: readonly TargetReport[]): string {
  if (ceiling === undefined) return '';
  return others
    .map((other) => {
      const share = median(jobRates(other)) / median(jobRates(ceiling));
      const verdict = share >= targetShare ? 'met' : 'missed';
      const ratio = `${other.name} does ${(share * 100).toFixed(1)} % of the ceiling's jobs/s`;
      return `${ratio}; the target of ${(targetShare * 100).toFixed(0)} % is ${verdict}.\n`;
    })
    .join('');
}

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
