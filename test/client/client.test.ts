import { createServer } from 'node:net';
import t from 'tap';
import { type ClientNotice, connect } from '../../src/client/client.js';
import { freeAddress, type Script, startScriptedServer } from '../support/scripted-server.js';

const echo: Script = ({ line, body }) => `OK ${body?.toString() ?? line.split(' ').slice(2).join(' ')}`;

t.test('any number of requests share a connection, each with its own answer', async (t) => {
  const server = await startScriptedServer(echo);
  const client = await connect({ nodes: [server.address] });
  const indexes = Array.from({ length: 5_000 }, (_, index) => index);
  const replies = await Promise.all(
    indexes.map((index) => client.request({ verb: 'RUN', operands: ['echo'], payload: String(index) })),
  );
  t.strictSame(
    replies,
    indexes.map((index) => ({ ok: true, text: String(index) })),
  );
  t.equal(server.openCount, 1);
  client.close();
  await server.close();
});

t.test('requests in flight stay within the limit', async (t) => {
  const waiting: (() => void)[] = [];
  const server = await startScriptedServer(
    () =>
      new Promise((resolve) => {
        waiting.push(() => resolve('OK'));
        if (waiting.length === 3) setImmediate(() => waiting.splice(0).forEach((answer) => void answer()));
      }),
  );
  const client = await connect({ nodes: [server.address], inFlightMax: 3 });
  await Promise.all(Array.from({ length: 12 }, () => client.request({ verb: 'RUN', operands: ['e'] })));
  t.equal(server.mostInFlight, 3);
  client.close();
  await server.close();
});

t.test('large bodies of text and bytes arrive whole', async (t) => {
  const server = await startScriptedServer(echo);
  const client = await connect({ nodes: [server.address] });
  const text = JSON.stringify('é'.repeat(1_000_000));
  const bodies = [text, Buffer.from('"raw"'), '1', text].map((payload) =>
    client.request({ verb: 'RUN', operands: ['echo'], payload }),
  );
  t.strictSame(
    (await Promise.all(bodies)).map((reply) => reply.ok && reply.text === text),
    [true, false, false, true],
  );
  client.close();
  await server.close();
});

t.test('the token is shown before anything is asked', async (t) => {
  const server = await startScriptedServer(() => 'OK []');
  const client = await connect({ nodes: [server.address], token: 's3cret' });
  await client.request({ verb: 'NODES' });
  t.strictSame(server.lines, ['AUTH s3cret', 'NODES']);
  client.close();
  await server.close();
});

t.test('a wrong token is an error at once, at no other node', async (t) => {
  const script: Script = ({ verb }) => (verb === 'AUTH' ? 'ERR UNAUTHORIZED wrong token' : 'OK');
  const strict = await startScriptedServer(script, { greeting: false });
  const other = await startScriptedServer(script, { greeting: false });
  await t.rejects(connect({ nodes: [strict.address, other.address], token: 'x' }), { code: 'UNAUTHORIZED' });
  t.strictSame(other.lines, []);
  await strict.close();
  await other.close();
});

t.test('the first node that answers is used, whatever is wrong with those before it', async (t) => {
  const silent = await startScriptedServer(() => null, { greeting: false });
  const full = createServer((socket) => socket.end('ERR TOO_MANY_CONNECTIONS no room\n'));
  const web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const addresses = await Promise.all(
    [full, web].map(
      (server) =>
        new Promise<string>((resolve) =>
          server.listen(0, '127.0.0.1', () =>
            resolve(`127.0.0.1:${(server.address() as { port: number }).port}`),
          ),
        ),
    ),
  );
  const good = await startScriptedServer(() => 'OK []');
  const nodes = [await freeAddress(), silent.address, ...addresses, good.address];
  const client = await connect({ nodes, connectTimeoutMs: 200 });
  t.equal(client.node, good.address);
  client.close();
  const error = await connect({ nodes: nodes.slice(0, -1), connectTimeoutMs: 200 }).catch((reason) => reason);
  t.equal(error.code, 'NO_NODE');
  t.match(error.message, /no answer within 200 ms.*TOO_MANY_CONNECTIONS: no room.*HTTP\/1\.1 400/);
  full.close();
  web.close();
  await silent.close();
  await good.close();
});

t.test(
  'when a node is lost, what changes nothing goes on at the next one, and what was sent is told as unknown',
  async (t) => {
    const first = await startScriptedServer(({ verb, socket }) => {
      if (verb === 'WAIT') setImmediate(() => socket.destroy());
      return null;
    });
    const second = await startScriptedServer(({ line }) => `OK ${line}`);
    const notices: ClientNotice[] = [];
    const client = await connect({
      nodes: [first.address, second.address],
      inFlightMax: 2,
      ownKeys: false,
      onNotice: (notice) => notices.push(notice),
    });
    const lost = client.request({ verb: 'RUN', operands: ['sent'] });
    const waited = client.request({ verb: 'WAIT', operands: ['x'] });
    const unsent = client.request({ verb: 'RUN', operands: ['unsent'] });
    await t.rejects(lost, { code: 'UNAVAILABLE', message: /may or may not have happened/ });
    t.strictSame(await waited, { ok: true, text: 'WAIT x' });
    t.strictSame(await unsent, { ok: true, text: 'RUN unsent' }, 'it was not sent yet, so it goes on too');
    t.match(notices, [
      { type: 'lost', node: first.address, unansweredCount: 2 },
      { type: 'moved', from: first.address, to: second.address },
    ]);
    t.equal(client.node, second.address);
    client.close();
    await first.close();
    await second.close();
  },
);

