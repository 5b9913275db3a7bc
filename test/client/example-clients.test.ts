import t, { type Test } from 'tap';
import { exampleCommands, runExample, runPython } from '../support/example-clients.js';
import {
  type Script,
  type ScriptedServer,
  startScriptedServer,
  tagPrefix,
} from '../support/scripted-server.js';
import { waitUntil } from '../support/wait-until.js';

t.setTimeout(60_000);

async function serverFor(t: Test, script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  t.teardown(() => server.close());
  return server;
}

/** Answers every request with these items and this reply; null: the connection ends in place of a reply. */
function telling(items: readonly string[], reply: string | null): Script {
  return (request) => {
    for (const item of items) request.socket.write(`${tagPrefix(request)}${item}\n`);
    if (reply === null) request.socket.end();
    return reply;
  };
}

function linesOf(printed: Buffer): string[] {
  return printed.toString().trimEnd().split('\n');
}

const messages = [
  '* subscribed {"topics":["room.*","news"]}',
  '* message {"topic":"room.1","data":{"text":"hüllo"}}',
  '* message bytes=5 type=binary topic=room.2\na\n\0OK',
  '* message {"topic":"news","data":null}',
];
const messagesPrinted = [
  '{"topic":"room.1","data":{"text":"hüllo"}}',
  '{"topic":"room.2","base64":"YQoAT0s="}',
  '{"topic":"news","data":null}',
];

for (const name of Object.keys(exampleCommands)) {
  t.test(`${name} prints each message of a topic as a line`, async (t) => {
    const server = await serverFor(t, telling(messages, 'OK'));
    const args = ['subscribe', 'room.*', 'news', 'replay=3'];
    const { code, stdout, stderr } = await runExample(name, args, { nodes: server.address });
    t.equal(code, 0, stderr);
    t.strictSame(linesOf(stdout), messagesPrinted);
    t.strictSame(server.lines, ['SUBSCRIBE room.* news replay=3']);
  });

  t.test(`${name} says so when it is too slow for its topics`, async (t) => {
    const server = await serverFor(
      t,
      telling(messages.slice(0, 2), 'ERR SLOW_SUBSCRIBER too much waits for it'),
    );
    const { code, stdout, stderr } = await runExample(name, ['subscribe', 'news'], { nodes: server.address });
    t.strictSame([code, linesOf(stdout)], [1, messagesPrinted.slice(0, 1)]);
    t.match(stderr, 'SLOW_SUBSCRIBER too much waits for it');
  });

  t.test(`${name} ends a subscription on Ctrl-C, and tells the node`, async (t) => {
    const server = await serverFor(t, (request) => {
      request.socket.write(`${tagPrefix(request)}${messages[0]}\n${tagPrefix(request)}${messages[1]}\n`);
      return null;
    });
    let interrupt = (): void => {};
    const { code, stderr } = await runExample(name, ['subscribe', 'news'], {
      nodes: server.address,
      onStart: (child) => {
        interrupt = () => void child.kill('SIGINT');
      },
      onStdout: () => interrupt(),
    });
    t.equal(code, 0, stderr);
    await waitUntil('the node is told', () => server.lines[1] === 'UNSUBSCRIBE');
  });

  t.test(`${name} publishes JSON and bytes, and prints how many subscribers there were`, async (t) => {
    const bodies: (string | undefined)[] = [];
    const server = await serverFor(t, ({ body, line }) => {
      bodies.push(body?.toString('latin1') ?? line.slice(line.indexOf('{')));
      return 'OK 7';
    });
    const published = await runExample(name, ['publish', 'room.1', '{"a":1}'], { nodes: server.address });
    t.strictSame([published.code, published.stdout.toString()], [0, '7\n'], published.stderr);
    const input = Buffer.from('\0\n\xff', 'latin1');
    await runExample(name, ['publish', 'room.1', '@-'], { nodes: server.address, input });
    t.strictSame(bodies, ['{"a":1}', '\0\n\xff']);
    t.match(server.lines[1], /^PUBLISH room\.1 .*type=binary/);
  });

  t.test(`${name} counts the subscribers of topics`, async (t) => {
    const server = await serverFor(t, () => 'OK {"a":1,"b.*":0}');
    const { stdout } = await runExample(name, ['subscribers', 'a', 'b.*'], { nodes: server.address });
    t.equal(stdout.toString(), '{"a":1,"b.*":0}\n');
    t.strictSame(server.lines, ['SUBSCRIBERS a b.*']);
  });

  t.test(
    `${name} asks for a job that was lost on its way with the same key, and publishes once`,
    async (t) => {
      const losing = await serverFor(t, telling([], null));
      const next = await serverFor(t, () => 'OK 1');
      const nodes = `${losing.address},${next.address}`;
      const ran = await runExample(name, ['run', 'echo', '1'], { nodes });
      t.strictSame([ran.code, ran.stdout.toString()], [0, '1\n'], ran.stderr);
      t.match(losing.lines[0], / key=\S{20,}/);
      t.strictSame(next.lines, losing.lines);
      const published = await runExample(name, ['publish', 'news', '1'], { nodes });
      t.not(published.code, 0);
      t.equal(losing.lines.length + next.lines.length, 3);
    },
  );

  t.test(`${name} gives a job no key where there is one node, and does not ask twice then`, async (t) => {
    const losing = await serverFor(t, telling([], null));
    const { code } = await runExample(name, ['run', 'echo', '1'], { nodes: losing.address });
    t.not(code, 0);
    t.equal(losing.lines.length, 1);
    t.notMatch(losing.lines[0], 'key=');
  });

  t.test(`${name} ends when nobody reads what it prints`, async (t) => {
    const server = await serverFor(t, (request) => {
      const flood = `${tagPrefix(request)}* message {"topic":"a","data":"${'x'.repeat(1_000)}"}\n`.repeat(
        2_000,
      );
      request.socket.write(`${tagPrefix(request)}* subscribed {"topics":["a"]}\n${flood}`);
      return null;
    });
    const { code } = await runExample(name, ['subscribe', 'a'], {
      nodes: server.address,
      onStart: (child) => child.stdout?.once('data', () => child.stdout?.destroy()),
    });
    t.not(code, 0);
  });
}

