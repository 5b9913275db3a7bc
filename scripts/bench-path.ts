import { readFileSync, writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { measurePath, type PathCost, limitedWays as ways } from './bench/path-cost.js';
import {
  besideLimit,
  limitsPath,
  overLimit,
  type PathLimits,
  verdictOf,
  type Way,
} from './bench/path-limits.js';
import { readOptions, type ScriptUsage, wholeNumber } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'bench-path',
  call: 'npm run bench-path -- [--rounds N] [--accept] [--json]',
  text: `
What a job of 100 bytes costs on its way through two nodes, by step: memory that is taken from the heap, and time as a multiple of what it takes to
parse its arguments and write them again. All in one process, by the code that nodes run. It leaves out sockets, threads, disks and the task itself,
and what the collections of all this cost. Memory is the same to a few bytes wherever Node and the processor's kind are; the multiple differs by a tenth
or so from run to run, and by more between machines or beside other work. The exit code is 1 where a job costs more than was accepted in
scripts/bench/path-limits.json with room for noise: 20 % more memory, or 50 % more time. Takes half a minute.

  --rounds N  of 200 jobs each (default 300)
  --accept    writes what was measured as accepted
  --json      one JSON object instead of the tables
`,
};

function main(): void {
  const values = readOptions(usage, {
    rounds: { type: 'string', default: '300' },
    accept: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  });
  const rounds = wholeNumber(usage, '--rounds', values.rounds);
  const costs = new Map<Way, PathCost>();
  for (const [way, request] of Object.entries(ways) as [Way, string][]) {
    process.stderr.write(`${way} ...\n`);
    costs.set(way, measurePath({ request, rounds }));
  }
  if (values.accept) writeLimits(costs);
  const limits = JSON.parse(readFileSync(limitsPath, 'utf8')) as PathLimits;
  const over = [...costs].flatMap(([way, cost]) => overLimit(way, cost, limits[way]));
  if (values.json) console.log(JSON.stringify({ costs: Object.fromEntries(costs), limits, over }));
  else for (const [way, cost] of costs) console.log(describe(way, cost, limits[way]));
  for (const text of over) process.stderr.write(`bench-path: ${text}\n`);
  if (!values.json) console.log(verdictOf(over));
  if (over.length > 0) process.exitCode = 1;
}

function writeLimits(costs: ReadonlyMap<Way, PathCost>): void {
  const limits = Object.fromEntries(
    [...costs].map(([way, { bytes, ratio }]) => [
      way,
      { bytes: Math.round(bytes), ratio: Number(ratio.toFixed(2)) },
    ]),
  );
  writeFileSync(limitsPath, `${JSON.stringify(limits, null, 2)}\n`);
}

function describe(way: Way, cost: PathCost, accepted: PathLimits[Way]): string {
  const table = new Table({ head: [way, 'µs', 'bytes'], style: { head: [], border: [] } });
  for (const { step, micros, bytes } of cost.steps) table.push([step, micros.toFixed(2), bytes.toFixed(0)]);
  table.push(['all', cost.micros.toFixed(2), cost.bytes.toFixed(0)]);
  return `${table.toString()}\n${besideLimit(cost, accepted)}, ${cost.wireBytes.toFixed(0)} bytes between the nodes\n`;
}

main();
