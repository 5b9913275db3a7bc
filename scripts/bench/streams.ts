import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { type ClusterNode, startCluster } from '../../test/support/cluster.js';
import { parseAddress } from '../../test/support/line-connection.js';
import type { BulkGaps } from './bulk-watch-process.js';
import { residentMiB, residentPeakMiB } from './proc.js';
import { tasksPath } from './tasks.js';

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
const relayPath = fileURLToPath(new URL('./stream-relay-process.js', import.meta.url));
const watchPath = fileURLToPath(new URL('./bulk-watch-process.js', import.meta.url));

/** Chunks of 64 KiB from a generator on one node through another one to a client; and as many bytes through two bare processes. */
export async function measureStreams(bytes: number): Promise<StreamReport> {
  const rondo = await measureRondoStream(bytes);
  return { megabytes: bytes / 1e6, ...rondo, relayPerSecond: await measureRelayStream(bytes) };
}

type RondoStream = Pick<StreamReport, 'rondoPerSecond' | 'memoryMiB' | 'gaps'>;

async function measureRondoStream(bytes: number): Promise<RondoStream> {
  const args = ['--tasks', tasksPath, '--no-journal', '--log-level', 'warn'];
  const cluster = await startCluster({ nodes: 2, names: ['front', 'worker'], args });
  const watch = forkWithUs(watchPath);
  try {
    const [front] = cluster.nodes as [ClusterNode];
    await flood(front, warmUpBytes);
    const before = cluster.nodes.map(({ pid }) => residentMiB(pid));
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
    return { rondoPerSecond, memoryMiB, gaps };
  } finally {
    watch.kill('SIGKILL');
    await cluster.stop();
  }
}

/** The same bytes from one bare process through another one to this. */
export async function measureRelayStream(bytes: number): Promise<number> {
  const source = forkWithUs(relayPath, 'source', String(bytes));
  const [sourcePort] = (await once(source, 'message')) as [number];
  const relay = forkWithUs(relayPath, 'relay', String(sourcePort));
  try {
    const [relayPort] = (await once(relay, 'message')) as [number];
    return await readAll(net.connect(relayPort, '127.0.0.1'), bytes);
  } finally {
    source.kill('SIGKILL');
    relay.kill('SIGKILL');
  }
}

function forkWithUs(path: string, ...args: string[]): ChildProcess {
  const child = fork(path, args);
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

/** Resolves to 10^6 bytes a second, the lines around the chunks not counted. */
export async function flood(front: ClusterNode, bytes: number): Promise<number> {
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
