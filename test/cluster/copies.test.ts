import t from 'tap';
import { type ClusterNode, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { connectLines } from '../support/line-connection.js';

t.setTimeout(120_000);

const jobCount = 10_000;
const heldAgainMsMax = 10_000;

interface Info {
  readonly jobs: { readonly delayed: number };
  readonly held: { readonly unfinished: number };
}

function heldBy(node: ClusterNode): Promise<number> {
  return requestJson<Info>(node, 'INFO').then(({ held }) => held.unfinished);
}

t.test('ten thousand jobs are held by two nodes again within ten seconds of a holder’s death', async (t) => {
  const cluster = await clusterFor(t, { nodes: 3, names: ['a', 'b', 'c'] });
  const [a, b, c] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  const client = await connectLines(a.client);
  for (let job = 0; job < jobCount; job++) client.send('SUBMIT echo delay=1h 1');
  for (let job = 0; job < jobCount; job++) t.match(await client.next(), /copies=2 durable=yes$/);
  client.close();
  const [heldByB, heldByC] = [await heldBy(b), await heldBy(c)];
  t.equal(heldByB + heldByC, jobCount);
  t.ok(Math.min(heldByB, heldByC) > jobCount / 3, `${heldByB} and ${heldByC}`);
  b.kill('SIGKILL');
  const killedAtMs = performance.now();
  await waitUntil('c holds all of them', async () => (await heldBy(c)) === jobCount, { timeoutMs: 60_000 });
  const tookMs = performance.now() - killedAtMs;
  t.comment(
    `${heldByB} of ${jobCount} jobs are held again ${Math.round(tookMs)} ms after their holder was killed`,
  );
  t.ok(tookMs < heldAgainMsMax, `${Math.round(tookMs)} ms`);
  await b.ended;
  await cluster.restart(b);
  await waitUntil(
    'b holds its part again, and c no more than its own',
    async () => {
      const [again, rest] = [await heldBy(cluster.nodes[1] as ClusterNode), await heldBy(c)];
      return again === heldByB && rest === heldByC;
    },
    { timeoutMs: 60_000 },
  );
  t.equal((await requestJson<Info>(a, 'INFO')).jobs.delayed, jobCount);
});
