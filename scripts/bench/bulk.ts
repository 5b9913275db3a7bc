import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ClusterNode, startCluster } from '../../test/support/cluster.js';
import { parseAddress } from '../../test/support/line-connection.js';
import type { BulkGaps } from './bulk-watch-process.js';
import { residentPeakMiB } from './proc.js';

/** How long a node keeps others waiting while large results go through it. */
export interface BulkReport extends BulkGaps {
  readonly nodes: number;
  readonly results: number;
  readonly resultBytes: number;
  readonly seconds: number;
  /** What the nodes' logs say of each other in that time. */
  readonly suspicions: readonly string[];
  readonly residentPeakMiB: Readonly<Record<string, number>>;
}

export interface BulkLoad {
  readonly nodes: number;
  readonly results: number;
  readonly resultBytes: number;
  /** What results are made of. */
  readonly character: string;
}

const watchPath = fileURLToPath(new URL('./bulk-watch-process.js', import.meta.url));
const task = 'export default ({ character, count }) => character.repeat(count);\n';

/** Nodes that run the jobs of one client, all at once on one connection, each with a result of `resultBytes`. */
export async function measureBulk(load: BulkLoad): Promise<BulkReport> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-bulk-'));
  const tasks = join(directory, 'tasks');
  mkdirSync(tasks);
  writeFileSync(join(tasks, 'big.mjs'), task);
  const { nodes } = load;
  const args = ['--tasks', tasks, '--log-level', 'debug'];
  const cluster = await startCluster({ nodes, args });
  const watch = fork(watchPath);
  const endWatch = (): void => void watch.kill('SIGKILL');
  process.once('exit', endWatch);
  try {
    const front = cluster.nodes[0] as ClusterNode;
    await runBig(front, { ...load, results: 4 * nodes, resultBytes: 1_000 });
    watch.send(cluster.nodes.map(({ id, name, peer, client }) => ({ id, name, peer, client })));
    await heardFrom(watch);
    const startedAtMs = performance.now();
    await runBig(front, load);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    return {
      ...(await readGaps(watch)),
      nodes,
      results: load.results,
      resultBytes: load.resultBytes,
      seconds,
      suspicions: cluster.nodes.flatMap(suspicionsOf),
      residentPeakMiB: Object.fromEntries(cluster.nodes.map(({ name, pid }) => [name, residentPeakMiB(pid)])),
    };
  } finally {
    endWatch();
    process.off('exit', endWatch);
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Resolves when every result has come; a reply that is none rejects. */
function runBig(front: ClusterNode, { results, resultBytes, character }: BulkLoad): Promise<void> {
  // In JSON the text stands in quotes.
  const count = Math.floor((resultBytes - 2) / Buffer.byteLength(character));
  const socket = net.connect({ ...parseAddress(front.client), noDelay: true });
  return new Promise<void>((resolve, reject) => {
    let lines = 0;
    let isLineStart = true;
    socket.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; ) {
        if (isLineStart && chunk[at] !== okByte) {
          reject(new Error(`the node answered: ${chunk.toString('utf8', at, at + 200)}`));
        }
        const end = chunk.indexOf(lineFeed, at);
        isLineStart = end >= 0;
        if (isLineStart) lines++;
        at = isLineStart ? end + 1 : chunk.length;
      }
      if (lines === results) resolve();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the node closed the connection')));
    const line = `RUN big ttl=0s ${JSON.stringify({ character, count })}\n`;
    socket.write(line.repeat(results));
  }).finally(() => socket.destroy());
}

const okByte = 'O'.charCodeAt(0);
const lineFeed = '\n'.charCodeAt(0);

async function readGaps(watch: ChildProcess): Promise<BulkGaps> {
  watch.send('read');
  return (await heardFrom(watch)) as BulkGaps;
}

/** What it says next; rejects when it ends instead. */
function heardFrom(watch: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    watch.once('message', resolve);
    watch.once('exit', (code) => reject(new Error(`the watching process ended with ${code}`)));
  });
}

function suspicionsOf(node: ClusterNode): string[] {
  const said = node.logs().matchAll(/"msg":"([^"]* is (?:suspect|dead)[^"]*)"/g);
  return [...said].map(([, text]) => `${node.name}: ${text}`);
}
