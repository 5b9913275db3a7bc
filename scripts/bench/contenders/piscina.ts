import { fileURLToPath } from 'node:url';
import type { Contender } from '../figures.js';
import { benchJob, hashesInFlight, seedOf } from '../target.js';
import { hashThreads, measureHashes } from './peer-hashes.js';
import {
  commandOf,
  measureJobs,
  measureOneAtATime,
  type PeerTarget,
  promisedTarget,
  runPeer,
} from './peer-measures.js';
import { peerPackage } from './peer-programs.js';

/** What is used of the package. */
interface PiscinaPackage {
  readonly Piscina: new (
    options: object,
  ) => {
    run(args: unknown, options?: { readonly name: string }): Promise<unknown>;
  };
}

const concurrency = 256;
const tasksPath = fileURLToPath(new URL('./piscina-tasks.js', import.meta.url));

export const piscina: readonly Contender[] = [
  {
    system: 'piscina',
    name: 'piscina (local threads)',
    settings: `Threads of the client's own process, so no network and no other process: local only. One thread with up to ${concurrency} no-op jobs at a time; l: ${hashThreads} threads with a job each, ${hashesInFlight} in flight.`,
    workloads: ['a', 'b', 'l'],
    command: commandOf(import.meta.url, 'local'),
  },
];

function startPool(threads: number, concurrentTasksPerWorker: number, name: string) {
  const { Piscina } = peerPackage<PiscinaPackage>('piscina');
  const pool = new Piscina({
    filename: tasksPath,
    name,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker,
    maxQueue: Number.POSITIVE_INFINITY,
    recordTiming: false,
  });
  return pool;
}

function jobTarget(): PeerTarget {
  const pool = startPool(1, concurrency, 'noOp');
  return promisedTarget('piscina', [], (n) => pool.run(benchJob(n)));
}

function hashTarget(check: (n: number, hash: unknown) => unknown): PeerTarget {
  const pool = startPool(hashThreads, 1, 'hash');
  return promisedTarget('piscina', [], async (n) => check(n, await pool.run({ seed: seedOf(n) })));
}

runPeer(import.meta.url, {
  measurements: {
    a: (_, pace) => measureJobs(jobTarget(), pace),
    b: (_, pace) => measureOneAtATime(jobTarget(), pace),
    l: (_, pace) => measureHashes(hashTarget, pace),
  },
});
