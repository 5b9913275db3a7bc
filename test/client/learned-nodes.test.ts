import t from 'tap';
import { type Client, type ClientOptions, connect } from '../../src/client/client.js';
import { learnedNodesMax, learnedNodesOf } from '../../src/client/learned-nodes.js';
import { waitUntil } from '../support/cluster.js';
import { freeAddress, type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';

const member = (id: string, client: string, fields: object = {}) => ({
  ...{ id, name: id, state: 'alive', client, draining: false },
  ...fields,
});

t.test('nodes that are not there, drain, are listed, or mean another machine are not learned', (t) => {
  const members = [
    member('self', '10.0.0.9:7411'),
    member('listed-too', '10.0.0.1:7411'),
    member('good', '10.0.0.2:7411'),
    member('six', '[fd00::2]:7411'),
    member('listed', 'b.example.org:7411'),
    member('dead', '10.0.0.3:7411', { state: 'dead' }),
    member('left', '10.0.0.3:7411', { state: 'left' }),
    member('suspect', '10.0.0.3:7411', { state: 'suspect' }),
    member('draining', '10.0.0.3:7411', { draining: true }),
    member('wildcard', '0.0.0.0:7411'),
    member('wildcard6', '[::]:7411'),
    member('local', '127.0.0.1:7411'),
    member('local6', '[::1]:7411'),
    member('named', 'localhost:7411'),
    member('none', '10.0.0.3:0'),
    member('wrong', 'nowhere'),
    { id: 7, client: '10.0.0.4:1', state: 'alive' },
    null,
    'text',
  ];
  const listed = ['10.0.0.1:7411', 'b.example.org:7411'];
  const learned = learnedNodesOf(JSON.stringify(members), { address: '10.0.0.1:7411', id: 'self', listed });
  t.strictSame(new Set(learned.map(({ id }) => id)), new Set(['good', 'six']));
  const local = learnedNodesOf(JSON.stringify([member('local', '127.0.0.1:7412')]), {
    address: '127.0.0.1:7411',
    id: null,
    listed: [],
  });
  t.strictSame(local, [{ address: '127.0.0.1:7412', id: 'local' }], 'loopback is meant by one on loopback');
  for (const text of ['', '{}', 'null', '['])
    t.strictSame(learnedNodesOf(text, { address: '10.0.0.1:7411', id: 'self', listed }), []);
  t.end();
});

t.test('of many nodes a few are learned, not always the same', (t) => {
  const members = Array.from({ length: 1_000 }, (_, index) => member(`n${index}`, `10.0.0.2:${index + 1}`));
  const text = JSON.stringify(members);
  const draw = () =>
    learnedNodesOf(text, { address: '10.0.0.1:7411', id: null, listed: [] }).map(({ address }) => address);
  t.equal(new Set(draw()).size, learnedNodesMax);
  t.notSame(draw(), draw());
  t.end();
});

/** A listed node of cluster `blue` that tells of the others, and is lost at the first WAIT. */
async function listedNode(tells: () => object[]): Promise<ScriptedServer> {
  const server = await startScriptedServer(
    ({ verb }) => {
      if (verb === 'NODES') return `OK ${JSON.stringify(tells())}`;
      void server.close();
      return null;
    },
    { hello: { cluster: 'blue', id: 'listed' } },
  );
  return server;
}

async function untilLearned(server: ScriptedServer): Promise<void> {
  await waitUntil('NODES is asked', () => server.lines.includes('NODES'));
}

async function lostClient(
  others: (server: ScriptedServer) => object[],
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const server = await listedNode(() => others(server));
  const client = await connect({ nodes: [server.address], searchMs: 500, ...options });
  await untilLearned(server);
  return client;
}

t.test('a client goes on at a node that it has heard of when all that were listed are lost', async (t) => {
  const other = await startScriptedServer(({ verb }) => (verb === 'NODES' ? 'OK []' : `OK ${verb}`), {
    hello: { cluster: 'blue', id: 'other' },
  });
  const dead = await freeAddress();
  const client = await lostClient(() => [member('gone', dead), member('other', other.address)]);
  t.strictSame(await client.request({ verb: 'WAIT', operands: ['x'] }), { ok: true, text: 'WAIT' });
  t.equal(client.node, other.address);
  for (const verb of ['LEAVE', 'DRAIN'])
    await t.rejects(client.request({ verb }), { code: 'NO_NODE', message: /means the one that is asked/ });
  t.strictSame(
    other.lines.filter((line) => line !== 'NODES'),
    ['WAIT x'],
  );
  client.close();
  await other.close();
});

t.test('a client goes on at no node of another cluster, and at no other node than was told', async (t) => {
  for (const [hello, says] of [
    [{ cluster: 'red', id: 'other' }, /another node answers|cluster "red", not to "blue"/],
    [{ cluster: 'blue', id: 'stranger' }, /another node answers there/],
    [{ id: 'other' }, /cluster null, not to "blue"/],
    [{}, /another node answers there/],
  ] as const) {
    const other = await startScriptedServer(() => 'OK', { hello });
    const client = await lostClient(() => [member('other', other.address)], { token: 's3cret' });
    await t.rejects(client.request({ verb: 'WAIT', operands: ['x'] }), { code: 'NO_NODE', message: says });
    t.strictSame(other.lines, [], 'it is not shown the token');
    client.close();
    await other.close();
  }
});

t.test('a node that is listed and belongs to another cluster than the first is passed over', async (t) => {
  const blue = await startScriptedServer(
    ({ socket }) => {
      socket.destroy();
      return null;
    },
    { hello: { cluster: 'blue' } },
  );
  const red = await startScriptedServer(() => 'OK red', { hello: { cluster: 'red' } });
  const green = await startScriptedServer(() => 'OK blue too', { hello: { cluster: 'blue' } });
  const client = await connect({ nodes: [blue.address, red.address, green.address] });
  t.strictSame(await client.request({ verb: 'RUN', operands: ['x'] }), { ok: true, text: 'blue too' });
  t.strictSame(red.lines, []);
  client.close();
  for (const server of [blue, red, green]) await server.close();
});

t.test('no node is learned where that is turned off, nor by one that is soon done', async (t) => {
  const server = await startScriptedServer(() => 'OK', { hello: { cluster: 'blue', id: 'listed' } });
  const client = await connect({ nodes: [server.address], learnNodes: false });
  await new Promise((resolve) => setTimeout(resolve, 400));
  await client.request({ verb: 'JOBS' });
  client.close();
  const short = await connect({ nodes: [server.address] });
  await short.request({ verb: 'JOBS' });
  short.close();
  t.strictSame(server.lines, ['JOBS', 'JOBS']);
  await server.close();
});
