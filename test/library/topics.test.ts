import t, { type Test } from 'tap';
import { Client, SlowSubscriberError } from '../../src/index.js';
import { type Script, type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { waitUntil } from '../support/wait-until.js';

const subscribed = '* subscribed {"topics":["room.*"]}';

async function clientFor(t: Test, script: Script): Promise<{ client: Client; server: ScriptedServer }> {
  const server = await startScriptedServer(script);
  const client = await Client.connect({ nodes: server.address, searchTimeout: 300 });
  t.teardown(async () => {
    await client.close();
    await server.close();
  });
  return { client, server };
}

/** Answers one SUBSCRIBE after the other with these lines; `lost` ends its connection. */
function subscriptions(...scripts: (readonly string[])[]): Script {
  let turn = 0;
  return ({ verb, tag, socket }) => {
    if (verb !== 'SUBSCRIBE') return 'OK []';
    for (const line of scripts[turn++] ?? []) {
      if (line === 'lost') socket.end();
      else socket.write(`@${tag} ${line}\n`);
    }
    return null;
  };
}

function message(data: unknown): string {
  return `* message ${JSON.stringify({ topic: 'room.1', data })}`;
}

t.test('values and bytes are published, and the number of subscribers is told', async (t) => {
  const bodies: (Buffer | null)[] = [];
  const { client, server } = await clientFor(t, ({ verb, body }) => {
    if (verb === 'SUBSCRIBERS') return 'OK {"room.1":3,"room.2":0}';
    bodies.push(body);
    return 'OK 3';
  });
  t.equal(await client.publish('room.1', { n: 1 }), 3);
  t.equal(await client.publish('room.1'), 3);
  t.equal(await client.publish('room.1', Buffer.from([0, 10])), 3);
  t.strictSame(await client.subscribers('room.1', 'room.2'), { 'room.1': 3, 'room.2': 0 });
  t.strictSame(server.lines, [
    'PUBLISH room.1 {"n":1}',
    'PUBLISH room.1',
    'PUBLISH room.1 bytes=2 type=binary',
    'SUBSCRIBERS room.1 room.2',
  ]);
  t.strictSame(bodies.at(-1), Buffer.from([0, 10]));
});

t.test('a message that may have been published is not published again', async (t) => {
  const { client, server } = await clientFor(t, ({ verb, socket }) => {
    if (verb !== 'PUBLISH') return 'OK []';
    socket.destroy();
    return null;
  });
  await t.rejects(client.publish('room.1', 1), { name: 'UnavailableError', code: 'UNAVAILABLE' });
  t.equal(server.lines.filter((line) => line.startsWith('PUBLISH')).length, 1);
});

t.test('a subscription gives messages from when it holds until it is left', async (t) => {
  const bytes = '* message bytes=2 type=binary topic=room.2\nhi';
  const { client, server } = await clientFor(t, subscriptions([subscribed, message(1), bytes]));
  const subscription = client.subscribe<number | Buffer>(['room.*'], { replay: 2 });
  await subscription.ready;
  const seen: unknown[] = [];
  for await (const { topic, data } of subscription) {
    seen.push([topic, data]);
    if (seen.length === 2) break;
  }
  t.strictSame(seen, [
    ['room.1', 1],
    ['room.2', Buffer.from('hi')],
  ]);
  t.strictSame(server.lines, ['SUBSCRIBE room.* replay=2']);
  await waitUntil('its connection is closed', async () => server.openCount === 1);
  t.match(await subscription.next(), { done: true });
});

t.test('a subscription that waits ends by return, by an abort and by close', async (t) => {
  const { client, server } = await clientFor(t, subscriptions([subscribed], [subscribed], [subscribed]));
  const returned = client.subscribe('room.*');
  const next = returned.next();
  await returned.ready;
  await returned.return();
  t.match(await next, { done: true });

  const controller = new AbortController();
  const aborted = client.subscribe('room.*', { signal: controller.signal });
  await aborted.ready;
  const reason = new Error('enough');
  controller.abort(reason);
  await t.rejects(aborted.next(), reason);
  await waitUntil('its connection is closed', async () => server.openCount === 1);
  await t.rejects(client.subscribe('room.*', { signal: controller.signal }).ready, reason);

  const closed = client.subscribe('room.*');
  await closed.ready;
  await client.close();
  await t.rejects(closed.next(), { name: 'UnavailableError' });
});

t.test('a lost node is a gap, of which the subscriber is told', async (t) => {
  const { client } = await clientFor(
    t,
    subscriptions([subscribed, message(1), 'lost'], [subscribed, message(2), 'ERR SLOW_SUBSCRIBER too slow']),
  );
  const words: unknown[] = [];
  const subscription = client.subscribe('room.*', { onGap: () => words.push('gap') });
  const error: unknown = await (async () => {
    for await (const { data } of subscription) words.push(data);
  })().catch((thrown: unknown) => thrown);
  t.strictSame(words, [1, 'gap', 2]);
  t.ok(error instanceof SlowSubscriberError);
  t.match(error, { code: 'SLOW_SUBSCRIBER', message: 'too slow' });
});

t.test('a subscription that is refused says so where it is waited for, and in its loop', async (t) => {
  const { client } = await clientFor(t, subscriptions(['ERR TOO_MANY_SUBSCRIPTIONS no room']));
  const subscription = client.subscribe('room.*');
  await t.rejects(subscription.ready, { name: 'BusyError' });
  await t.rejects(subscription.next(), { name: 'BusyError' });
});

t.test('what is no topic is refused before anything is sent', async (t) => {
  const { client, server } = await clientFor(t, () => 'OK 0');
  for (const topic of ['', 'a b', 'a..b', '.a', 'x'.repeat(257), 5 as never, 'é'])
    await t.rejects(client.publish(topic, 1), { name: 'BadInputError', code: 'BAD_REQUEST' }, String(topic));
  await t.rejects(client.publish('room.*', 1), /patterns/);
  t.throws(() => client.subscribe([]), { code: 'BAD_REQUEST' });
  t.throws(() => client.subscribe('a.**'), { code: 'BAD_REQUEST' });
  t.throws(() => client.subscribe('a', { replay: 101 }), { code: 'BAD_OPTION' });
  t.throws(() => client.subscribe('a', { onGaps: () => {} } as never), { code: 'BAD_OPTION' });
  await t.rejects(client.publish('a', 1n), { code: 'BAD_JSON' });
  t.strictSame(server.lines, []);
});
