import { once } from 'node:events';
import t from 'tap';
import type { Message } from '../../src/core/item.js';
import { okReply } from '../../src/core/reply.js';
import { dial, readAll, start, turn } from '../support/fake-node-client.js';

t.test(
  'replies that wait for an earlier one count: past the limit, their client is told and closed',
  async (t) => {
    const asked = turn(() => node.open.size === 5);
    const node = await start(t, { limits: { replyBytesMax: 3_500_000 }, changed: () => asked.look() });
    const socket = await dial(t, node);
    const { localPort } = socket;
    socket.write('RUN never\n'.repeat(5));
    await asked.reached;
    for (let request = 2; request <= 5; request++) node.server.reply(request, okReply('x'.repeat(1_000_000)));
    t.match(await readAll(socket), /^ERR REPLIES_TOO_LARGE [^\n]+\n$/, 'in place of all that waits');
    t.strictSame(node.abandoned, [1], 'who waits for what is not answered waits no longer');
    t.match(node.logged, [{ fields: { code: 'REPLIES_TOO_LARGE', client: `127.0.0.1:${localPort}` } }]);
    t.equal(node.server.stats().replyBytes, 0);
  },
);

t.test('a client that reads nothing of large replies to many requests is cut off', async (t) => {
  const asked = turn(() => node.open.size === 40);
  const told = turn(() => node.logged.length > 0);
  const node = await start(t, {
    limits: { replyBytesMax: 10_000_000 },
    changed: () => {
      asked.look();
      told.look();
    },
  });
  const socket = await dial(t, node);
  socket.pause();
  socket.write('@t RUN never\n'.repeat(40));
  await asked.reached;
  let most = 0;
  for (let request = 1; request <= 40; request++) {
    node.server.reply(request, okReply('x'.repeat(1_000_000)));
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, node.server.stats().replyBytes);
  }
  await told.reached;
  t.ok(most <= 11_100_000, `${most} bytes were kept at most`);
  t.ok(node.server.stats().replyBytes < 2_500_000, 'all but what is on the socket is let go');
  t.match(await readAll(socket), /^(?:@t OK x+\n)+ERR REPLIES_TOO_LARGE [^\n]+\n$/);
  t.ok(node.abandoned.length > 0);
});

t.test('a client that reads gets far more than may wait for it', async (t) => {
  const node = await start(t, { limits: { replyBytesMax: 5_000_000, replyBytesTotalMax: 5_000_000 } });
  const socket = await dial(t, node);
  socket.end('RUN big 1000000\n'.repeat(50));
  let bytes = 0;
  for await (const chunk of socket) bytes += (chunk as Buffer).length;
  t.equal(bytes, 50 * 'OK ""\n'.length + 50_000_000);
  t.strictSame(node.logged, []);
});

t.test('past the limit for all clients, the one that most waits for is cut off', async (t) => {
  const asked = turn(() => node.open.size === 2);
  const allAsked = turn(() => node.open.size === 6);
  const node = await start(t, {
    limits: { replyBytesTotalMax: 3_500_000 },
    changed: () => {
      asked.look();
      allAsked.look();
    },
  });
  const modest = await dial(t, node);
  modest.write('RUN never\nRUN never\n');
  await asked.reached;
  const greedy = await dial(t, node);
  greedy.write('RUN never\n'.repeat(4));
  await allAsked.reached;
  for (const request of [2, 4, 5, 6]) node.server.reply(request, okReply('x'.repeat(1_000_000)));
  t.match(await readAll(greedy), /^ERR REPLIES_TOO_LARGE [^\n]+\n$/);
  node.server.reply(1, okReply('late'));
  modest.end();
  t.match(await readAll(modest), /^OK late\nOK x+\n$/);
  t.equal(node.server.stats().replyBytes, 0);
});

t.test(
  'a body that was refused, or has no line break behind it, does not hold its connection for ever',
  async (t) => {
    const node = await start(t, { limits: { stallTimeoutMs: 200 } });
    const refused = await dial(t, node);
    refused.write('@e NOSUCHVERB bytes=100000\n1');
    t.match(await readAll(refused), /^@e ERR UNKNOWN_VERB [^\n]+\nERR SLOW_CLIENT [^\n]+\n$/);
    const unbroken = await dial(t, node);
    unbroken.write('NOSUCHVERB bytes=3\n1234x');
    t.match(
      await readAll(unbroken),
      /^ERR UNKNOWN_VERB [^\n]+\nERR BAD_REQUEST [^\n]+\nERR SLOW_CLIENT [^\n]+\n$/,
    );
  },
);

