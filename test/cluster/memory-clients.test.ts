import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { residentMiB } from '../../scripts/bench/proc.js';
import { type ClusterNode, requestJson } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { connectLines } from '../support/line-connection.js';
import { waitUntil } from '../support/wait-until.js';

const lookIntervalMs = 500;
const idleTimeoutMs = 60_000;

t.test('a node gives back much of what unfinished bodies took, when their clients are gone', async (t) => {
  const cluster = await clusterFor(t, { nodes: 1, args: ['--log-level', 'warn'] });
  const node = cluster.nodes[0] as ClusterNode;
  const before = residentMiB(node.pid);
  const bodyBytes = 16_000_000;
  const clients = await Promise.all(Array.from({ length: 12 }, () => connectLines(node.client)));
  for (const { socket } of clients) {
    socket.on('error', () => {}).write(`RUN echo bytes=${bodyBytes}\n`);
    socket.write(Buffer.alloc(bodyBytes - 1, '1'));
  }
  // The node comes to rest with the bodies in its memory. It is not asked for metrics: that alone can have V8 collect.
  const other = await connectLines(node.client);
  other.send('RUN sleep 6000');
  t.equal(await other.next(), 'OK 6000');
  other.close();
  await waitUntil('it has most of them', async () => residentMiB(node.pid) > before + 100, {
    timeoutMs: idleTimeoutMs,
    everyMs: lookIntervalMs,
  });
  const peak = residentMiB(node.pid);
  for (const client of clients) client.close();
  // What the system's allocator keeps of the pages that it was given differs from run to run: mostly little, seldom much.
  const isBack = async (): Promise<boolean> => residentMiB(node.pid) <= before + 0.75 * (peak - before);
  await t.resolves(
    waitUntil('it has given much of it back', isBack, { timeoutMs: idleTimeoutMs, everyMs: lookIntervalMs }),
    `${before} MiB before, ${peak} at most`,
  );
});

t.test('a client that reads none of its large results is cut off, and its jobs go on', async (t) => {
  const tasks = mkdtempSync(join(tmpdir(), 'rondo-memory-'));
  t.teardown(() => rmSync(tasks, { recursive: true }));
  writeFileSync(join(tasks, 'big.mjs'), "export default (length) => 'x'.repeat(length);\n");
  const cluster = await clusterFor(t, { nodes: 1, args: ['--tasks', tasks, '--log-level', 'warn'] });
  const node = cluster.nodes[0] as ClusterNode;
  const client = await connectLines(node.client);
  client.send('RUN sleep 600000');
  const count = 40;
  for (let job = 0; job < count; job++) client.send('RUN big ttl=0s 8000000');
  t.match(await client.next(60_000), /^ERR REPLIES_TOO_LARGE /);
  const done = async (): Promise<boolean> => {
    const { totals } = await requestJson<{ totals: { done: number } }>(node, 'INFO');
    return totals.done === count;
  };
  await t.resolves(waitUntil('all jobs are done', done, { timeoutMs: 60_000, everyMs: lookIntervalMs }));
  const page = await (await fetch(`http://${node.http}/metrics`)).text();
  t.match(page, /^rondo_client_reply_bytes 0$/m);
});
