import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { measurePath, type PathCost, limitedWays as ways } from './bench/path-cost.js';
import { readOptions, type ScriptUsage, wholeNumber } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'bench-path',
  call: 'npm run bench-path -- [--rounds N] [--accept] [--json]',
  text: `
What a job of 100 bytes costs on its way through two nodes, by step: memory that is taken from the heap, and time as a multiple of what it takes to
parse its arguments and write them again. All in one process, without sockets, threads and disks, so that the figures are the same on every machine and
under any load. The exit code is 1 where a job costs more than scripts/bench/path-limits.json says, with room for noise: a fifth of
the memory, half of the time. Takes half a minute.

  --rounds N  of 200 jobs each (default 300)
  --accept    writes what was measured as the new limits
  --json      one JSON object instead of the tables
`,
};

type Way = keyof typeof ways;
type Limits = Readonly<Record<Way, { readonly bytes: number; readonly ratio: number }>>;

const room = { bytes: 1.2, ratio: 1.5 };
/** Beside the source, also when run from the build. */
const limitsPath = fileURLToPath(new URL('../../scripts/bench/path-limits.json', import.meta.url));

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
  const limits = JSON.parse(readFileSync(limitsPath, 'utf8')) as Limits;
  const over = [...costs].flatMap(([way, cost]) => overLimit(way, cost, limits));
  if (values.json) console.log(JSON.stringify({ costs: Object.fromEntries(costs), limits, over }));
  else for (const [way, cost] of costs) console.log(describe(way, cost, limits));
  for (const text of over) process.stderr.write(`bench-path: ${text}\n`);
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

function overLimit(way: Way, cost: PathCost, limits: Limits): string[] {
  return (['bytes', 'ratio'] as const).flatMap((what) => {
    const most = limits[way][what] * room[what];
    if (cost[what] <= most) return [];
    const figure =
      what === 'bytes'
        ? `${cost.bytes.toFixed(0)} bytes of the heap`
        : `${cost.ratio.toFixed(1)} × the yardstick's time`;
    return [
      `${way}: a job takes ${figure}, and at most ${most.toFixed(what === 'bytes' ? 0 : 1)} are allowed; find out why, or accept it with --accept`,
    ];
  });
}

function describe(way: Way, cost: PathCost, limits: Limits): string {
  const table = new Table({ head: [way, 'µs', 'bytes'], style: { head: [], border: [] } });
  for (const { step, micros, bytes } of cost.steps) table.push([step, micros.toFixed(2), bytes.toFixed(0)]);
  table.push(['all', cost.micros.toFixed(2), cost.bytes.toFixed(0)]);
  const { bytes, ratio } = limits[way];
  return `${table.toString()}\n${cost.ratio.toFixed(1)} × the yardstick's time (accepted: ${ratio}), ${cost.bytes.toFixed(0)} bytes (accepted: ${bytes}), ${cost.wireBytes.toFixed(0)} bytes between the nodes\n`;
}

main();
