import t from 'tap';
import { type Client, type ClientNotice, connect } from '../../src/client/client.js';
import type { ClientReply } from '../../src/client/reply-decoder.js';
import { start } from '../support/fake-node-client.js';
import { type Script, startScriptedServer } from '../support/scripted-server.js';

const textOf = (length: number): string => `"${'x'.repeat(length - 2)}"`;

function run(client: Client, payload: string): Promise<ClientReply> {
  return client.request({ verb: 'RUN', operands: ['echo'], payload });
}

t.test('a client goes by the limits of the node it talks to', async (t) => {
  const node = await start(t, { limits: { lineBytesMax: 1024, bodyBytesMax: 4096 } });
  const notices: ClientNotice[] = [];
  const client = await connect({ nodes: [node.address], onNotice: (notice) => notices.push(notice) });
  const [small, large, tooLarge, after] = await Promise.all([
    run(client, '1'),
    run(client, textOf(4096)),
    run(client, textOf(4097)),
    run(client, '2'),
  ]);
  t.strictSame(small, { ok: true, text: '1' });
  t.strictSame(large, { ok: true, text: textOf(4096) }, 'what is no line is sent as a body');
  t.match(tooLarge, {
    ok: false,
    code: 'BODY_TOO_LARGE',
    message: /4097 bytes; this node takes at most 4096/,
  });
  t.strictSame(after, { ok: true, text: '2' });
  t.strictSame(notices, [], 'and no connection is lost');
  t.strictSame(node.logged, [], 'nor does the node hear of it');
  client.close();
});

t.test('a request that goes on at another node is spelled for that one', async (t) => {
  const first = await startScriptedServer(() => 'ERR DRAINING this node takes no new jobs');
  const second = await startScriptedServer(hello({ lineBytesMax: 100 }), { greeting: false });
  const client = await connect({ nodes: [first.address, second.address], ownKeys: false });
  t.strictSame(await run(client, textOf(100)), { ok: true, text: 'taken' });
  t.match(first.lines, [/^RUN echo "x+"$/]);
  t.strictSame(second.lines, ['RUN echo bytes=100']);
  client.close();
  await first.close();
  await second.close();
});

t.test('at most as many requests are in flight as the node takes, less one for a PING', async (t) => {
  const waiting: (() => void)[] = [];
  const answerAll = (): void => waiting.splice(0).forEach((answer) => void answer());
  const server = await startScriptedServer(
    (request) => {
      if (request.verb === 'HELLO') return hello({ requestsInFlightMax: 4 })(request);
      return new Promise((resolve) => {
        waiting.push(() => resolve('OK'));
        if (waiting.length === 3) setImmediate(answerAll);
      });
    },
    { greeting: false },
  );
  const client = await connect({ nodes: [server.address] });
  await Promise.all(Array.from({ length: 12 }, () => run(client, '1')));
  t.equal(server.mostInFlight, 3);
  client.close();
  await server.close();
});

t.test('a node that takes one request at a time is not given up for reading no PING meanwhile', async (t) => {
  const node = await start(t, { limits: { requestsInFlightMax: 1 } });
  const client = await connect({ nodes: [node.address], quietMs: 10 });
  const slept = client.request({ verb: 'RUN', operands: ['sleep'], payload: '100' });
  t.match(await slept, { ok: true });
  client.close();
});

t.test(
  'when a node takes less than it has told, one request fails, what it had read is answered, and the rest goes elsewhere',
  async (t) => {
    for (const [code, isTagged] of [
      ['LINE_TOO_LONG', false],
      ['BODY_TOO_LARGE', true],
    ] as const) {
      let finishEarly = (_: string): void => {};
      let hasRefused = false;
      const first = await startScriptedServer(({ tag, line, socket }) => {
        if (hasRefused) return null;
        if (line === 'RUN echo 1') return new Promise((resolve) => (finishEarly = resolve));
        hasRefused = true;
        socket.write(`${isTagged ? `@${tag} ` : ''}ERR ${code} too much\n`);
        setImmediate(() => finishEarly('OK early'));
        return null;
      });
      const second = await startScriptedServer(() => 'OK elsewhere');
      const notices: ClientNotice[] = [];
      const client = await connect({
        nodes: [first.address, second.address],
        ownKeys: false,
        onNotice: (notice) => notices.push(notice),
      });
      const replies = await Promise.all(['1', textOf(1000), '2'].map((payload) => run(client, payload)));
      t.strictSame(replies, [
        { ok: true, text: 'early' },
        { ok: false, code, message: 'too much' },
        { ok: true, text: 'elsewhere' },
      ]);
      t.match(notices, [{ type: 'moved', to: second.address }], 'no node was lost');
      client.close();
      await first.close();
      await second.close();
    }
  },
);

function hello(limits: Readonly<Record<string, number>>): Script {
  return ({ verb }) => (verb === 'HELLO' ? `OK ${JSON.stringify({ server: 'rondo', limits })}` : 'OK taken');
}
