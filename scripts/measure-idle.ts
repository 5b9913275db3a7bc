import { measureIdle, type Spread } from './bench/idle.js';
import { readOptions, type ScriptUsage, wholeNumber } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'measure-idle',
  call: 'npm run measure-idle -- [--nodes N] [--seconds N] [--json]',
  text: `
What a node costs that does nothing: the time until it is ready (beside what a bare "node -e 0" takes: machines differ), its memory,
and its share of a core, each the median and the worst of N nodes that know each other.

  --nodes N    default 3
  --seconds N  how long they are watched (default 10)
  --json       one JSON object instead of the text
`,
};

async function main(): Promise<void> {
  const values = readOptions(usage, {
    nodes: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  });
  const nodes = wholeNumber(usage, '--nodes', values.nodes);
  const report = await measureIdle(nodes, wholeNumber(usage, '--seconds', values.seconds) * 1000);
  if (values.json) return void console.log(JSON.stringify(report));
  console.log(`${report.nodes} idle nodes, median (most):`);
  const ratio = (report.readyMs.median / report.bareNodeMs.median).toFixed(1);
  console.log(
    `  ready after   ${show(report.readyMs)} ms, ${ratio} × ${show(report.bareNodeMs)} ms of node -e 0`,
  );
  console.log(`  memory        ${show(report.residentMiB)} MiB resident`);
  console.log(`  processor     ${show(report.cpuPercent)} % of a core`);
}

function show({ median, most }: Spread): string {
  return `${median.toFixed(1)} (${most.toFixed(1)})`;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await main();