const state = '* state {"id":"j-1","state":"running","attempt":1,"owner":"a","executor":"b"}';
const secondState = '* state {"id":"j-1","state":"running","attempt":2,"owner":"a","executor":"c"}';
const takenOver = '* state {"id":"j-1","state":"running","attempt":1,"owner":"b","executor":"c"}';

/** What Python prints of a job that one node tells to its loss, and the next one from what it keeps. */
async function followed(t: Test, first: readonly string[], then: readonly string[]): Promise<string[]> {
  const losing = await serverFor(t, telling(first, null));
  const next = await serverFor(t, telling(then, 'OK "done"'));
  const program = `
import asyncio
from rondo_client import Client
async def main():
    async with Client() as client:
        async for kind, value in client.watch("j-1"):
            print(kind, value["attempt"] if kind == "state" else value)
asyncio.run(main())`;
  const { stdout, stderr } = await runPython(program, { nodes: `${losing.address},${next.address}` });
  t.equal(stderr, '');
  return linesOf(stdout);
}

t.test('rondo_client.py leaves out what it was told before its node was lost', async (t) => {
  const first = [state, '* progress 5', '* data 1', '* data bytes=3 type=binary\n\n\n\n', '* data 3'];
  const printed = await followed(t, first, [...first, '* data 4', '* progress 6']);
  t.strictSame(printed, [
    'state 1',
    'progress 5',
    'data 1',
    "data b'\\n\\n\\n'",
    'data 3',
    'data 4',
    'progress 6',
    'result done',
  ]);
});

t.test('rondo_client.py tells of a gap, and only of what it was not told', async (t) => {
  const missed = (chunks: number): string => `* missed {"chunks":${chunks},"attempt":1}`;
  const first = [state, missed(2), '* data 3', '* data 4'];
  t.strictSame(
    (await followed(t, first, [state, missed(3), '* data 4', '* data 5'])).slice(4),
    ['data 5', 'result done'],
    'what is kept goes back far enough',
  );
  t.strictSame((await followed(t, first, [state, missed(7), '* data 8'])).slice(4), [
    "missed {'chunks': 3, 'attempt': 1}",
    'data 8',
    'result done',
  ]);
});

