import t, { type Test } from 'tap';
import { type Client, connect } from '../../src/client/client.js';
import { followJob } from '../../src/client/follow-job.js';
import type { ClientReply } from '../../src/client/reply-decoder.js';
import type { ClientRequest } from '../../src/client/request-line.js';
import type { JobItem } from '../../src/client/watch-place.js';
import {
  type ScriptedRequest,
  type ScriptedServer,
  startScriptedServer,
} from '../support/scripted-server.js';
import { waitUntil } from '../support/wait-until.js';

const id = '0123456789ab-00001-1';
const watch: ClientRequest = { verb: 'WATCH', operands: [id] };
const keyedRun: ClientRequest = {
  verb: 'RUN',
  operands: ['count'],
  options: [
    ['stream', 'yes'],
    ['key', 'k'],
  ],
};

function state(name: string, attempt = 1, owner = 'a'): string {
  return `* state ${JSON.stringify({ id, state: name, attempt, owner, executor: 'x' })}`;
}

function missed(chunks: number): string {
  return `* missed ${JSON.stringify({ chunks, attempt: 1 })}`;
}

/** Each streaming request in turn is told these lines; `lost` ends its connection. */
function tell(lines: readonly string[]) {
  return ({ tag, socket }: ScriptedRequest): null => {
    for (const line of lines) {
      if (line === 'lost') socket.end();
      else socket.write(`@${tag} ${line}\n`);
    }
    return null;
  };
}

/** A node that answers one streaming request after the other by these scripts. */
async function nodeFor(t: Test, ...scripts: (readonly string[])[]): Promise<ScriptedServer> {
  let turn = 0;
  const server = await startScriptedServer((request) => {
    if (request.verb === 'NODES') return 'OK []';
    return tell(scripts[turn++] ?? ['ERR INTERNAL no script'])(request);
  });
  t.teardown(() => server.close());
  return server;
}

async function clientOf(t: Test, ...servers: ScriptedServer[]): Promise<Client> {
  const client = await connect({ nodes: servers.map(({ address }) => address), searchMs: 500 });
  t.teardown(() => client.close());
  return client;
}

interface Followed {
  readonly items: JobItem[];
  readonly reply: ClientReply;
}

async function follow(client: Client, request: ClientRequest = watch): Promise<Followed> {
  const items: JobItem[] = [];
  const stream = followJob(client, { request });
  for (;;) {
    const step = await stream.next();
    if (step.done === true) return { items, reply: step.value };
    items.push(step.value);
  }
}

/** Values as they are, gaps as `-3`, states left out. */
function told({ items }: Followed): (string | number)[] {
  return items.flatMap((item) => {
    if (item.type === 'data') return [String(item.value)];
    return item.type === 'missed' ? [item.chunks === null ? 'gap' : -item.chunks] : [];
  });
}

t.test('items come in their order, and then the outcome', async (t) => {
  const script = [
    state('running'),
    '* progress {"of":2}',
    '* data "a"',
    '* news {}',
    state('done'),
    'OK "end"',
  ];
  const client = await clientOf(t, await nodeFor(t, script));
  const { items, reply } = await follow(client);
  t.match(items, [
    { type: 'state', id, state: 'running', epoch: 0, attempt: 1, owner: 'a', executor: 'x' },
    { type: 'progress', value: '{"of":2}' },
    { type: 'data', value: '"a"', attempt: 1 },
    { type: 'state', state: 'done' },
  ]);
  t.equal(items.length, 4, 'a kind that is not known is left out');
  t.strictSame(reply, { ok: true, text: '"end"' });
});

