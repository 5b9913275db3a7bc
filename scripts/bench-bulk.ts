import { type BulkReport, measureBulk } from './bench/bulk.js';
import { readOptions, type ScriptUsage, wholeNumber, wrongUsage } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'bench-bulk',
  call: 'npm run bench-bulk -- [--nodes N] [--results N] [--bytes N] [--character C] [--json]',
  text: `
How long nodes keep others waiting while large results go through them: the longest gap between replies to PING and between
heartbeats, beside that of a bare timer in a process of its own, which tells what the machine did in that time.

  --nodes N      default 3
  --results N    how many results (default 60)
  --bytes N      of which size (default 8000000)
  --character C  which they are made of (default x)
  --json         one JSON object instead of the text
`,
};

async function main(): Promise<void> {
  const values = readOptions(usage, {
    nodes: { type: 'string', default: '3' },
    results: { type: 'string', default: '60' },
    bytes: { type: 'string', default: '8000000' },
    character: { type: 'string', default: 'x' },
    json: { type: 'boolean', default: false },
  });
  if ([...values.character].length !== 1) wrongUsage(usage, '--character takes one character');
  const report = await measureBulk({
    nodes: wholeNumber(usage, '--nodes', values.nodes),
    results: wholeNumber(usage, '--results', values.results),
    resultBytes: wholeNumber(usage, '--bytes', values.bytes),
    character: values.character,
  });
  console.log(values.json ? JSON.stringify(report) : describe(report));
}

function describe(report: BulkReport): string {
  const { nodes, results, resultBytes, seconds, timerMs, pingMs, heartbeatMs, suspicions } = report;
  const peaks = Object.values(report.residentPeakMiB).map((peak) => peak.toFixed(0));
  return [
    `${results} results of ${resultBytes} bytes through ${nodes} nodes in ${seconds.toFixed(1)} s; longest gaps in ms:`,
    `  bare timer    ${timerMs.toFixed(0)}`,
    `  PING          ${show(pingMs)}`,
    `  heartbeats    ${show(heartbeatMs)}`,
    `  suspicions    ${suspicions.length === 0 ? 'none' : suspicions.join('; ')}`,
    `  memory, peak  ${peaks.join(', ')} MiB resident`,
  ].join('\n');
}

function show(gaps: Readonly<Record<string, number>>): string {
  return Object.entries(gaps)
    .map(([name, ms]) => `${name}: ${ms.toFixed(0)}`)
    .join(', ');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await main();
