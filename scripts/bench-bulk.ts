import { parseArgs } from 'node:util';
import { type BulkReport, measureBulk } from './bench/bulk.js';

/**
 * `npm run bench-bulk -- [--nodes N] [--results N] [--bytes N] [--character C] [--json]`: how long nodes keep others
 * waiting while large results go through them: the longest gap between replies to PING and between heartbeats, beside that of
 * a bare timer in a process of its own, which tells what the machine did in that time.
 */

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '3' },
      results: { type: 'string', default: '60' },
      bytes: { type: 'string', default: '8000000' },
      character: { type: 'string', default: 'x' },
      json: { type: 'boolean', default: false },
    },
  });
  const report = await measureBulk({
    nodes: Number(values.nodes),
    results: Number(values.results),
    resultBytes: Number(values.bytes),
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