t.test('a lost connection leaves no gap and no double', async (t) => {
  const first = [state('running'), '* data 1', '* data 2', 'lost'];
  const cases: [string, string[], (string | number)[]][] = [
    ['all is kept', ['* data 1', '* data 2', '* data 3'], ['1', '2', '3']],
    ['what was told is not kept', [missed(2), '* data 3'], ['1', '2', '3']],
    ['some of what was told is kept', [missed(1), '* data 2', '* data 3'], ['1', '2', '3']],
    ['some that was not told is not kept', [missed(5), '* data 6'], ['1', '2', -3, '6']],
  ];
  for (const [name, items, expected] of cases) {
    const server = await nodeFor(t, first, [state('running'), ...items, state('done'), 'OK 0']);
    const followed = await follow(await clientOf(t, server));
    t.strictSame(told(followed), expected, name);
    t.strictSame(server.lines.filter((line) => line.startsWith('WATCH')).length, 2);
  }
});

t.test('a new attempt is counted anew, also one of the same number at the next owner', async (t) => {
  const second: [string, string][] = [
    ['the second attempt', state('running', 2)],
    ['the first one of another owner', state('running', 1, 'b')],
  ];
  for (const [name, running] of second) {
    const lines = [running, '* data 1', '* data 2', '* data 3', 'OK 0'];
    const server = await nodeFor(t, [state('running'), '* data 1', '* data 2', 'lost'], lines);
    const followed = await follow(await clientOf(t, server));
    t.strictSame(told(followed), ['1', '2', '1', '2', '3'], name);
    const runs = followed.items.flatMap((item) => (item.type === 'data' ? [item.run] : []));
    t.strictSame(runs, [1, 1, 2, 2, 2], `${name}: told apart`);
  }
});

t.test('what was lost together with its owner is a gap of unknown size', async (t) => {
  const first = [state('running'), '* data 1', 'lost'];
  const ended = [state('done', 1, 'b'), 'OK 0'];
  t.strictSame(told(await follow(await clientOf(t, await nodeFor(t, first, ended)))), ['1', 'gap']);
  const within = [state('running'), '* data 1', ...ended];
  t.strictSame(told(await follow(await clientOf(t, await nodeFor(t, within)))), ['1', 'gap'], 'at one node');
});

t.test('what was told to its end has no gap, whoever tells the outcome', async (t) => {
  const first = [state('running'), '* data 1', state('done'), 'lost'];
  const ended = [state('done', 1, 'b'), 'OK 0'];
  t.strictSame(told(await follow(await clientOf(t, await nodeFor(t, first, ended)))), ['1']);
  const late = [state('done'), 'OK 0'];
  t.strictSame(told(await follow(await clientOf(t, await nodeFor(t, late)))), [], 'nor what was over before');
});

t.test('a RUN that has told of its job goes on as a WATCH of it', async (t) => {
  const first = await nodeFor(t, [state('running'), '* data 1', 'lost']);
  const client = await clientOf(t, first);
  const script = [state('running'), '* data 1', '* data 2', state('done'), 'OK 0'];
  const second = await nodeFor(t, script);
  const both = await connect({ nodes: [first.address, second.address] });
  t.teardown(() => both.close());
  client.close();
  const items = followJob(both, { request: { ...keyedRun, options: [['stream', 'yes']] } });
  await items.next();
  await first.close();
  const seen: string[] = [];
  for await (const item of items) if (item.type === 'data') seen.push(String(item.value));
  t.strictSame(seen, ['1', '2']);
  t.strictSame(
    second.lines.filter((line) => !line.startsWith('NODES')),
    [`WATCH ${id}`],
  );
});

t.test('a RUN that has told nothing is sent again where it has a key, and else nobody knows', async (t) => {
  const again = await nodeFor(t, ['lost'], [state('running'), '* data 1', 'OK 0']);
  t.strictSame(told(await follow(await clientOf(t, again), keyedRun)), ['1']);
  t.strictSame(again.lines, ['RUN count stream=yes key=k', 'RUN count stream=yes key=k']);
  const once = await nodeFor(t, ['lost']);
  const unkeyed = { ...keyedRun, options: [['stream', 'yes']] as const };
  await t.rejects(follow(await clientOf(t, once), unkeyed), { code: 'UNAVAILABLE' });
});

