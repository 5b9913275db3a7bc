import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { okReply } from '../../src/core/reply.js';
import { createClientServer, defaultClientServerLimits } from '../../src/net/line-server.js';
import { startFakeNode } from '../support/fake-node.js';
import { dial, readAll, start, turn } from '../support/fake-node-client.js';

t.test('a hundred thousand pipelined requests are answered in order', async (t) => {
  const node = await start(t);
  const socket = await dial(t, node);
  const count = 100_000;
  socket.end(Array.from({ length: count }, (_, index) => `RUN echo ${index}\n`).join(''));
  const lines = (await readAll(socket)).split('\n');
  t.equal(lines.length, count + 1);
  t.ok(lines.slice(0, count).every((line, index) => line === `OK ${index}`));
  t.equal(node.server.stats().requests, count);
});

t.test('a slow client that sends a byte at a time is served', async (t) => {
  const node = await start(t);
  const socket = await dial(t, node);
  socket.setNoDelay(true);
  for (const byte of Buffer.from('@é PING\nRUN echo bytes=4\n"é"\n')) {
    await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  t.match((await readAll(socket)).split('\n'), [/^ERR BAD_REQUEST "é" is no tag/, 'OK "é"', '']);
});

t.test('answers reach a client that has half-closed, and then the node closes', async (t) => {
  const node = await start(t);
  const socket = await dial(t, node);
  socket.end('RUN sleep 30\n@t RUN echo 1\n');
  t.equal(await readAll(socket), '@t OK 1\nOK null\n');
});

t.test('a large result arrives whole, characters of several bytes included', async (t) => {
  const node = await start(t);
  const socket = await dial(t, node);
  const text = `"${'a😀'.repeat(1_000_000)}"`;
  socket.end(`RUN echo bytes=${Buffer.byteLength(text)}\n${text}\n`);
  t.ok((await readAll(socket)) === `OK ${text}\n`);
});

t.test(
  'a client that never reads is read from no further, then dropped and logged; others are not held up',
  async (t) => {
    const { reached, look } = turn(() => node.logged.length > 0);
    const node = await start(t, { limits: { stallTimeoutMs: 200 }, changed: () => look() });
    const socket = await dial(t, node);
    socket.on('error', () => {});
    socket.write('RUN big 1000000\n'.repeat(1_000));
    const other = await dial(t, node);
    other.write('PING\n');
    t.equal(String((await once(other, 'data'))[0]), 'OK pong\n');
    await reached;
    t.match(node.logged, [{ fields: { code: 'SLOW_CLIENT', client: `127.0.0.1:${socket.localPort}` } }]);
    t.ok(node.server.stats().requests < 30, 'few of its requests were taken');
    other.end('PING\n');
    t.equal(await readAll(other), 'OK pong\n');
  },
);

t.test(
  'a client that reads none of what a job yields is dropped, however little of it may wait',
  async (t) => {
    const asked = turn(() => node.open.size === 1);
    const told = turn(() => node.logged.length > 0);
    const node = await start(t, {
      limits: { stallTimeoutMs: 200 },
      changed: () => {
        asked.look();
        told.look();
      },
    });
    const socket = await dial(t, node);
    socket.pause();
    socket.write('@s RUN never stream=yes\n');
    await asked.reached;
    const payload = JSON.stringify('x'.repeat(1_000));
    for (let chunk = 1; node.server.stats().replyBytes < 100_000; chunk++) {
      node.server.item(1, { type: 'data', payload, chunk });
      if (chunk % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await told.reached;
    t.match(node.logged, [{ fields: { code: 'SLOW_CLIENT' } }]);
  },
);

t.test(
  'a client that has ended its side, and then goes, is noticed though nothing is said to it',
  async (t) => {
    const asked = turn(() => node.open.size === 2);
    const gone = turn(() => node.abandoned.length > 0);
    const node = await start(t, {
      limits: { stallTimeoutMs: 200 },
      changed: () => {
        asked.look();
        gone.look();
      },
    });
    const socket = await dial(t, node);
    const other = await dial(t, node);
    socket.end('RUN never\n');
    other.end('RUN never\n');
    await asked.reached;
    t.strictSame(node.abandoned, []);
    socket.resetAndDestroy();
    await gone.reached;
    t.equal(node.abandoned.length, 1);
    for (const request of node.open.keys()) node.server.reply(request, okReply('late'));
    t.equal(await readAll(other), 'OK late\n');
  },
);

/** Connects, sends this and resets the connection, and does so while this thread, and so the node, accepts nothing. */
function sendAndReset(address: string, text: string): void {
  const done = new Int32Array(new SharedArrayBuffer(4));
  const port = Number(address.split(':').pop());
  const code = `
    const { workerData } = require('node:worker_threads');
    const socket = require('node:net').connect(workerData.port, '127.0.0.1', () =>
      socket.write(workerData.text, () => socket.resetAndDestroy()));
    socket.on('close', () => Atomics.store(workerData.done, 0, 1) + Atomics.notify(workerData.done, 0));`;
  new Worker(code, { eval: true, workerData: { port, text, done } });
  Atomics.wait(done, 0, 0, 10_000);
}

t.test('a client that was killed before it was accepted is logged as that', async (t) => {
  const { reached, look } = turn(() => node.logged.length > 0);
  const node = await start(t, { changed: () => look() });
  sendAndReset(node.address, 'NONSENSE\n');
  await reached;
  t.match(node.logged, [
    { text: 'A client sent what is no request', fields: { client: 'unknown, gone before it was accepted' } },
  ]);
});

t.test('a client that reads slowly is not dropped', async (t) => {
  const node = await start(t, { limits: { stallTimeoutMs: 1_000 } });
  const socket = await dial(t, node);
  socket.write('RUN big 1000000\n'.repeat(20));
  socket.end();
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length;
    // The pace of the reader: all of it takes longer than a client may stand still.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.equal(bytes, 20 * 'OK ""\n'.length + 20_000_000);
  t.strictSame(node.logged, []);
});

t.test('reading stops at the limit of requests in flight and goes on when one is answered', async (t) => {
  const { reached, look } = turn(() => node.open.size === 10);
  const node = await start(t, { limits: { requestsInFlightMax: 10 }, changed: () => look() });
  const socket = await dial(t, node);
  socket.end('@t RUN never\n'.repeat(25));
  await reached;
  let most = 0;
  const text = readAll(socket);
  for (let request = 1; request <= 25; request++) {
    most = Math.max(most, node.open.size);
    node.open.delete(request);
    node.server.reply(request, okReply());
    while (request < 25 && !node.open.has(request + 1)) await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal(await text, '@t OK\n'.repeat(25));
  t.ok(most <= 10);
});

t.test('requests of a connection that breaks are abandoned, and late answers to them ignored', async (t) => {
  const asked = turn(() => node.open.size === 2);
  const abandoned = turn(() => node.abandoned.length === 2);
  const node = await start(t, {
    changed: () => {
      asked.look();
      abandoned.look();
    },
  });
  const socket = await dial(t, node);
  socket.write('RUN never\n@t RUN never\nRUN echo 1\n');
  await asked.reached;
  socket.resetAndDestroy();
  await abandoned.reached;
  t.strictSame(node.abandoned, [1, 2]);
  node.server.reply(1, okReply());
  t.equal(node.server.stats().connections, 0);
});

t.test('HTTP and TLS are told so and closed, whatever else they send', async (t) => {
  const node = await start(t);
  for (const [opening, name] of [
    ['POST /jobs HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"a":"b"}', 'HTTP'],
    ['\x16\x03\x01\x02\x00\x01\x00', 'TLS'],
  ] as const) {
    const socket = await dial(t, node);
    socket.write(Buffer.from(opening + 'x'.repeat(500_000), 'latin1'));
    t.match(await readAll(socket), new RegExp(`^ERR WRONG_PROTOCOL [^\n]*${name}[^\n]*\n$`));
  }
  t.match(
    node.logged.map(({ fields }) => fields.code),
    ['WRONG_PROTOCOL', 'WRONG_PROTOCOL'],
  );
});

t.test('a line without end is refused at the limit, and the client can read why', async (t) => {
  const node = await start(t);
  const socket = await dial(t, node);
  socket.on('error', () => {});
  socket.write('x'.repeat(2_000_000));
  t.match(await readAll(socket), /^ERR LINE_TOO_LONG [^\n]*\n$/);
});

t.test(
  'a client over the limit of connections is told so; a place that is free again is given',
  async (t) => {
    const node = await start(t, { limits: { connectionsMax: 1 } });
    const first = await dial(t, node);
    first.write('PING\n');
    await once(first, 'data');
    const second = await dial(t, node);
    second.write('PING\n');
    t.match(await readAll(second), /^ERR TOO_MANY_CONNECTIONS [^\n]*\n$/);
    first.end('QUIT\n');
    await readAll(first);
    first.destroy();
    while (node.server.stats().connections > 0) await new Promise((resolve) => setImmediate(resolve));
    const third = await dial(t, node);
    third.end('PING\n');
    t.equal(await readAll(third), 'OK pong\n');
    t.match(node.logged, [{ fields: { code: 'TOO_MANY_CONNECTIONS' } }]);
  },
);

t.test(
  'the first mistake of a client is logged with where it came from, further ones for debugging only',
  async (t) => {
    const node = await start(t);
    const socket = await dial(t, node);
    socket.end('NOSUCH\nNOSUCH\nRUN nosuch\n');
    await readAll(socket);
    t.match(node.logged, [
      { level: 'warn', fields: { code: 'UNKNOWN_VERB', client: /^127\.0\.0\.1:\d+$/ } },
      { level: 'debug', fields: { code: 'UNKNOWN_VERB' } },
    ]);
    t.equal(node.logged.length, 2, 'a job that fails is no mistake of the client');
    t.match(node.server.stats(), { requests: 3, errors: 3 });
  },
);

t.test('a port that can not be opened says what to do', async (t) => {
  const node = await start(t);
  await t.rejects(startFakeNode({ port: Number(node.address.split(':').pop()) }), {
    code: 'ADDRESS_IN_USE',
    message: /is in use by another program; choose another/,
  });
  await t.rejects(startFakeNode({ host: '192.0.2.1' }), {
    code: 'BAD_ADDRESS',
    message: /not an address of this machine/,
  });
});

t.test('shutdown closes idle connections, and gives those in flight their grace', async (t) => {
  const asked = turn(() => node.open.size === 1);
  const node = await start(t, { changed: () => asked.look() });
  const idle = await dial(t, node);
  const busy = await dial(t, node);
  busy.write('RUN never\n');
  await asked.reached;
  const done = node.server.shutdown(10_000);
  t.equal(await readAll(idle), '');
  idle.destroy();
  node.server.reply(1, okReply('late'));
  t.equal(await readAll(busy), 'OK late\n');
  busy.destroy();
  await done;
});

t.test('shutdown ends what is left after its grace', async (t) => {
  const asked = turn(() => node.open.size === 1);
  const node = await start(t, { changed: () => asked.look() });
  const socket = await dial(t, node);
  socket.write('RUN never\n');
  await asked.reached;
  await node.server.shutdown(20);
  t.equal(await readAll(socket), '');
  t.strictSame(node.abandoned, [1]);
  await t.resolves(node.server.shutdown(0), 'twice is once');
});

t.test('a shutdown while the port is being opened closes it', async (t) => {
  const server = createClientServer({
    host: '127.0.0.1',
    port: 0,
    limits: defaultClientServerLimits,
    authToken: null,
    hello: {},
    listener: { request: () => {}, requestAbandoned: () => {}, itemsWanted: () => {} },
    log: () => {},
  });
  const opening = server.listen();
  await server.shutdown(0);
  const socket = connect({ port: Number((await opening).split(':').pop()), host: '127.0.0.1' });
  await t.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' });
});