t.test(
  'rondo_client.py takes another attempt, or that of another owner, for one that yields anew',
  async (t) => {
    for (const anew of [secondState, takenOver]) {
      const printed = await followed(
        t,
        [state, '* data 1', '* data 2'],
        [anew, '* data 1', '* data 2', '* data 3'],
      );
      t.strictSame(printed.slice(4), ['data 1', 'data 2', 'data 3', 'result done']);
    }
  },
);

t.test('rondo_client.py goes on with a job that it streams by its id', async (t) => {
  const losing = await serverFor(t, telling([state, '* data 1'], null));
  const next = await serverFor(t, telling([state, '* data 1', '* data 2'], 'OK null'));
  const nodes = `${losing.address},${next.address}`;
  const { stdout } = await runExample('rondo_client.py', ['run', 'count', 'stream=yes', '2'], { nodes });
  t.strictSame(linesOf(stdout), ['1', '2'], 'and null is no result after what was yielded');
  t.match(losing.lines[0], /^RUN count key=\S+ stream=yes 2$/);
  t.strictSame(next.lines, ['WATCH j-1']);
});

t.test('rondo.sh prints nothing of a stream twice: it ends with 75 when its node is lost', async (t) => {
  const losing = await serverFor(t, telling([state, '* data 1'], null));
  const next = await serverFor(t, () => 'OK');
  const nodes = `${losing.address},${next.address}`;
  const { code, stdout, stderr } = await runExample('rondo.sh', ['run', 'count', 'stream=yes', '2'], {
    nodes,
  });
  t.strictSame([code, linesOf(stdout)], [75, ['1']]);
  t.match(stderr, 'the connection was lost');
  t.strictSame(next.lines, []);
});

t.test('rondo_client.py waits for a busy node, and leaves one that drains to others', async (t) => {
  let asked = 0;
  const busy = await serverFor(t, () => (++asked < 3 ? 'ERR BUSY retry-after=20ms full' : 'OK 5'));
  const draining = await serverFor(t, () => 'ERR DRAINING this node leaves');
  const nodes = `${draining.address},${busy.address}`;
  const { stdout, stderr } = await runExample('rondo_client.py', ['run', 'echo', '5'], { nodes });
  t.equal(stdout.toString(), '5\n', stderr);
  t.strictSame([draining.lines.length, busy.lines.length], [1, 3]);
  const alone = await runExample('rondo_client.py', ['run', 'echo', '5'], { nodes: draining.address });
  t.match([alone.code, alone.stderr], [1, /DRAINING this node leaves/]);
});

t.test(
  'rondo_client.py subscribes anew when its node is lost, and says that messages may be missing',
  async (t) => {
    const losing = await serverFor(t, telling(messages.slice(0, 2), null));
    const next = await serverFor(t, telling([messages[0] as string, messages[3] as string], 'OK'));
    const args = ['subscribe', 'room.*', 'news', 'replay=2'];
    const nodes = `${losing.address},${next.address}`;
    const { code, stdout, stderr } = await runExample('rondo_client.py', args, { nodes });
    t.strictSame([code, linesOf(stdout)], [0, [messagesPrinted[0], messagesPrinted[2]]]);
    t.match(stderr, 'messages may be missing');
    t.strictSame(next.lines, ['SUBSCRIBE room.* news'], 'what was kept is not asked for twice');
  },
);

t.test('rondo_client.py takes an error without a tag for the end of the connection', async (t) => {
  const server = await serverFor(t, (request) => {
    request.socket.end('ERR REPLIES_TOO_LARGE more wait than may be kept\n');
    return null;
  });
  const { code, stderr } = await runExample('rondo_client.py', ['run', 'echo', '1'], {
    nodes: server.address,
  });
  t.equal(code, 1);
  t.match(stderr, 'REPLIES_TOO_LARGE');
});

t.test('rondo_client.py says so when what answers is no node', async (t) => {
  const server = await startScriptedServer(() => 'HTTP/1.1 400 Bad Request', { greeting: false });
  t.teardown(() => server.close());
  const { code, stderr } = await runExample('rondo_client.py', ['run', 'echo', '1'], {
    nodes: server.address,
  });
  t.equal(code, 1);
  t.match(stderr, 'BAD_REPLY');
});
