import t from 'tap';
import { type ClusterNode, requestJson, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { type ExampleRun, exampleCommands, runExample, runPython } from '../support/example-clients.js';

t.setTimeout(90_000);

const names = Object.keys(exampleCommands);

/** Waits until so many subscribe to the topic, as this node knows it. */
function untilSubscribers(node: ClusterNode, topic: string, count: number): Promise<unknown> {
  return waitUntil(
    `${count} subscribe to ${topic}`,
    async () => (await requestJson<Record<string, number>>(node, `SUBSCRIBERS ${topic}`))[topic] === count,
  );
}

/** A subscriber, which `end` interrupts as Ctrl-C does. */
function subscribe(
  name: string,
  nodes: string,
  ...args: string[]
): { readonly lines: () => string[]; end(): Promise<ExampleRun>; readonly ended: Promise<ExampleRun> } {
  let printed = '';
  let interrupt = (): void => {};
  const ended = runExample(name, ['subscribe', ...args], {
    nodes,
    onStart: (child) => {
      interrupt = () => void child.kill('SIGINT');
    },
    onStdout: (text) => {
      printed = text;
    },
  });
  return {
    lines: () => printed.split('\n').slice(0, -1),
    end: () => {
      interrupt();
      return ended;
    },
    ended,
  };
}

for (const publisher of names) {
  t.test(`what ${publisher} publishes at one node, the clients get at another`, async (t) => {
    const cluster = await clusterFor(t, { nodes: 2, names: ['a', 'b'] });
    const [a, b] = cluster.nodes as [ClusterNode, ClusterNode];
    const publish = async (...args: string[]): Promise<string> => {
      const input = Buffer.from('\0\n\xff', 'latin1');
      const { stdout, stderr } = await runExample(publisher, ['publish', ...args], {
        nodes: b.client,
        input,
      });
      return `${stdout}${stderr}`.trim();
    };
    const subscribers = names.map((name) => subscribe(name, a.client, 'room.*', 'news'));
    await untilSubscribers(b, 'room.1', names.length);
    t.equal(await publish('room.1', '{"text":"hello"}'), '2');
    t.equal(await publish('room.2', '@-'), '2');
    t.equal(await publish('nobody', '1'), '0');
    t.equal(await publish('news', '[3]'), '2');
    for (const subscriber of subscribers) {
      await waitUntil('three messages are there', () => subscriber.lines().length === 3);
      t.strictSame(subscriber.lines(), [
        '{"topic":"room.1","data":{"text":"hello"}}',
        '{"topic":"room.2","base64":"AAr/"}',
        '{"topic":"news","data":[3]}',
      ]);
      const { code, stderr } = await subscriber.end();
      t.equal(code, 0, stderr);
    }
    await untilSubscribers(b, 'room.1', 0);
    const late = subscribe(publisher, a.client, 'room.*', 'replay=5');
    await waitUntil('what was published before is told', () => late.lines().length === 2);
    await late.end();
  });
}

t.test(
  'rondo_client.py subscribes at the next node when its own is killed; rondo.sh says that it ended',
  async (t) => {
    const cluster = await clusterFor(t, { nodes: 3, names: ['a', 'b', 'c'] });
    const [a, b, c] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
    const nodes = `${a.client},${b.client}`;
    const [python, bash] = names.map((name) => subscribe(name, nodes, 'news'));
    await untilSubscribers(c, 'news', 2);
    a.kill('SIGKILL');
    t.equal((await bash?.ended)?.code, 75);
    await untilSubscribers(c, 'news', 1);
    await runExample('rondo.sh', ['publish', 'news', '"after"'], { nodes: c.client });
    await waitUntil('the message is there', () => python?.lines().length === 1);
    const end = await python?.end();
    t.strictSame([end?.code, end?.stdout.toString()], [0, '{"topic":"news","data":"after"}\n']);
    t.match(end?.stderr, 'messages may be missing');
  },
);

t.test('a program in Python publishes to its own subscription once that holds, and counts it', async (t) => {
  const cluster = await clusterFor(t, { nodes: 1 });
  const program = `
import asyncio
from rondo_client import Client
async def main():
    async with Client() as client:
        async with await client.subscribe("room.*", replay=10) as messages:
            print(await client.subscribers("room.1"))
            for n in range(1000):
                await client.publish("room.1", n)
            got = []
            async for topic, data in messages:
                got.append(data)
                if len(got) == 1000:
                    break
            print(topic, got == list(range(1000)), len(client._wires))
        print(len(client._wires))
asyncio.run(main())`;
  const { stdout, stderr } = await runPython(program, { nodes: cluster.nodes[0]?.client ?? '' });
  t.equal(stdout.toString(), "{'room.1': 1}\nroom.1 True 2\n1\n", stderr);
});
