import t from 'tap';
import type { NodeCore } from '../../src/core/node/node-core.js';
import { SimCluster, type SimRequest } from '../../src/sim/sim-cluster.js';
import { sparseLinks } from './topics/run.js';

/** Node c tells b that a wants nothing, in a version that a never had. */
function slander(cluster: SimCluster, version: number): void {
  const { self, core } = {
    self: cluster.node('a').core.topics.interest.own.record,
    core: coreOf(cluster, 'b'),
  };
  const from = coreOf(cluster, 'c').self();
  const record = { ...self, version, patterns: [], filter: new Uint8Array(0) };
  const now = { monotonicMs: cluster.time.nowMs, wallMs: cluster.time.nowMs };
  core.topics.handle(from.id, from.instance, { type: 'interest', record }, now);
}

function coreOf(cluster: SimCluster, name: string): NodeCore {
  return cluster.node(name).core;
}

function publish(cluster: SimCluster, node: string): SimRequest {
  const request = cluster.request(node, { type: 'publish', topic: 'room.1', payload: '1' });
  cluster.runFor(2_000);
  return request;
}

for (const isSparse of [false, true]) {
  const where = isSparse ? 'in a sparse mesh' : 'where all have links to all';
  t.test(`a node whose interest others are wrong about is heard again, ${where}`, async (t) => {
    const options = isSparse ? { links: sparseLinks, membership: { meshLinksMax: 6 } } : {};
    const cluster = new SimCluster({ seed: 'slander', ...options });
    for (const name of isSparse ? 'abcdefghij' : 'abc') cluster.start(name);
    cluster.runUntil('all nodes know all', () => cluster.agree(), 20_000);
    cluster.request('a', { type: 'subscribe', topics: ['room.1'], replay: 0 });
    cluster.runFor(15_000);
    t.match(publish(cluster, 'b').reply, { ok: true, text: '1' });
    slander(cluster, 1_000);
    t.match(publish(cluster, 'b').reply, { ok: true, text: '0' }, 'it is believed');
    cluster.runFor(60_000);
    for (const { name } of cluster.running())
      if (name <= 'd') t.match(publish(cluster, name).reply, { ok: true, text: '1' }, name);
  });
}

t.test('so is one of which nobody wants to hear anything', async (t) => {
  const cluster = new SimCluster({ seed: 'slander' });
  cluster.startAll(3);
  const { id, instance } = coreOf(cluster, 'a').self();
  const now = { monotonicMs: cluster.time.nowMs, wallMs: cluster.time.nowMs };
  const record = { node: id, instance, start: 1, version: 7, patterns: ['*'], filter: new Uint8Array(0) };
  const { topics } = coreOf(cluster, 'b');
  topics.handle(id, instance, { type: 'interest', record }, now);
  t.strictSame(topics.interest.others.wanting('x'), [id]);
  cluster.runFor(60_000);
  t.strictSame(topics.interest.others.wanting('x'), [], 'it has said so itself');
});
