import { measureJobs, measureProgram } from './bench/scale.js';
import { readOptions, type ScriptUsage, wholeNumber } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'measure-scale',
  call: 'npm run measure-scale -- [--jobs N] [--ms N] [--slots N] [--nodes LIST] [--json]',
  text: `
How work that waits is spread: a job on three nodes that has three others fetch for 2 s at once, and then three process for 1 s at once, twice; and
jobs of 100 ms on 1, 2, 4 and 8 nodes with 10 slots each, once their code is warm, the median of three rounds, beside the time that they would take if nothing but the jobs took any.

  --jobs N       default 1000
  --ms N         of each job (default 100)
  --slots N      jobs at once on a node (default 10)
  --nodes LIST   default 1,2,4,8
  --json         one JSON object instead of the text
`,
};

async function main(): Promise<void> {
  const values = readOptions(usage, {
    jobs: { type: 'string', default: '1000' },
    ms: { type: 'string', default: '100' },
    slots: { type: 'string', default: '10' },
    nodes: { type: 'string', default: '1,2,4,8' },
    json: { type: 'boolean', default: false },
  });
  const load = {
    jobs: wholeNumber(usage, '--jobs', values.jobs),
    jobMs: wholeNumber(usage, '--ms', values.ms),
    slots: wholeNumber(usage, '--slots', values.slots),
  };
  const counts = values.nodes.split(',').map((text) => wholeNumber(usage, '--nodes', text));
  const program = await measureProgram();
  const rows: { nodes: number; ms: number; efficiency: number }[] = [];
  for (const nodes of counts) {
    const ms = await measureJobs(nodes, load);
    const leastMs = (load.jobs * load.jobMs) / (load.slots * nodes);
    rows.push({ nodes, ms, efficiency: leastMs / ms });
  }
  if (values.json) {
    console.log(JSON.stringify({ ...load, program, rows }));
    return;
  }
  console.log(
    `three fetches of 2 s, then three processings of 1 s: ${seconds(program.secondMs)}, as the first job of its cluster ${seconds(program.firstMs)}`,
  );
  for (const { nodes, ms, efficiency } of rows)
    console.log(
      `${load.jobs} jobs of ${load.jobMs} ms on ${nodes} nodes: ${seconds(ms)}, ${(100 * efficiency).toFixed(1)} % of what ${nodes} times ${load.slots} slots can do`,
    );
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
main().catch((error: unknown) => {
  process.stderr.write(`measure-scale: ${(error as Error).stack ?? error}\n`);
  process.exitCode = 1;
});