t.test('a job with a key that nobody knows any more is submitted again', async (t) => {
  const server = await nodeFor(
    t,
    [state('running'), '* data 1', 'lost'],
    ['ERR NOT_FOUND no node knows it'],
    [state('running'), '* data 1', '* data 2', 'OK 0'],
  );
  const followed = await follow(await clientOf(t, server), keyedRun);
  t.strictSame(told(followed), ['1', '1', '2']);
  t.strictSame(
    followed.items.flatMap((item) => (item.type === 'data' ? [item.run] : [])),
    [1, 2, 2],
  );
});

t.test('what a node refuses is the answer', async (t) => {
  const { items, reply } = await follow(await clientOf(t, await nodeFor(t, ['ERR NOT_FOUND none'])));
  t.strictSame([items, reply], [[], { ok: false, code: 'NOT_FOUND', message: 'none' }]);
});

t.test('an abort ends the waiting at once, with its reason, and the connection with it', async (t) => {
  const server = await nodeFor(t, [state('running')]);
  const client = await clientOf(t, server);
  const controller = new AbortController();
  const stream = followJob(client, { request: { ...watch, signal: controller.signal } });
  await stream.next();
  t.equal(server.openCount, 2);
  const next = stream.next();
  const reason = new Error('enough');
  controller.abort(reason);
  await t.rejects(next, reason);
  await waitUntil('its connection is closed', async () => server.openCount === 1);
});

t.test('who leaves early closes the connection, and other requests go on', async (t) => {
  const server = await nodeFor(t, [state('running'), '* data 1', '* data 2']);
  const client = await clientOf(t, server);
  for await (const item of followJob(client, { request: watch })) if (item.type === 'data') break;
  await waitUntil('its connection is closed', async () => server.openCount === 1);
  t.match(await client.request({ verb: 'PING' }), { ok: true, text: 'pong' });
});

t.test('what is not taken holds the node back, and is all there later', { timeout: 60_000 }, async (t) => {
  const lineCount = 3_000;
  const line = `* data "${'x'.repeat(10_000)}"`;
  let written = 0;
  const server = await startScriptedServer(({ verb, tag, socket }) => {
    if (verb !== 'WATCH') return 'OK []';
    const write = (): void => {
      while (written < lineCount) {
        written++;
        if (!socket.write(`@${tag} ${line}\n`)) {
          socket.once('drain', write);
          return;
        }
      }
      socket.write(`@${tag} OK 0\n`);
    };
    socket.write(`@${tag} ${state('running')}\n`);
    write();
    return null;
  });
  t.teardown(() => server.close());
  const quietMs = 50;
  const client = await connect({ nodes: [server.address], quietMs });
  t.teardown(() => client.close());
  const stream = followJob(client, { request: watch });
  await stream.next();
  let before = -1;
  await waitUntil('no more is written', async () => {
    const isStill = written === before;
    before = written;
    // Several times as long as a node may be silent.
    await new Promise((resolve) => setTimeout(resolve, 8 * quietMs));
    return isStill && written === before;
  });
  t.ok(written < lineCount, `${written} of ${lineCount} lines were taken`);
  let count = 0;
  for await (const item of stream) if (item.type === 'data') count++;
  t.equal(count, lineCount, 'although the node was not heard for longer than it may be silent');
});

t.test('a node that closes such connections again and again is left for the next one', async (t) => {
  const lost = [state('running'), 'lost'];
  const [first, second] = [await nodeFor(t, lost, lost), await nodeFor(t, [state('running'), 'OK 0'])];
  const { reply } = await follow(await clientOf(t, first, second));
  t.strictSame(reply, { ok: true, text: '0' });
  t.equal(first.lines.filter((line) => line.startsWith('WATCH')).length, 2);
});

t.test('a client that is closed says so', async (t) => {
  const client = await clientOf(t, await nodeFor(t, [state('running')]));
  const stream = followJob(client, { request: watch });
  await stream.next();
  const next = stream.next();
  client.close();
  await t.rejects(next, { code: 'UNAVAILABLE', message: 'this client is closed' });
});
