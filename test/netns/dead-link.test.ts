import '../support/netns/enter.js';
import t from 'tap';
import { testTasks } from '../support/hold-job.js';
import { networkClusterFor } from '../support/netns/network-cluster.js';
import { deathsAmong } from '../support/node-news.js';
import { doneIn, faultsOf, startWorkload, workFor } from '../support/workload.js';

t.setTimeout(120_000);

/** 10 s of silence, 10 s without a link, and a probe before and a dial in between. */
const givenUpMsMax = 40_000;
const workMs = 500;

t.test(
  'two live nodes whose path is dead for good give each other’s jobs to others, and stay members',
  async (t) => {
    const cluster = await networkClusterFor(t, { hosts: 4, args: ['--tasks', testTasks] });
    const { network, nodes } = cluster;
    const [speaker, listener] = network.hosts as [never, never];
    const sinceMs = Date.now();
    const workload = await startWorkload(nodes);
    network.cut([speaker], [listener]);
    await new Promise((resolve) => setTimeout(resolve, workMs));
    const work = await workload.end();
    const tookMs = Date.now() - sinceMs;
    t.same(faultsOf(work), [], 'every job is done while the cut lasts');
    t.ok(doneIn(work) > 0);
    t.ok(tookMs < givenUpMsMax, `after ${tookMs} ms`);
    t.same(faultsOf(await workFor(nodes, workMs)), [], 'and new ones, at every node');
    t.equal(deathsAmong(nodes, sinceMs), '');
    network.heal();
    await cluster.untilAgreed();
  },
);
