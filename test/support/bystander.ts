import { readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { type Cluster, type ClusterNode, request, requestJson, waitUntil } from './cluster.js';
import { submitHold } from './hold-job.js';

/** Shows after an attack that a node has kept its memory, its other connections and its jobs. */
export interface Bystander {
  /** Asserts that a new client is answered soon, that the job runs on in its first attempt and ends, and that memory is bounded. */
  isUnharmed(t: Test): Promise<void>;
}

export interface BystanderOptions {
  /** Resident memory may be this much more than before. */
  readonly growthBytesMax?: number;
}

/** How soon a node must answer whoever has done nothing wrong, on a machine that has more to do. */
const answerMsMax = 2_000;
const growthBytesMaxDefault = 160 * 1024 * 1024;

/** Starts a job that runs until the attack is over, owned by `node` and run there. Needs the tasks of `testTasks`. */
export async function bystanderAt(
  cluster: Cluster,
  node: ClusterNode,
  { growthBytesMax = growthBytesMaxDefault }: BystanderOptions = {},
): Promise<Bystander> {
  const job = await submitHold(cluster, node, `node=${node.name}`);
  await job.startedAt(1);
  const residentBefore = residentBytes(node);
  return {
    isUnharmed: async (t) => {
      const elapsedMs = await pingMs(node);
      t.ok(elapsedMs < answerMsMax, `${node.name} answers PING, after ${Math.round(elapsedMs)} ms`);
      const grown = residentBytes(node) - residentBefore;
      t.ok(grown < growthBytesMax, `its memory grew by ${Math.round(grown / 1024 / 1024)} MiB`);
      t.match(await requestJson(node, `STATUS ${job.id}`), { state: 'running', attempts: 1 });
      job.release();
      t.equal(
        await request(node, `WAIT ${job.id} timeout=10s`),
        `OK {"node":"${node.name}","attempt":1}`,
        'the job that ran meanwhile ends as if nothing had been',
      );
      t.equal(node.child.exitCode, null, 'the process is there');
    },
  };
}

/** Milliseconds from a new connection to the answer of its PING. */
export async function pingMs(node: Pick<ClusterNode, 'client'>): Promise<number> {
  const startedAtMs = performance.now();
  const reply = await request(node, 'PING');
  if (reply !== 'OK pong') throw new Error(`PING: ${reply}`);
  return performance.now() - startedAtMs;
}

/** What the node's process holds in memory now. */
export function residentBytes({ pid }: Pick<ClusterNode, 'pid'>): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

/** Resolves once the node's log has this; what it wrote may reach a test later than its answers. */
export async function untilLogged(node: ClusterNode, words: RegExp): Promise<void> {
  await waitUntil(`${node.name} logs ${words}`, () => words.test(node.logs()));
}
