import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { startCluster } from '../test/support/cluster.js';
import { type MapCost, type Memory, runMap, settledMemory } from './bench/map-memory.js';

/**
 * `npm run measure-map -- [--lines N] [--json]`: what `rondo map` leaves behind. Two nodes, a map to warm up, then twice
 * a map over N lines; the table shows what each node holds, once it is idle, after each of them. Exits with 1 when it
 * is more than it was after the warm-up by more than the bounds below.
 */

/** Code is compiled and buffers find their size in these; what a node holds after them is where it is to come back to. */
const warmUpLines = 10_000;
/** Over what was held after the warm-up. Garbage in the handlers' threads counts as resident until they end, idle, after a minute. */
const bounds = { heap: 1.1, resident: 1.15 };

interface Stage {
  readonly title: string;
  readonly cost: MapCost | null;
  readonly nodes: readonly Memory[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { lines: { type: 'string', default: '100000' }, json: { type: 'boolean', default: false } },
  });
  const stages = await measure(Number(values.lines));
  const faults = faultsOf(stages);
  if (values.json) console.log(JSON.stringify({ bounds, stages, faults }));
  else console.log([describe(stages), ...faults].join('\n'));
  process.exitCode = faults.length === 0 ? 0 : 1;
}

async function measure(lines: number): Promise<Stage[]> {
  const names = ['front', 'worker'];
  const cluster = await startCluster({ nodes: 2, names, args: ['--log-level', 'warn'] });
  try {
    const [front] = cluster.nodes;
    if (front === undefined) throw new Error('the cluster has no nodes');
    const stages: Stage[] = [{ title: 'started', cost: null, nodes: await settledMemory(cluster.nodes) }];
    for (const [title, count] of [
      [`warm-up, ${warmUpLines} lines`, warmUpLines],
      [`${lines} lines`, lines],
      [`${lines} lines again`, lines],
    ] as const) {
      const cost = await runMap(front, count);
      stages.push({ title, cost, nodes: await settledMemory(cluster.nodes) });
    }
    return stages;
  } finally {
    await cluster.stop();
  }
}

function faultsOf([, warm, ...later]: readonly Stage[]): string[] {
  return later.flatMap(({ title, nodes }) =>
    nodes.flatMap(({ name, heapMiB, residentMiB }, index) => {
      const before = warm?.nodes[index];
      if (before === undefined) return [];
      const faults: string[] = [];
      const check = (what: string, now: number, was: number, bound: number): void => {
        const by = `${what} of ${name} is ${now.toFixed(1)} MiB, over ${bound} times the ${was.toFixed(1)} after the warm-up`;
        if (now > was * bound) faults.push(`after ${title}: the ${by}`);
      };
      check('heap', heapMiB, before.heapMiB, bounds.heap);
      check('resident memory', residentMiB, before.residentMiB, bounds.resident);
      return faults;
    }),
  );
}

function describe(stages: readonly Stage[]): string {
  const names = stages[0]?.nodes.map(({ name }) => name) ?? [];
  const head = [
    'MiB, idle after',
    ...names.flatMap((name) => [`${name} resident`, `${name} heap`]),
    'client peak',
    's',
  ];
  const table = new Table({ head, colAligns: ['left', ...head.slice(1).map(() => 'right' as const)] });
  for (const { title, cost, nodes } of stages) {
    const cells = nodes.flatMap(({ residentMiB, heapMiB }) => [residentMiB.toFixed(1), heapMiB.toFixed(1)]);
    table.push([title, ...cells, cost?.clientPeakMiB.toFixed(0) ?? '', cost?.seconds.toFixed(1) ?? '']);
  }
  return table.toString();
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await main();
