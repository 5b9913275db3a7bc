import Table from 'cli-table3';
import { durableRows, measureBareSync, measureDurable } from './bench/durable.js';
import type { Throughput } from './bench/load.js';
import { readOptions, type ScriptUsage, wholeNumber, wrongUsage } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'measure-durable',
  call: 'npm run measure-durable -- [--quick] [--rounds N] [--row WORDS]... [--profile DIR] [--json]',
  text: `
What copies and the journal cost: two nodes with journals on disk, one client with 1,000 jobs of 100 bytes on their way. SUBMIT rows
take jobs that are due in an hour, so they measure the acknowledged taking alone; RUN rows run each on the other node and answer it. The
first row is the ceiling: the same client and nodes, one copy, in memory. Each row of each round has new nodes, in turns; medians.

  --quick        one short round: a look, not a measurement
  --rounds N     default 3
  --row WORDS    only rows with these words in their title, such as "SUBMIT copies=2"; may be repeated
  --profile DIR  each node writes a processor profile there, as it ends
  --json         one JSON object instead of the table
`,
};
const inFlight = 1_000;

async function main(): Promise<void> {
  const values = readOptions(usage, {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    row: { type: 'string', multiple: true },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  });
  const rounds = wholeNumber(usage, '--rounds', values.rounds ?? (values.quick ? '1' : '3'));
  const wanted = values.row ?? [''];
  const rows = durableRows.filter(({ title }) => wanted.some((words) => title.includes(words)));
  if (rows.length === 0) wrongUsage(usage, `no row has "${wanted.join('" or "')}" in its title`);
  const measured = rows.map(({ title }) => ({ title, throughputs: [] as Throughput[] }));
  const bareSyncs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    bareSyncs.push(measureBareSync(inFlight, values.quick ? 500 : 2_000));
    for (const [index, row] of rows.entries()) {
      process.stderr.write(`round ${round} of ${rounds}: ${row.title} ...\n`);
      const throughput = await measureDurable(row, {
        inFlight,
        warmUpMs: values.quick ? 1_000 : 2_000,
        measureMs: values.quick ? 1_500 : 4_000,
        profileDirectory: values.profile ?? null,
      });
      measured[index]?.throughputs.push(throughput);
    }
  }
  if (values.json) console.log(JSON.stringify({ rounds, inFlight, bareSyncs, rows: measured }));
  else console.log(describe(measured, bareSyncs));
}

interface Measured {
  readonly title: string;
  readonly throughputs: readonly Throughput[];
}

function describe(rows: readonly Measured[], bareSyncs: readonly number[]): string {
  const head = ['1,000 in flight', 'jobs/s', 'of the first', 'p99 ms', 'CPU µs per job'];
  const table = new Table({
    head,
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  const ceiling = median(rows[0]?.throughputs.map(({ jobsPerSecond }) => jobsPerSecond) ?? []);
  for (const { title, throughputs } of rows) {
    const rate = median(throughputs.map(({ jobsPerSecond }) => jobsPerSecond));
    const shares = (throughputs[0]?.cpuMicrosPerJob ?? []).map(({ name }, index) => {
      const micros = median(
        throughputs.map(({ cpuMicrosPerJob }) => cpuMicrosPerJob[index]?.micros ?? Number.NaN),
      );
      return `${name} ${micros.toFixed(0)}`;
    });
    const p99 = median(throughputs.map(({ p99Ms }) => p99Ms));
    table.push([
      title,
      rate.toFixed(0),
      `${((100 * rate) / ceiling).toFixed(0)} %`,
      p99.toFixed(0),
      shares.join(', '),
    ]);
  }
  table.push(['(bare appends of 300 bytes, 1,000 a sync)', median(bareSyncs).toFixed(0), '', '', '']);
  return table.toString();
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
main().catch((error: unknown) => {
  process.stderr.write(`measure-durable: ${(error as Error).stack ?? error}\n`);
  process.exitCode = 1;
});
