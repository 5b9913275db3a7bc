import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from '../../test/support/cluster.js';
import { lineTarget } from './line-target.js';
import { measureThroughput, type Throughput } from './load.js';
import { checkAnswer } from './target.js';
import { tasksPath } from './tasks.js';

/** One way to give jobs to two nodes. */
export interface DurableRow {
  readonly title: string;
  readonly request: string;
  /** Throws for a wrong answer. */
  readonly check: (n: number, text: string) => void;
}

/** Due in an hour, so that nothing but the taking of jobs is measured. */
function submitRow(promise: string): DurableRow {
  return {
    title: `SUBMIT ${promise}`,
    request: `SUBMIT noop delay=1h ${promise}`,
    check: (_, text) => {
      if (!text.endsWith(` ${promise}`))
        throw new Error(`${promise} was asked for, and reached was: ${text}`);
    },
  };
}

function runRow(promise: string): DurableRow {
  return {
    title: `RUN ${promise}`,
    request: `RUN noop node=worker ${promise}`,
    check: (n, text) => checkAnswer(n, JSON.parse(text)),
  };
}

/** The first is what the others are compared with. */
export const durableRows: readonly DurableRow[] = [
  submitRow('copies=1 durable=no'),
  submitRow('copies=2 durable=no'),
  submitRow('copies=1 durable=yes'),
  submitRow('copies=2 durable=yes'),
  runRow('copies=1 durable=no'),
  runRow('copies=2 durable=no'),
  runRow('copies=2 durable=yes'),
];

export interface DurableOptions {
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Where each node writes a processor profile; null: nowhere. */
  readonly profileDirectory: string | null;
}

/** Two new nodes with journals on disk, one row, one round. */
export async function measureDurable(row: DurableRow, options: DurableOptions): Promise<Throughput> {
  const { profileDirectory } = options;
  const args = ['--log-level', 'warn', '--tasks', tasksPath, '--concurrency', '256'];
  const within = profileDirectory === null ? [] : profiled(profileDirectory);
  const cluster = await startCluster({ nodes: 2, names: ['front', 'worker'], args, within });
  const [front] = cluster.nodes;
  const target = lineTarget({
    name: row.title,
    client: front?.client ?? '',
    processes: cluster.nodes.map(({ name, pid }) => ({ name, pid })),
    request: row.request,
    check: row.check,
    stop: () => cluster.stop(),
  });
  try {
    const throughput = await measureThroughput(target, options);
    // A profile is written at an orderly exit: the second signal asks for that without a drain.
    if (profileDirectory !== null) {
      for (const node of cluster.nodes) node.kill('SIGTERM');
      await delay(50);
      for (const node of cluster.nodes) node.kill('SIGTERM');
      await Promise.all(cluster.nodes.map(({ ended }) => ended));
    }
    return throughput;
  } finally {
    await target.stop();
  }
}

/** NODE_OPTIONS takes no --cpu-prof. */
function profiled(directory: string): string[] {
  return ['sh', '-c', `exec "$0" --cpu-prof --cpu-prof-dir='${directory}' --cpu-prof-interval=500 "$@"`];
}

const bareRecordBytes = 300;

/** What the disk alone takes: records of 300 bytes appended to a file, `inFlight` of them a sync. Records a second. */
export function measureBareSync(inFlight: number, measureMs: number): number {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-sync-'));
  const file = openSync(join(directory, 'records'), 'w');
  try {
    const group = Buffer.alloc(inFlight * bareRecordBytes, 1);
    const startedAtMs = performance.now();
    let groups = 0;
    for (; performance.now() < startedAtMs + measureMs; groups++) {
      writeSync(file, group);
      fdatasyncSync(file);
    }
    return (groups * inFlight * 1000) / (performance.now() - startedAtMs);
  } finally {
    closeSync(file);
    rmSync(directory, { recursive: true, force: true });
  }
}