t.test('a line or a body that does not go on is refused after a time, and its room given back', async (t) => {
  const node = await start(t, { limits: { stallTimeoutMs: 200 } });
  const line = await dial(t, node);
  line.write('RUN echo');
  const body = await dial(t, node);
  body.write('@b RUN echo bytes=1000000\n');
  body.write('1'.repeat(1_000));
  const waiting = await dial(t, node);
  waiting.write('RUN never\n');
  t.match(await readAll(line), /^ERR SLOW_CLIENT [^\n]+\n$/);
  t.match(await readAll(body), /^@b ERR SLOW_CLIENT [^\n]+\n$/);
  t.equal(node.server.stats().receivingBytes, 0);
  t.notOk(waiting.destroyed || waiting.readableEnded, 'who has begun nothing may be silent');
  node.server.reply(node.open.keys().next().value as number, okReply());
  waiting.end();
  t.equal(await readAll(waiting), 'OK\n');
});

t.test('a client that sends slowly, and one that is not read from, are not refused', async (t) => {
  const asked = turn(() => node.open.size === 1);
  const node = await start(t, {
    limits: { stallTimeoutMs: 200, requestsInFlightMax: 1 },
    changed: () => asked.look(),
  });
  const held = await dial(t, node);
  held.write('RUN never\nRUN echo');
  await asked.reached;
  const slow = await dial(t, node);
  for (const byte of 'RUN echo 12345\n') {
    slow.write(byte);
    // The pace of the sender: the whole line takes several times what a client may stand still.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.equal(String((await once(slow, 'data'))[0]), 'OK 12345\n');
  node.server.reply(1, okReply('late'));
  held.end(' 1\n');
  t.equal(await readAll(held), 'OK late\nOK 1\n');
});

t.test('bodies past the limit for all clients are answered BUSY, whoever sends them', async (t) => {
  const node = await start(t, { limits: { receivingBytesMax: 1_500_000 } });
  const first = await dial(t, node);
  first.write(`RUN echo bytes=1000000\n${'1'.repeat(999_999)}`);
  while (node.server.stats().receivingBytes === 0) await new Promise((resolve) => setImmediate(resolve));
  const second = await dial(t, node);
  second.end(`@b RUN echo bytes=1000000\n${'1'.repeat(1_000_000)}\nPING\n`);
  t.match(await readAll(second), /^@b ERR BUSY retry-after=1s [^\n]+\nOK pong\n$/);
  t.match(node.logged, [{ level: 'warn', fields: { code: 'BUSY' } }]);
  first.end('1\n');
  t.equal(await readAll(first), `OK ${'1'.repeat(1_000_000)}\n`);
  t.equal(node.server.stats().receivingBytes, 0);
});

const message: Message = { topic: 'room.1', payload: JSON.stringify('x'.repeat(100_000)) };

t.test('a subscription is not ended for other replies of its connection', async (t) => {
  const asked = turn(() => node.open.size === 2);
  const node = await start(t, { changed: () => asked.look() });
  const socket = await dial(t, node);
  socket.pause();
  socket.write('@s SUBSCRIBE room.1\n@r RUN never\n');
  await asked.reached;
  const [subscription, run] = node.open.keys() as Iterable<number>;
  node.server.reply(run as number, okReply('x'.repeat(12_000_000)));
  for (let index = 0; index < 30; index++) node.server.deliver([subscription as number], message);
  t.strictSame(node.logged, []);
  node.server.reply(subscription as number, okReply());
  socket.end();
  const text = await readAll(socket);
  t.equal(text.match(/^@s \* message /gm)?.length, 30);
  t.match(text, /\n@s OK\n$/);
});

t.test('it is ended for messages that wait, and only for as long as they do', async (t) => {
  const asked = turn(() => node.open.size === 1);
  const node = await start(t, { changed: () => asked.look() });
  const socket = await dial(t, node);
  socket.write('SUBSCRIBE room.1\n');
  await asked.reached;
  const [subscription] = node.open.keys() as Iterable<number>;
  const reader = readAll(socket);
  for (let round = 0; round < 10; round++) {
    for (let index = 0; index < 20; index++) node.server.deliver([subscription as number], message);
    while (node.server.stats().replyBytes > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  t.strictSame(node.logged, [], 'what was taken does not count');
  for (let index = 0; index < 42; index++) node.server.deliver([subscription as number], message);
  t.match(node.logged, [{ fields: { code: 'SLOW_SUBSCRIBER', bytes: 42 * 100_039 } }]);
  socket.end();
  t.match(await reader, /\nERR SLOW_SUBSCRIBER [^\n]+\n$/);
});
