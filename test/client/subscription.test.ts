import t, { type Test } from 'tap';
import { type Client, connect } from '../../src/client/client.js';
import { type SubscriptionItem, subscribeTo } from '../../src/client/subscription.js';
import { type Script, type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { waitUntil } from '../support/wait-until.js';

const request = { verb: 'SUBSCRIBE', operands: ['news.*', 'room'] };
const subscribed = '* subscribed {"topics":["news.*","room"]}';

function message(topic: string, data: unknown): string {
  return `* message ${JSON.stringify({ topic, data })}`;
}

/** A node that answers one SUBSCRIBE after the other with these lines; `lost` ends its connection. */
async function nodeFor(t: Test, ...scripts: (readonly string[])[]): Promise<ScriptedServer> {
  let turn = 0;
  const script: Script = ({ verb, tag, socket }) => {
    if (verb !== 'SUBSCRIBE') return 'OK []';
    for (const line of scripts[turn++] ?? []) {
      if (line === 'lost') socket.end();
      else socket.write(`@${tag} ${line}\n`);
    }
    return null;
  };
  const server = await startScriptedServer(script);
  t.teardown(() => server.close());
  return server;
}

async function clientOf(t: Test, server: ScriptedServer): Promise<Client> {
  const client = await connect({ nodes: [server.address], searchMs: 300 });
  t.teardown(() => client.close());
  return client;
}

/** All that is told, as a word each, and the code or text of the answer. */
async function wordsOf(stream: ReturnType<typeof subscribeTo>): Promise<string[]> {
  const words: string[] = [];
  for (;;) {
    const step = await stream.next();
    if (step.done === true) return [...words, step.value.ok ? 'OK' : step.value.code];
    words.push(wordOf(step.value));
  }
}

function wordOf(item: SubscriptionItem): string {
  return item.type === 'message' ? `${item.topic} ${JSON.stringify(item.data)}` : item.type;
}

t.test('values and bytes come with the topics they were published to', async (t) => {
  const bytes = '* message bytes=3 type=binary topic=room\nabc';
  const server = await nodeFor(t, [
    subscribed,
    message('news.a', { n: 1 }),
    '* rumour {}',
    bytes,
    'ERR SLOW_SUBSCRIBER you read too slowly',
  ]);
  const words = await wordsOf(subscribeTo(await clientOf(t, server), request));
  t.strictSame(words, [
    'subscribed',
    'news.a {"n":1}',
    'room {"type":"Buffer","data":[97,98,99]}',
    'SLOW_SUBSCRIBER',
  ]);
  t.strictSame(server.lines, ['SUBSCRIBE news.* room']);
});

t.test('a subscription goes on after its node was lost, and says that something may be missed', async (t) => {
  const server = await nodeFor(
    t,
    [subscribed, message('room', 1), 'lost'],
    ['lost'],
    [subscribed, message('room', 2), 'lost'],
    [subscribed, 'OK'],
  );
  const words = await wordsOf(
    subscribeTo(await clientOf(t, server), { ...request, options: [['replay', '5']] }),
  );
  t.strictSame(words, ['subscribed', 'room 1', 'gap', 'subscribed', 'room 2', 'gap', 'subscribed', 'OK']);
  t.strictSame(
    server.lines.filter((line) => line.startsWith('SUBSCRIBE')),
    ['SUBSCRIBE news.* room replay=5', ...Array.from({ length: 3 }, () => 'SUBSCRIBE news.* room')],
    'what was published before is asked for once',
  );
});

t.test('a subscription that was never told that it holds has no gap', async (t) => {
  const server = await nodeFor(t, ['lost'], [subscribed, 'OK']);
  t.strictSame(await wordsOf(subscribeTo(await clientOf(t, server), request)), ['subscribed', 'OK']);
});

t.test('a subscription ends when no node is left', async (t) => {
  const server = await nodeFor(t, [subscribed]);
  const stream = subscribeTo(await clientOf(t, server), request);
  await stream.next();
  await server.close();
  await t.rejects(stream.next(), { code: 'NO_NODE' });
});

t.test('what is no message is refused', async (t) => {
  for (const line of [
    '* message 1',
    '* message {"data":1}',
    '* message bytes=1 type=binary\na',
    '* message {',
  ]) {
    const stream = subscribeTo(await clientOf(t, await nodeFor(t, [line])), request);
    await t.rejects(stream.next(), { code: 'BAD_REPLY' }, line);
  }
});

t.test(
  'who leaves resets the connection, since its end alone would only say that no more is asked',
  async (t) => {
    const ends: string[] = [];
    const server = await startScriptedServer(({ verb, tag, socket }) => {
      if (verb !== 'SUBSCRIBE') return 'OK []';
      socket.on('end', () => ends.push('end'));
      socket.on('close', () => ends.push('close'));
      socket.write(`@${tag} ${subscribed}\n`);
      return null;
    });
    t.teardown(() => server.close());
    const client = await clientOf(t, server);
    for await (const _ of subscribeTo(client, request)) break;
    await waitUntil('it is closed', async () => ends.length > 0);
    const other = subscribeTo(client, request);
    await other.next();
    client.close();
    await waitUntil('it is closed with its client', async () => ends.length > 1);
    t.strictSame(ends, ['close', 'close']);
  },
);
