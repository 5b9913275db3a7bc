import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { pingMs, residentBytes, untilLogged } from '../support/bystander.js';
import { type ClusterNode, request, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { connectLines, type LineConnection, parseAddress } from '../support/line-connection.js';

const mebibyte = 1024 * 1024;
const pingMsMax = 2_000;

interface Info {
  readonly topics: { readonly subscriptions: number; readonly delivered: number };
}

async function connect(t: Test, node: ClusterNode): Promise<LineConnection> {
  const lines = await connectLines(node.client);
  t.teardown(() => lines.close());
  return lines;
}

async function untilSubscriptions(node: ClusterNode, count: number): Promise<void> {
  await waitUntil(`${node.name} has ${count} subscriptions`, async () => {
    const { topics } = (await requestJson(node, 'INFO')) as Info;
    return topics.subscriptions === count;
  });
}

/** Nobody else noticed anything. */
async function isWell(t: Test, nodes: readonly ClusterNode[]): Promise<void> {
  for (const node of nodes) {
    t.ok((await pingMs(node)) < pingMsMax, `${node.name} answers`);
    t.equal(node.child.exitCode, null);
    t.notMatch(node.logs(), /suspect|dead/, 'no member was taken for dead');
  }
}

t.test('topics that are none, too long or too many are refused', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 1 });
  const node = nodes[0] as ClusterNode;
  for (const topic of ['x'.repeat(65_000), 'a..b', 'a.**', '"a"', 'a=1', 'ä', 'a.'.repeat(20)])
    t.match(await request(node, `SUBSCRIBE ${topic}`), /^ERR BAD_(REQUEST|OPTION) /, topic.slice(0, 20));
  t.match(await request(node, `PUBLISH ${'x'.repeat(257)} 1`), /^ERR BAD_REQUEST /);
  for (const verb of ['SUBSCRIBE', 'SUBSCRIBERS']) {
    t.equal(
      await request(node, `${verb} ${'x '.repeat(1_000)}y`),
      `ERR BAD_REQUEST "y" is one too many: ${verb} takes at most 1000 topics`,
    );
    t.match(await request(node, `HELP ${verb}`), 'at most 1000 topics at once');
  }
  t.match(await request(node, `SUBSCRIBE ${'x'.repeat(70_000)}`), /^ERR LINE_TOO_LONG /);
  for (const replay of ['101', '-1'])
    t.match(
      await request(node, `SUBSCRIBE a replay=${replay}`),
      /^ERR BAD_OPTION replay=: .* it is a whole number from 0 to 100$/,
    );
  const none = await connect(t, node);
  none.send('SUBSCRIBE a replay=0');
  t.match(await none.next(), /^\* subscribed /, 'none is as many as any');
  const lines = await connect(t, node);
  lines.socket.write(`PUBLISH a bytes=${mebibyte + 1} type=binary\n${'x'.repeat(mebibyte + 1)}\n`);
  t.match(await lines.next(), /^ERR BAD_REQUEST a message of a topic is at most 1MiB/);
  const odd = ['__proto__', 'constructor', 'toString'];
  lines.send(`@s SUBSCRIBE ${odd.join(' ')}`);
  await lines.next();
  for (const topic of odd) {
    lines.send(`PUBLISH ${topic} 1`);
    t.equal(await lines.next(), `@s * message {"topic":"${topic}","data":1}`);
    t.equal(await lines.next(), 'OK 1');
  }
  lines.send(`SUBSCRIBERS ${odd.join(' ')}`);
  t.equal(await lines.next(), 'OK {"__proto__":1,"constructor":1,"toString":1}');
});

