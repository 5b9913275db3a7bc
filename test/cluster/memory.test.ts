import t from 'tap';
import { type Memory, memoryOf, runMap } from '../../scripts/bench/map-memory.js';
import { clusterFor } from '../support/cluster-for.js';
import { waitUntil } from '../support/wait-until.js';

/**
 * Generous, so that a busy machine makes no difference: what a map really leaves is shown by `npm run measure-map`.
 * 20,000 outcomes that are kept take 14 MiB of heap; garbage that nobody collects takes as much.
 */
const bounds = { heapMiB: 5, resident: 1.5 };
const lines = 20_000;
/** Looked at no more often: asking for metrics is work too. */
const lookIntervalMs = 500;
const idleTimeoutMs = 30_000;

t.test('jobs through rondo map leave memory where it was', async (t) => {
  const cluster = await clusterFor(t, { nodes: 2, args: ['--log-level', 'warn'] });
  const [front] = cluster.nodes;
  if (front === undefined) throw new Error('no node');
  await runMap(front, 5_000);
  const before = await Promise.all(cluster.nodes.map(memoryOf));
  for (const round of ['first', 'second']) {
    await runMap(front, lines);
    for (const [index, node] of cluster.nodes.entries()) {
      let now: Memory | null = null;
      const isBack = async (): Promise<boolean> => {
        now = await memoryOf(node);
        return isWithin(now, before[index] as Memory);
      };
      await waitUntil(`${node.name} holds what it held`, isBack, {
        timeoutMs: idleTimeoutMs,
        everyMs: lookIntervalMs,
      }).catch(() => {});
      const what = `${node.name} after the ${round} ${lines} lines`;
      t.ok(isWithin(now as unknown as Memory, before[index] as Memory), what, { now, before: before[index] });
    }
  }
});

/** Resident memory is not known everywhere. */
function isWithin(now: Memory, before: Memory): boolean {
  const isSmall = Number.isNaN(now.residentMiB) || now.residentMiB <= before.residentMiB * bounds.resident;
  return isSmall && now.heapMiB <= before.heapMiB + bounds.heapMiB;
}
