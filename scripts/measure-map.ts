import Table from 'cli-table3';
import { startCluster } from '../test/support/cluster.js';
import { type MapCost, type Memory, restedMemory, runMap, settledMemory } from './bench/map-memory.js';
import { readOptions, type ScriptUsage, wholeNumber } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'measure-map',
  call: 'npm run measure-map -- [--lines N] [--json]',
  text: `
What "rondo map" leaves behind. Two nodes, a map to warm up, then twice a map over N lines; the table shows what each node holds after
each of them, once it is idle, and at last when the threads that handlers ran in have been ended. Exits with 1 when that is over
the bounds. Takes two minutes.

  --lines N  default 100000
  --json     one JSON object instead of the table
`,
};

/** Code is compiled and buffers find their size in these. */
const warmUpLines = 10_000;

/** Times what it was. */
const bounds = {
  /** The main heap, after the warm-up. */
  heap: 1.1,
  /** All of the process, after the warm-up. The heaps of the handlers' threads, which end when idle for a minute, are in it. */
  resident: 1.5,
  /** The same, the second map after the first: what grows with every map is a leak. */
  again: 1.1,
  /** All of the process without those threads, against a node that has just started. */
  rested: 1.5,
};

interface Stage {
  readonly title: string;
  readonly cost: MapCost | null;
  readonly nodes: readonly Memory[];
}

async function main(): Promise<void> {
  const values = readOptions(usage, {
    lines: { type: 'string', default: '100000' },
    json: { type: 'boolean', default: false },
  });
  const stages = await measure(wholeNumber(usage, '--lines', values.lines));
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
    stages.push({ title: 'a minute later', cost: null, nodes: await restedMemory(cluster.nodes) });
    return stages;
  } finally {
    await cluster.stop();
  }
}

function faultsOf(stages: readonly Stage[]): string[] {
  const [started, warm, first, second, rested] = stages;
  return [
    ...grown(warm, first, 'heapMiB', bounds.heap),
    ...grown(warm, second, 'heapMiB', bounds.heap),
    ...grown(warm, first, 'residentMiB', bounds.resident),
    ...grown(first, second, 'residentMiB', bounds.again),
    ...grown(started, rested, 'residentMiB', bounds.rested),
  ];
}

function grown(
  before: Stage | undefined,
  after: Stage | undefined,
  what: 'heapMiB' | 'residentMiB',
  bound: number,
): string[] {
  if (before === undefined || after === undefined) return [];
  return after.nodes.flatMap((now, index) => {
    const was = before.nodes[index]?.[what] ?? Number.NaN;
    if (!(now[what] > was * bound)) return [];
    return [
      `${now.name}, ${after.title}: ${what} ${now[what].toFixed(1)} is over ${bound} × ${was.toFixed(1)} (${before.title})`,
    ];
  });
}

function describe(stages: readonly Stage[]): string {
  const names = stages[0]?.nodes.map(({ name }) => name) ?? [];
  const head = [
    'MiB, once idle',
    ...names.flatMap((name) => [`${name} resident`, `${name} heap`]),
    'client peak',
    's',
  ];
  const table = new Table({
    head,
    colAligns: ['left', ...head.slice(1).map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const { title, cost, nodes } of stages) {
    const cells = nodes.flatMap(({ residentMiB, heapMiB }) => [residentMiB.toFixed(1), heapMiB.toFixed(1)]);
    table.push([title, ...cells, cost?.clientPeakMiB.toFixed(0) ?? '', cost?.seconds.toFixed(1) ?? '']);
  }
  return table.toString();
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await main();
