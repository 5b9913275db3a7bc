import { cpus } from 'node:os';
import { startCeiling } from './bench/ceiling.js';
import { type Latency, measureLatency, measureThroughput, type Throughput } from './bench/load.js';
import { compareWithCeiling, describeReport, type Report, type TargetReport } from './bench/report.js';
import { rondoSettings, startRondo } from './bench/rondo.js';
import type { BenchTarget } from './bench/target.js';
import { readOptions, type ScriptUsage, wholeNumber } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'bench',
  call: 'npm run bench -- [--quick] [--rounds N] [--json] [--ceiling-only]',
  text: `
Measures Rondo beside the bare ceiling of this machine, in one run and in turns, so that what else the machine does meets both:
no-op jobs of 100 bytes over the line protocol, run on another node and answered.

  --quick         one short round: a look, not a measurement
  --rounds N      rounds of each, in turns; medians are shown (default 3)
  --json          one JSON object instead of the table
  --ceiling-only  without Rondo
`,
};
const inFlight = 1_000;

async function main(): Promise<void> {
  const values = readOptions(usage, {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
    'ceiling-only': { type: 'boolean', default: false },
  });
  const rounds = wholeNumber(usage, '--rounds', values.rounds ?? (values.quick ? '1' : '3'));

  const targets: BenchTarget[] = [];
  try {
    targets.push(await startCeiling());
    if (!values['ceiling-only']) targets.push(...(await startRondo()));
    const report = await measure(targets, rounds, values.quick);
    const comparisons = compareWithCeiling(report.targets);
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ ...report, comparisons })}\n`
        : `${describeReport(report)}${values['ceiling-only'] ? '' : `${rondoSettings}\n`}`,
    );
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}

async function measure(targets: readonly BenchTarget[], rounds: number, isQuick: boolean): Promise<Report> {
  const seen = targets.map(() => ({ throughputs: [] as Throughput[], latencies: [] as Latency[] }));
  for (let round = 1; round <= rounds; round++) {
    for (const [index, target] of targets.entries()) {
      process.stderr.write(`round ${round} of ${rounds}: ${target.name} ...\n`);
      const throughput = await measureThroughput(target, {
        inFlight,
        warmUpMs: isQuick ? 500 : 2_000,
        measureMs: isQuick ? 1_000 : 4_000,
      });
      const latency = await measureLatency(target, { warmUpJobs: 200, jobs: isQuick ? 500 : 2_000 });
      seen[index]?.throughputs.push(throughput);
      seen[index]?.latencies.push(latency);
    }
  }
  const reports = targets.map(
    ({ name }, index): TargetReport => ({
      name,
      throughputs: seen[index]?.throughputs ?? [],
      latencies: seen[index]?.latencies ?? [],
    }),
  );
  return { node: process.version, cpus: cpus().length, rounds, inFlight, targets: reports };
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
main().catch((error: unknown) => {
  process.stderr.write(`bench: ${(error as Error).stack ?? error}\n`);
  process.exitCode = 1;
});
