import t from 'tap';
import { Client } from '../../src/index.js';
import { clusterFor } from '../support/cluster-for.js';
import { runCli } from '../support/run-cli.js';
import { waitUntil } from '../support/wait-until.js';

interface Said {
  readonly n: number;
}

t.test('topics of three nodes', { timeout: 120_000 }, async (t) => {
  const cluster = await clusterFor(t, { nodes: 3, names: ['a', 'b', 'c'] });
  const [a, b, c] = cluster.nodes.map((node) => node.client) as [string, string, string];
  const clientOf = async (nodes: string | string[]): Promise<Client> => {
    const client = await Client.connect({ nodes, searchTimeout: 3_000 });
    t.teardown(() => client.close());
    return client;
  };

  t.test('a message reaches the subscribers at all nodes, values and bytes', async (t) => {
    const [ofA, ofB] = [await clientOf(a), await clientOf(b)];
    await using exact = ofA.subscribe<Said>('room.1');
    await using pattern = ofB.subscribe<Said | Buffer>(['room.*', 'room.1', 'other']);
    await Promise.all([exact.ready, pattern.ready]);
    await waitUntil('both are known at b', async () => (await ofB.subscribers('room.1'))['room.1'] === 2);
    await waitUntil('and a message reaches both', async () => (await ofB.publish('room.1', { n: 0 })) === 2);
    t.equal(await ofB.publish('room.2', Buffer.from([0, 10, 255])), 1);
    t.equal(await ofB.publish('room.1', { n: 1 }), 2);
    const seen: unknown[] = [];
    for await (const { topic, data } of pattern) {
      if (!Buffer.isBuffer(data) && data.n === 0) continue;
      seen.push([topic, data]);
      if (seen.length === 2) break;
    }
    t.strictSame(seen, [
      ['room.2', Buffer.from([0, 10, 255])],
      ['room.1', { n: 1 }],
    ]);
    for await (const { topic, data } of exact) {
      t.equal(topic, 'room.1');
      if (data.n === 1) break;
    }
    await waitUntil(
      'who has left is no subscriber',
      async () => (await ofB.subscribers('room.1'))['room.1'] === 0,
    );
    t.strictSame(await ofB.subscribers('room.1', 'nobody'), { 'room.1': 0, nobody: 0 });
  });

  t.test('what was published before is told where that is wanted', async (t) => {
    const [ofA, ofC] = [await clientOf(a), await clientOf(c)];
    for (let n = 1; n <= 5; n++) await ofA.publish('log', { n });
    await using subscription = ofC.subscribe<Said>('log', { replay: 3 });
    const seen: number[] = [];
    for await (const { data } of subscription) {
      seen.push(data.n);
      if (data.n === 5) break;
    }
    t.strictSame(seen, [3, 4, 5]);
  });

  t.test('the commands publish and subscribe', async (t) => {
    let stop = (): void => {};
    const subscribed = runCli(['subscribe', 'cli.*', '--json', '--node', a], {
      onStart: (child) => {
        stop = () => void child.kill('SIGINT');
      },
      onStdout: (text) => {
        if (text.includes('"last"')) stop();
      },
    });
    await waitUntil('a message reaches it', async () => {
      const { stdout } = await runCli(['publish', 'cli.x', '"first"', '--node', b]);
      return stdout === '1\n';
    });
    t.strictSame(await runCli(['publish', 'cli.y', '"last"', '--node', c]), {
      code: 0,
      stdout: '1\n',
      stderr: '',
    });
    const { code, stdout, stderr } = await subscribed;
    t.strictSame([code, stderr], [0, '']);
    t.match(stdout, /^(\{"topic":"cli\.x","data":"first"\}\n)+\{"topic":"cli\.y","data":"last"\}\n$/);
  });

  t.test('a subscription goes on at the next node when its own is killed', async (t) => {
    const ofB = await clientOf(b);
    const subscriber = await clientOf([a, b]);
    let gaps = 0;
    const subscription = subscriber.subscribe<Said>('news', { onGap: () => gaps++ });
    await subscription.ready;
    await waitUntil('a message reaches it', async () => (await ofB.publish('news', { n: 1 })) === 1);
    cluster.nodes[0]?.kill('SIGKILL');
    const publishing = waitUntil('one reaches it again', async () => {
      const count = await ofB.publish('news', { n: 2 });
      return gaps === 1 && count === 1;
    });
    for await (const { data } of subscription) if (data.n === 2 && gaps === 1) break;
    await publishing.catch(() => {});
    t.equal(gaps, 1, 'it is told that it may have missed something');
  });
});
