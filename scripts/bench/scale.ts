import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterNode, request, startCluster } from '../../test/support/cluster.js';
import { parseAddress } from '../../test/support/line-connection.js';
import { median } from './summary.js';

/** Three pages are fetched at once, each of which takes 2 s, and then processed at once, each 1 s: 3 s where nothing waits for anything else. */
const program = `
export default async (_, ctx) => {
  const pages = [1, 2, 3];
  await Promise.all(pages.map(() => ctx.call('sleep', 2000)));
  return Promise.all(pages.map(() => ctx.call('sleep', 1000)));
};
`;

/** How long the program takes on three nodes, in ms, the parent's own answer included. */
export interface ProgramTimes {
  /** As the first job of the cluster, which starts its threads. */
  readonly firstMs: number;
  readonly secondMs: number;
}

export async function measureProgram(): Promise<ProgramTimes> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-scale-'));
  const tasks = join(directory, 'tasks');
  mkdirSync(tasks);
  writeFileSync(join(tasks, 'crawl.mjs'), program);
  const cluster = await startCluster({ nodes: 3, args: ['--tasks', tasks, '--log-level', 'warn'] });
  try {
    const [front] = cluster.nodes as [ClusterNode];
    const run = async (): Promise<number> => {
      const startedAtMs = performance.now();
      const reply = await request(front, 'RUN crawl');
      if (reply !== 'OK [1000,1000,1000]') throw new Error(`the program ended with ${reply}`);
      return performance.now() - startedAtMs;
    };
    return { firstMs: await run(), secondMs: await run() };
  } finally {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface ScaleLoad {
  readonly jobs: number;
  readonly jobMs: number;
  readonly slots: number;
  /** What nodes are started with beside, and what stands behind the task in each line; none are the defaults of both. */
  readonly args?: readonly string[];
  readonly options?: string;
}

/** Each node has run so many before, so that its threads are there and its code is compiled: that isn't what is measured. */
const warmUpJobsANode = 2_000;
const warmUpBatches = 10;
const roundsDefault = 3;

/** How long all jobs take on so many nodes, submitted at once to one of them, in ms: the median of some rounds. */
export async function measureJobs(
  nodes: number,
  { jobs, jobMs, slots, args: more = [], options = '' }: ScaleLoad,
  rounds = roundsDefault,
): Promise<number> {
  const args = ['--concurrency', String(slots), '--threads', '1', '--log-level', 'warn', ...more];
  const lineOf = (ms: number): string => ['RUN sleep', options, ms].filter((word) => word !== '').join(' ');
  const cluster = await startCluster({ nodes, args });
  try {
    const [front] = cluster.nodes as [ClusterNode];
    for (let batch = 0; batch < warmUpBatches; batch++)
      await runAll(front, (warmUpJobsANode * nodes) / warmUpBatches, lineOf(1));
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const startedAtMs = performance.now();
      await runAll(front, jobs, lineOf(jobMs));
      times.push(performance.now() - startedAtMs);
    }
    return median(times);
  } finally {
    await cluster.stop();
  }
}

/** On one connection, all at once. */
function runAll(front: ClusterNode, jobs: number, line: string): Promise<void> {
  const socket = net.connect({ ...parseAddress(front.client), noDelay: true });
  return new Promise<void>((resolve, reject) => {
    let text = '';
    let done = 0;
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      const wrong = lines.find((line) => !/^@\d+ OK /.test(line));
      if (wrong !== undefined) reject(new Error(`a job ended with ${wrong}`));
      done += lines.length;
      if (done === jobs) resolve();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the node closed the connection')));
    socket.write(Array.from({ length: jobs }, (_, job) => `@${job} ${line}\n`).join(''));
  }).finally(() => socket.destroy());
}
