import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import {
  type BystanderOptions,
  bystanderAt,
  pingMs,
  residentBytes,
  untilLogged,
} from '../support/bystander.js';
import { type ClusterNode, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { testTasks } from '../support/hold-job.js';
import { connectLines, parseAddress } from '../support/line-connection.js';

interface Target {
  readonly node: ClusterNode;
  isUnharmed(): Promise<void>;
}

async function target(t: Test, tls = false, options: BystanderOptions = {}): Promise<Target> {
  const cluster = await clusterFor(t, { nodes: 1, tls, args: ['--tasks', testTasks] });
  const node = cluster.nodes[0] as ClusterNode;
  const bystander = await bystanderAt(cluster, node, options);
  return { node, isUnharmed: () => bystander.isUnharmed(t) };
}

/** A socket that gathers what it reads, unless it is told not to read. */
async function rawSocket(t: Test, address: string, reads = true) {
  const socket = net.connect(parseAddress(address)).on('error', () => {});
  t.teardown(() => socket.destroy());
  let text = '';
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(text)));
  if (reads) {
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
  } else socket.pause();
  await once(socket, 'connect');
  return { socket, closed };
}

/** Sends `text` again and again until the socket has taken nothing for a while, or has taken `bytesMax`. */
async function flood(socket: net.Socket, text: string, bytesMax: number): Promise<number> {
  const chunk = Buffer.from(text.repeat(Math.ceil(65_536 / text.length)));
  let taken = 0;
  while (taken < bytesMax && !socket.destroyed) {
    taken += chunk.length;
    if (socket.write(chunk)) continue;
    const stalled = AbortSignal.timeout(1_500);
    try {
      await once(socket, 'drain', { signal: stalled });
    } catch {
      break;
    }
  }
  return taken;
}

t.test('100,000 requests at once are all answered in order to a client that reads', async (t) => {
  // 50,000 outcomes are kept, and nothing has been collected yet: a node is not idle for long enough here.
  const growthBytesMax = 250 * 1024 * 1024;
  const { node, isUnharmed } = await target(t, false, { growthBytesMax });
  const count = 100_000;
  const lines = await connectLines(node.client);
  t.teardown(() => lines.close());
  const before = residentBytes(node);
  lines.socket.write('RUN echo 1\n'.repeat(count / 2) + 'PING\n'.repeat(count / 2));
  let peak = 0;
  let slowestMs = 0;
  for (let index = 0; index < count; index++) {
    const reply = await lines.next(30_000);
    if (reply !== (index < count / 2 ? 'OK 1' : 'OK pong')) t.fail(`reply ${index}: ${reply}`);
    if (index % 10_000 !== 0) continue;
    peak = Math.max(peak, residentBytes(node) - before);
    slowestMs = Math.max(slowestMs, await pingMs(node));
  }
  t.ok(peak < growthBytesMax, `memory grew by ${Math.round(peak / 1024 / 1024)} MiB at most`);
  t.ok(slowestMs < 2_000, `another client waited ${Math.round(slowestMs)} ms at most`);
  await isUnharmed();
});

t.test('a client that never reads is held back, and costs the node next to nothing', async (t) => {
  const { node, isUnharmed } = await target(t);
  for (const text of ['HELP\n', `RUN echo "${'x'.repeat(60_000)}"\n`, '@a NODES\n', 'NOSUCHVERB\n']) {
    const { socket } = await rawSocket(t, node.client, false);
    const taken = await flood(socket, text, 256 * 1024 * 1024);
    t.ok(taken < 256 * 1024 * 1024, `${text.slice(0, 10)}: it was held back after ${taken} bytes`);
  }
  await isUnharmed();
});

t.test('a request that comes one byte at a time is a request', async (t) => {
  const { node, isUnharmed } = await target(t);
  const { socket, closed } = await rawSocket(t, node.client);
  socket.setNoDelay(true);
  for (const byte of Buffer.from('@a RUN echo {"ü":1}\r\nRUN echo bytes=2\n12\nPING\n')) {
    await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
  }
  socket.end();
  t.same((await closed).trimEnd().split('\n').sort(), ['@a OK {"Ã¼":1}', 'OK 12', 'OK pong']);
  await isUnharmed();
});

t.test('a line without end, and a body that is announced and never comes, are bounded', async (t) => {
  const { node, isUnharmed } = await target(t);
  const endless = await rawSocket(t, node.client);
  await flood(endless.socket, 'x', 1024 * 1024);
  endless.socket.end();
  t.match(await endless.closed, /^ERR LINE_TOO_LONG /);
  const bodies = await Promise.all(Array.from({ length: 200 }, () => rawSocket(t, node.client)));
  for (const { socket } of bodies) socket.write('RUN echo bytes=16777216\n{"a":');
  t.ok((await pingMs(node)) < 1_000);
  const [first] = bodies;
  first?.socket.end();
  t.match(await first?.closed, /^ERR BAD_REQUEST the connection ended 16777211 bytes before/);
  const over = await rawSocket(t, node.client);
  over.socket.write('RUN echo bytes=99999999999999999999\n');
  t.match(await over.closed, /^ERR (BODY_TOO_LARGE|BAD_OPTION) /);
  await isUnharmed();
});

t.test('a thousand connections that are opened and dropped leave nothing behind', async (t) => {
  const { node, isUnharmed } = await target(t);
  for (let round = 0; round < 10; round++) {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => rawSocket(t, node.client)));
    for (const [index, { socket }] of sockets.entries()) {
      if (index % 3 > 0) socket.write('RUN hold');
      if (index % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    await Promise.all(sockets.map(({ closed }) => closed));
  }
  const connections = async (): Promise<boolean> => {
    const metrics = await (await fetch(`http://${node.http}/metrics`)).text();
    return /^rondo_client_connections 0$/m.test(metrics);
  };
  await waitUntil('the node has noticed', connections);
  t.match(await requestJson(node, 'INFO'), { members: { alive: 1 } });
  await isUnharmed();
});

const foreign: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
  ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...Array(600).fill(7)])],
  ['garbage', Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7919 + 13) & 0xff))],
  ['2^32-1', Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])],
];

for (const tls of [false, true]) {
  t.test(
    `HTTP, TLS and garbage on both ports are told so and dropped, ${tls ? 'with' : 'without'} a key`,
    async (t) => {
      const { node, isUnharmed } = await target(t, tls);
      for (const [name, bytes] of foreign) {
        const atLines = await rawSocket(t, node.client);
        atLines.socket.end(bytes);
        const said = await atLines.closed;
        t.match(
          said,
          name === 'HTTP' || name === 'TLS' ? /^ERR WRONG_PROTOCOL / : /^ERR BAD_/,
          `${name}: client port`,
        );
        const atPeers = await rawSocket(t, node.peer);
        atPeers.socket.write(bytes);
        await atPeers.closed;
        t.pass(`${name}: the peer port closes`);
      }
      await untilLogged(node, tls ? /Refused|Dropped/ : /WRONG_PROTOCOL/);
      const metrics = await (await fetch(`http://${node.http}/metrics`)).text();
      t.match(metrics, /^rondo_peer_protocol_errors_total [1-9]/m, 'and it is counted');
      await isUnharmed();
    },
  );
}
