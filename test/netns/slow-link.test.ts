import '../support/netns/enter.js';
import t from 'tap';
import { request } from '../support/cluster.js';
import type { ClusterNode } from '../support/cluster-node.js';
import { networkClusterFor } from '../support/netns/network-cluster.js';
import { deathsAmong, newsOf } from '../support/node-news.js';

const linkKilobitsPerSecond = 1_000;
/** Both ways at the link's speed, that is 4 s of nothing else. */
const bodyBytes = 250_000;

t.test(
  'a large body on its way over a link of 1 Mbit/s has nobody taken for dead, at either end',
  async (t) => {
    const cluster = await networkClusterFor(t, { hosts: 5 });
    const { network, nodes } = cluster;
    const [near, far] = nodes as [ClusterNode, ClusterNode];
    network.limitRate(cluster.hostOf(far), linkKilobitsPerSecond);
    const sinceMs = Date.now();
    const text = JSON.stringify('x'.repeat(bodyBytes));
    const reply = await request(near, `RUN echo node=${far.name} bytes=${text.length}\n${text}`, 60_000);
    const elapsedMs = Date.now() - sinceMs;
    t.equal(reply, `OK ${text}`);
    const lineMs = (2 * 8 * bodyBytes) / linkKilobitsPerSecond;
    t.ok(elapsedMs > 0.9 * lineMs, `it took ${elapsedMs} ms: the link was slow`);
    await cluster.untilAgreed();
    t.equal(deathsAmong(nodes, sinceMs), '', 'nobody was taken for dead');
    const suspicions = newsOf(nodes, sinceMs).filter(({ what }) => what === 'suspect');
    t.comment(
      `measured: ${suspicions.length} suspicions, all refuted, while ${2 * bodyBytes} bytes took ${elapsedMs} ms`,
    );
  },
);
