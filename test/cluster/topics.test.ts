import t, { type Test } from 'tap';
import type { ClusterNode } from '../support/cluster.js';
import { request, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { connectLines, type LineConnection } from '../support/line-connection.js';

async function connect(t: Test, node: ClusterNode): Promise<LineConnection> {
  const lines = await connectLines(node.client);
  t.teardown(() => lines.close());
  return lines;
}

async function subscribe(t: Test, node: ClusterNode, topics: string): Promise<LineConnection> {
  const lines = await connect(t, node);
  lines.send(`SUBSCRIBE ${topics}`);
  t.match(await lines.next(), /^\* subscribed \{"topics":\[/);
  return lines;
}

/** Publishes until so many subscribers get it: other nodes hear of a subscription in a moment. */
async function publishTo(node: ClusterNode, count: number, topic: string, payload: string): Promise<void> {
  await waitUntil(`${node.name} publishes to ${count}`, async () => {
    const reply = await request(node, `SUBSCRIBERS ${topic}`);
    return reply === `OK {"${topic}":${count}}`;
  });
  const reply = await request(node, `PUBLISH ${topic} ${payload}`);
  if (reply !== `OK ${count}`) throw new Error(`PUBLISH: ${reply}`);
}

t.test(
  'whoever publishes at whichever node is heard at all, and killed nodes end nothing but themselves',
  async (t) => {
    const cluster = await clusterFor(t, { nodes: 3 });
    const [a, b, c] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
    const atA = await subscribe(t, a, 'room.1 news.*');
    const atB = await subscribe(t, b, '*');
    const atC = await subscribe(t, c, 'room.1');

    await publishTo(b, 3, 'room.1', '{"text":"hello"}');
    const message = '* message {"topic":"room.1","data":{"text":"hello"}}';
    for (const lines of [atA, atB, atC]) t.equal(await lines.next(), message);

    const large = JSON.stringify('x'.repeat(500_000));
    const publisher = await connect(t, c);
    publisher.socket.write(`PUBLISH news.de.berlin bytes=${large.length}\n${large}\n`);
    t.equal(await publisher.next(), 'OK 2');
    for (const lines of [atA, atB])
      t.equal(
        await lines.next(),
        `* message {"topic":"news.de.berlin","data":${large}}`,
        'in chunks between nodes',
      );

    c.kill('SIGKILL');
    await t.rejects(atC.next(), /closed the connection/);
    // The link is known to be gone at once, and the death a moment later: neither holds up the publisher.
    const startMs = performance.now();
    t.match(await request(b, 'PUBLISH room.1 2'), /^OK [23]$/);
    t.ok(performance.now() - startMs < 2_000);
    for (const lines of [atA, atB]) t.equal(await lines.next(), '* message {"topic":"room.1","data":2}');

    b.kill('SIGKILL');
    await cluster.untilAlive(1, [a]);
    await publishTo(a, 1, 'room.1', '3');
    t.equal(await atA.next(), '* message {"topic":"room.1","data":3}', 'the subscription goes on');

    const again = await cluster.restart(b);
    await publishTo(again, 1, 'news.de', '4');
    t.equal(await atA.next(), '* message {"topic":"news.de","data":4}', 'a node that comes back hears of it');

    a.kill('SIGKILL');
    await t.rejects(atA.next(), /closed the connection/, 'it ends with its own node');
  },
);

t.test('a node that leaves tells its subscribers so', async (t) => {
  const cluster = await clusterFor(t, { nodes: 2 });
  const [a, b] = cluster.nodes as [ClusterNode, ClusterNode];
  const lines = await subscribe(t, b, 'room.1');
  await publishTo(a, 1, 'room.1', '1');
  t.equal(await lines.next(), '* message {"topic":"room.1","data":1}');
  t.match(await b.stop(), { code: 0 });
  t.match(await lines.next(), /^ERR UNAVAILABLE node node-2 leaves/);
  t.equal(await request(a, 'PUBLISH room.1 2'), 'OK 0');
});

t.test('who comes late is told what was published before, wherever it was', async (t) => {
  const cluster = await clusterFor(t, { nodes: 3 });
  const [a, b, c] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  for (let index = 1; index <= 6; index++)
    t.equal(await request(index % 2 === 0 ? a : b, `PUBLISH log.x ${index}`), 'OK 0');
  const lines = await connect(t, c);
  lines.send('SUBSCRIBE log.* replay=4');
  t.equal(await lines.next(), '* subscribed {"topics":["log.*"]}');
  for (const number of [3, 4, 5, 6])
    t.equal(await lines.next(), `* message {"topic":"log.x","data":${number}}`);
  await publishTo(b, 1, 'log.x', '7');
  t.equal(await lines.next(), '* message {"topic":"log.x","data":7}');
});