t.test('of a million topics a node takes 100,000, and gives back what they took', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 2 });
  const [node, other] = nodes as [ClusterNode, ClusterNode];
  const lines = await connect(t, node);
  const before = residentBytes(node);
  for (let number = 0; number < 1_000; number++) {
    const topics = Array.from({ length: 1_000 }, (_, index) => `t.${number * 1_000 + index}`);
    lines.send(`@${number} SUBSCRIBE ${topics.join(' ')}`);
  }
  for (let number = 0; number < 1_000; number++) {
    const line = await lines.next();
    const expected = number < 100 ? `@${number} * subscribed ` : `@${number} ERR TOO_MANY_SUBSCRIPTIONS `;
    if (!line.startsWith(expected)) t.fail(line.slice(0, 100));
  }
  await untilSubscriptions(node, 100_000);
  await waitUntil('the other node knows', async () => (await request(other, 'PUBLISH t.99999 1')) === 'OK 1');
  const grown = (residentBytes(node) - before) / mebibyte;
  t.ok(grown < 200, `memory grew by ${grown.toFixed(0)} MiB`);
  lines.socket.resetAndDestroy();
  await untilSubscriptions(node, 0);
  await isWell(t, nodes);
});

t.test('who subscribes and goes, again and again, leaves nothing behind', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 2 });
  const node = nodes[0] as ClusterNode;
  const times = Number(process.env.CHURN ?? 20_000);
  const lines = await connect(t, node);
  const churn = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 500) {
      let text = '';
      for (let index = 0; index < 500; index++)
        text += `@s SUBSCRIBE room.${done + index} p.${index % 50}.*\nUNSUBSCRIBE s\n`;
      lines.socket.write(text);
      for (let line = 0; line < 1_500; line++) await lines.next();
    }
  };
  await churn(times / 4);
  const before = residentBytes(node);
  const startMs = performance.now();
  await churn(times);
  t.comment(`${times} subscriptions in ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
  const grown = (residentBytes(node) - before) / mebibyte;
  t.ok(grown < 80, `memory grew by ${grown.toFixed(0)} MiB`);
  await untilSubscriptions(node, 0);
  await isWell(t, nodes);
});

t.test('a subscriber that never reads is dropped, and the others get all', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 2 });
  const [node, other] = nodes as [ClusterNode, ClusterNode];
  const slow = net.connect(parseAddress(node.client)).on('error', () => {});
  t.teardown(() => slow.destroy());
  await once(slow, 'connect');
  slow.write('SUBSCRIBE room.1\n');
  await once(slow, 'data');
  slow.pause();
  const reader = await connect(t, node);
  reader.send('SUBSCRIBE room.*');
  await reader.next();
  await waitUntil(
    'both are known',
    async () => (await request(other, 'SUBSCRIBERS room.1')) === 'OK {"room.1":2}',
  );
  const before = residentBytes(node);
  const publisher = await connect(t, other);
  const text = JSON.stringify('x'.repeat(50_000));
  for (let number = 0; number < 1_000; number++) {
    publisher.send(`PUBLISH room.1 ${text}`);
    t.match(await publisher.next(), /^OK [12]$/) || t.bailout();
    const line = await reader.next();
    if (line.length < 50_000) t.fail(line);
  }
  await untilLogged(node, /SLOW_SUBSCRIBER/);
  const grown = (residentBytes(node) - before) / mebibyte;
  t.ok(grown < 120, `memory grew by ${grown.toFixed(0)} MiB`);
  await untilSubscriptions(node, 1);
  // What it is sent last, once it reads.
  let tail = '';
  slow.setEncoding('latin1').on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-400);
  });
  slow.resume();
  await waitUntil('it is told why', () => /\nERR SLOW_SUBSCRIBER [^\n]+\n$/.test(tail));
  await isWell(t, nodes);
});

t.test(
  'a storm of messages for a node that stands still is answered BUSY, and holds up nobody',
  async (t) => {
    const { nodes } = await clusterFor(t, { nodes: 3 });
    const [node, still, third] = nodes as [ClusterNode, ClusterNode, ClusterNode];
    const subscriber = await connect(t, still);
    subscriber.send('SUBSCRIBE storm');
    await subscriber.next();
    await waitUntil('it is known', async () => (await request(node, 'PUBLISH storm 0')) === 'OK 1');
    const before = residentBytes(node);
    still.kill('SIGSTOP');
    const text = JSON.stringify('x'.repeat(50_000));
    const publishers = await Promise.all(Array.from({ length: 4 }, () => connect(t, node)));
    const replies = await Promise.all(
      publishers.map(async (publisher) => {
        for (let number = 0; number < 250; number++) publisher.send(`PUBLISH storm ${text}`);
        const lines: string[] = [];
        for (let number = 0; number < 250; number++) lines.push(await publisher.next());
        return lines;
      }),
    );
    const busy = replies.flat().filter((line) => /^ERR BUSY retry-after=\d+ms /.test(line)).length;
    const sent = replies.flat().filter((line) => /^OK \d$/.test(line)).length;
    t.equal(busy + sent, 1_000);
    t.ok(busy > 800, `${busy} of 1,000 are refused, and ${sent} sent`);
    t.equal(await request(node, 'PUBLISH other 1'), 'OK 0', 'what that node does not want is taken');
    t.ok((await pingMs(node)) < pingMsMax);
    const grown = (residentBytes(node) - before) / mebibyte;
    t.ok(grown < 120, `memory grew by ${grown.toFixed(0)} MiB`);
    still.kill('SIGCONT');
    await waitUntil(
      'it takes messages again',
      async () => (await request(node, 'PUBLISH storm 1')) === 'OK 1',
    );
    t.equal(third.child.exitCode, null);
  },
);

t.test('clients that are gone in the middle of anything leave nothing behind', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 2 });
  const node = nodes[0] as ClusterNode;
  for (let index = 0; index < 20; index++) await request(node, `PUBLISH room.${index} ${index}`);
  const beginnings = [
    'SUBSCRIBE room.1 room.*\n',
    'SUBSCRIBE * replay=100\n',
    '@a SUBSCRIBE room.1 replay=10\nUNSUBSCRIBE a\n@b SUBSCRIBE room.',
    'PUBLISH room.1 bytes=100000\n[1,2',
    'PUBLISH room.1 1\nPUBLISH room.1 2\nSUBSCRIBERS room.1\n',
  ];
  for (let round = 0; round < 200; round++) {
    const socket = net.connect(parseAddress(node.client)).on('error', () => {});
    await once(socket, 'connect');
    const beginning = beginnings[round % beginnings.length] as string;
    const answered = once(socket, 'data');
    answered.catch(() => {});
    const written = new Promise((resolve) => socket.write(beginning, resolve));
    // At once, once it is on its way, or in the middle of the answers, where there are any.
    if (round % 3 > 0) await written;
    if (round % 3 > 1 && !beginning.includes('bytes=')) await answered;
    if (round % 2 === 0) socket.resetAndDestroy();
    else socket.destroy();
  }
  // Of one that has closed without a reset, the node hears once it sends it something.
  await waitUntil('nobody subscribes', async () => (await request(node, 'PUBLISH room.1 1')) === 'OK 0');
  await untilSubscriptions(node, 0);
  t.equal(await request(node, 'PUBLISH room.1 1'), 'OK 0');
  await isWell(t, nodes);
});

t.test('who has all that is kept looked through, again and again, holds up nobody', async (t) => {
  const { nodes } = await clusterFor(t, { nodes: 2 });
  const [node, other] = nodes as [ClusterNode, ClusterNode];
  const publisher = await connect(t, node);
  const topicCount = 20_000;
  for (let done = 0; done < topicCount; done += 1_000) {
    for (let index = 0; index < 1_000; index++) publisher.send(`PUBLISH t.${done + index} 1`);
    for (let index = 0; index < 1_000; index++) await publisher.next();
  }
  const greedy = net.connect(parseAddress(other.client)).on('error', () => {});
  t.teardown(() => greedy.destroy());
  await once(greedy, 'connect');
  greedy.resume();
  let text = '@x SUBSCRIBE x\n';
  for (let index = 0; index < 1_000; index++) text += `@u${index} SUBSCRIBE * replay=100\n`;
  greedy.write(text);
  const worstMs = [0, 0];
  for (let round = 0; round < 200; round++) {
    for (const [index, asked] of [node, other].entries())
      worstMs[index] = Math.max(worstMs[index] as number, await pingMs(asked));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.comment(`PING took ${worstMs.map((ms) => ms.toFixed(0)).join(' and ')} ms at most`);
  // One after the other, all in one turn, these took 3 s.
  for (const ms of worstMs) t.ok(ms < 1_000, `${ms.toFixed(0)} ms`);
  await isWell(t, nodes);
});
