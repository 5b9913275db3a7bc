import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ClusterNode, startCluster } from '../../test/support/cluster.js';
import { parseAddress } from '../../test/support/line-connection.js';
import type { BulkGaps } from './bulk-watch-process.js';
import { residentMiB, residentPeakMiB } from './proc.js';

export interface StreamReport {
  readonly megabytes: number;
  /** 10^6 bytes a second that reach the client. */
  readonly rondoPerSecond: number;
  readonly relayPerSecond: number;
  /** Resident memory of each node after a warm-up, and the most of it while the stream ran. */
  readonly memoryMiB: Readonly<Record<string, { readonly before: number; readonly peak: number }>>;
  /** The longest gaps meanwhile. */
  readonly gaps: BulkGaps;
}

const chunkBytes = 64 * 1024;
const warmUpBytes = 128 * 1024 * 1024;
const task = `
export default async function* ({ count }) {
  const chunk = Buffer.alloc(${chunkBytes}, 7);
  for (let number = 0; number < count; number++) yield chunk;
}
`;
const relayPath = fileURLToPath(new URL('./stream-relay-process.js', import.meta.url));
const watchPath = fileURLToPath(new URL('./bulk-watch-process.js', import.meta.url));

/** Chunks of 64 KiB from a generator on one node through another one to a client; and as many bytes through two bare processes. */
export async function measureStreams(bytes: number): Promise<StreamReport> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-streams-'));
  const tasks = join(directory, 'tasks');
  mkdirSync(tasks);
  writeFileSync(join(tasks, 'flood.mjs'), task);
  const cluster = await startCluster({
    nodes: 2,
    names: ['front', 'worker'],
    args: ['--tasks', tasks, '--no-journal', '--log-level', 'warn'],
  });
  const children: ChildProcess[] = [];
  const start = (path: string, ...args: string[]): ChildProcess => {
    const child = fork(path, args);
    children.push(child);
    process.once('exit', () => child.kill('SIGKILL'));
    return child;
  };
  try {
    const [front] = cluster.nodes as [ClusterNode];
    await flood(front, warmUpBytes);
    const before = cluster.nodes.map(({ pid }) => residentMiB(pid));
    const watch = start(watchPath);
    watch.send(cluster.nodes.map(({ id, name, peer, client }) => ({ id, name, peer, client })));
    await once(watch, 'message');
    const rondoPerSecond = await flood(front, bytes);
    watch.send('read');
    const [gaps] = (await once(watch, 'message')) as [BulkGaps];
    const memoryMiB = Object.fromEntries(
      cluster.nodes.map(({ name, pid }, index) => [
        name,
        { before: before[index] ?? Number.NaN, peak: residentPeakMiB(pid) },
      ]),
    );
    const [sourcePort] = (await once(start(relayPath, 'source', String(bytes)), 'message')) as [number];
    const [relayPort] = (await once(start(relayPath, 'relay', String(sourcePort)), 'message')) as [number];
    const relayPerSecond = await readAll(net.connect(relayPort, '127.0.0.1'), bytes);
    return { megabytes: bytes / 1e6, rondoPerSecond, relayPerSecond, memoryMiB, gaps };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Resolves to 10^6 bytes a second, the lines around the chunks not counted. */
async function flood(front: ClusterNode, bytes: number): Promise<number> {
  const count = Math.ceil(bytes / chunkBytes);
  const socket = net.connect({ ...parseAddress(front.client), noDelay: true });
  socket.write(`RUN flood node=worker ttl=0s stream=yes {"count":${count}}\n`);
  return readAll(socket, count * chunkBytes);
}

/** Until so many bytes have come; rejects when fewer do. */
function readAll(socket: net.Socket, bytes: number): Promise<number> {
  const startedAtMs = performance.now();
  return new Promise<number>((resolve, reject) => {
    let read = 0;
    socket.on('data', (chunk: Buffer) => {
      read += chunk.length;
      if (read >= bytes) resolve(bytes / 1_000 / (performance.now() - startedAtMs));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${read} of ${bytes} bytes have come`)));
  }).finally(() => socket.destroy());
}
