import t from 'tap';
import { SimCluster, type SimRequest } from '../../src/sim/sim-cluster.js';

const lineLength = 10_000;

function subscribeMany(cluster: SimCluster, node: string, count: number): SimRequest[] {
  cluster.request(node, { type: 'subscribe', topics: ['x'], replay: 0 });
  return Array.from({ length: count }, () =>
    cluster.request(node, { type: 'subscribe', topics: ['y'], replay: 1 }),
  );
}

function typesOf({ items }: SimRequest): string {
  return items.map(({ type }) => type).join(' ');
}

function countTold(requests: readonly SimRequest[], types: string): number {
  return requests.filter((request) => typesOf(request) === types).length;
}

t.test('ten thousand subscriptions that wait in line at a node alone all begin', async (t) => {
  const cluster = new SimCluster({ seed: 'line' });
  cluster.start('a');
  cluster.runFor(1_000);
  cluster.request('a', { type: 'publish', topic: 'y', payload: '1' });
  const requests = subscribeMany(cluster, 'a', lineLength);
  cluster.runFor(5_000);
  t.equal(countTold(requests, 'subscribed message'), lineLength);
  t.equal(cluster.running().length, 1);
});

t.test(
  'so they do when the node that they waited for is lost, and come to hear it after a heal',
  async (t) => {
    const cluster = new SimCluster({ seed: 'line-heal' });
    cluster.startAll(2);
    cluster.network.cut('a', 'b');
    cluster.network.cut('b', 'a');
    const requests = subscribeMany(cluster, 'a', lineLength);
    cluster.runFor(20_000);
    t.equal(countTold(requests, 'subscribed'), lineLength);
    cluster.network.heal();
    cluster.runUntil('both know each other', () => cluster.agree(), 30_000);
    cluster.runFor(5_000);
    cluster.request('b', { type: 'publish', topic: 'y', payload: '2' });
    cluster.runFor(2_000);
    t.equal(countTold(requests, 'subscribed message'), lineLength);
  },
);

t.test('who waits in line begins before those that come later', async (t) => {
  const cluster = new SimCluster({ seed: 'line-order' });
  cluster.start('a');
  cluster.runFor(1_000);
  const order: number[] = [];
  const requests = subscribeMany(cluster, 'a', 200);
  for (let step = 0; step < 500; step++) {
    cluster.runFor(5);
    if (step === 55) requests.push(...subscribeMany(cluster, 'a', 1));
    for (const request of requests)
      if (request.items.length > 0 && !order.includes(request.number)) order.push(request.number);
  }
  t.strictSame(
    order,
    requests.map(({ number }) => number),
  );
});