t.test('a node that is asked again is told as the next one only where it was lost', async (t) => {
  const gone = await startScriptedServer(() => null);
  await gone.close();
  let requests = 0;
  const server = await startScriptedServer(({ socket }) => {
    if (++requests !== 4) return requests < 4 ? 'ERR UNAVAILABLE not now' : 'OK 5';
    socket.destroy();
    return null;
  });
  const notices: ClientNotice[] = [];
  const client = await connect({
    nodes: [gone.address, server.address],
    learnNodes: false,
    onNotice: (notice) => notices.push(notice),
  });
  t.strictSame(await client.request({ verb: 'STATUS', operands: ['x'] }), { ok: true, text: '5' });
  t.equal(requests, 5);
  t.match(notices, [
    { type: 'lost', node: server.address },
    { type: 'moved', from: server.address, to: server.address },
  ]);
  t.equal(notices.length, 2);
  client.close();
  await server.close();
});

t.test('half an answer counts as none', async (t) => {
  const server = await startScriptedServer(({ tag, socket }) => {
    socket.end(`@${tag} OK {"half":`);
    return null;
  });
  const client = await connect({ nodes: [server.address] });
  await t.rejects(client.request({ verb: 'SUBMIT', operands: ['echo'] }), { code: 'UNAVAILABLE' });
  client.close();
  await server.close();
});

t.test('a node that never answers a question is not asked for ever', async (t) => {
  const server = await startScriptedServer(({ socket }) => {
    socket.destroy();
    return null;
  });
  const client = await connect({ nodes: [server.address] });
  await t.rejects(client.request({ verb: 'NODES' }), { code: 'UNAVAILABLE' });
  t.equal(server.lines.length, 5);
  client.close();
  await server.close();
});

t.test('a node that hangs is pinged, given up, and followed by the next', async (t) => {
  let greeted = false;
  const hung = await startScriptedServer(
    ({ verb }) => {
      if (verb !== 'HELLO' || greeted) return null;
      greeted = true;
      return 'OK {}';
    },
    { greeting: false },
  );
  const next = await startScriptedServer(() => 'OK done');
  const client = await connect({ nodes: [hung.address, next.address], quietMs: 20 });
  t.strictSame(await client.request({ verb: 'WAIT', operands: ['x'] }), { ok: true, text: 'done' });
  t.strictSame(hung.lines, ['WAIT x', 'PING', 'PING']);
  client.close();
  await hung.close();
  await next.close();
});

t.test('a long wait is no hang as long as the node answers pings', async (t) => {
  let pings = 0;
  let finish = (_: string): void => {};
  const server = await startScriptedServer(
    ({ verb }) => {
      if (verb === 'WAIT') return new Promise((resolve) => (finish = resolve));
      if (verb === 'PING' && ++pings === 6) finish('OK late');
      return 'OK';
    },
    { greeting: false },
  );
  const client = await connect({ nodes: [server.address], quietMs: 10 });
  t.strictSame(await client.request({ verb: 'WAIT', operands: ['x'] }), { ok: true, text: 'late' });
  client.close();
  await server.close();
});

t.test('new jobs go past a draining node, while its own answers are still waited for', async (t) => {
  let finish = (_: string): void => {};
  const draining = await startScriptedServer(({ line }) => {
    if (line === 'RUN early') return new Promise((resolve) => (finish = resolve));
    return 'ERR DRAINING this node takes no new jobs';
  });
  const open = await startScriptedServer(({ line }) => `OK ${line}`);
  const client = await connect({ nodes: [draining.address, open.address], ownKeys: false });
  const early = client.request({ verb: 'RUN', operands: ['early'] });
  t.strictSame(await client.request({ verb: 'RUN', operands: ['late'] }), { ok: true, text: 'RUN late' });
  finish('OK early');
  t.strictSame(await early, { ok: true, text: 'early' });
  client.close();
  await draining.close();
  await open.close();
});

t.test('a job that one node can not write down goes to the next one', async (t) => {
  const full = await startScriptedServer(() => 'ERR STORE_FAILED the journal of this node takes no writes');
  const open = await startScriptedServer(({ line }) => `OK ${line}`);
  const nodes = [full.address, open.address];
  const client = await connect({ nodes, ownKeys: false });
  t.strictSame(await client.request({ verb: 'SUBMIT', operands: ['x'] }), { ok: true, text: 'SUBMIT x' });
  client.close();
  await full.close();
  await open.close();
});

t.test('when all nodes are draining, that is the answer', async (t) => {
  const script: Script = () => 'ERR DRAINING no';
  const servers = [await startScriptedServer(script), await startScriptedServer(script)];
  const client = await connect({ nodes: servers.map(({ address }) => address) });
  t.match(await client.request({ verb: 'SUBMIT', operands: ['x'] }), { ok: false, code: 'DRAINING' });
  client.close();
  for (const server of servers) await server.close();
});

let closeOnRun: Script = () => null;

t.test('closing a client ends its connection and what it still waits for', async (t) => {
  const ended = new Promise<void>((resolve) => {
    closeOnRun = (request) => {
      request.socket.once('close', () => resolve());
      client.close();
      return null;
    };
  });
  const server = await startScriptedServer((request) => closeOnRun(request));
  const client = await connect({ nodes: [server.address] });
  await t.rejects(client.request({ verb: 'RUN', operands: ['x'] }), { code: 'UNAVAILABLE' });
  await t.rejects(client.request({ verb: 'NODES' }), {
    code: 'UNAVAILABLE',
    message: 'this client is closed',
  });
  await ended;
  await server.close();
});
