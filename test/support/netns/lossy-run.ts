import type { Test } from 'tap';
import { testTasks } from '../hold-job.js';
import { newsOf, tell } from '../node-news.js';
import { doneIn, faultsOf, workFor } from '../workload.js';
import { networkClusterFor } from './network-cluster.js';
import type { WireFaults } from './wire.js';

/** Five nodes work for so long while the network does this to all that they say to each other: nobody must be taken for dead. */
export async function workOverBadNetwork(t: Test, faults: WireFaults, durationMs: number): Promise<void> {
  const { network, nodes } = await networkClusterFor(t, {
    hosts: 5,
    shaped: true,
    args: ['--tasks', testTasks],
  });
  const before = await network.counts();
  await network.shape(faults);
  const sinceMs = Date.now();
  const work = await workFor(nodes, durationMs);
  const after = await network.counts();
  const news = newsOf(nodes, sinceMs);
  t.equal(tell(news.filter(({ what }) => what === 'dead')), '', 'nobody was declared dead');
  t.same(faultsOf(work), [], 'all jobs are done');
  t.ok(doneIn(work) >= nodes.length, `${doneIn(work)} jobs`);
  const [lost, carried] = [after.lost - before.lost, after.carried - before.carried];
  const lostPercent = (100 * lost) / (lost + carried);
  t.ok(
    Math.abs(lostPercent - faults.lossPercent) < faults.lossPercent / 2,
    `${network.shaper} lost ${lost} of ${lost + carried} frames`,
  );
  const suspicions = news.filter(({ what }) => what === 'suspect').length;
  t.comment(
    `measured: ${faults.lossPercent} % loss by ${network.shaper}: ${suspicions} suspicions, no deaths`,
  );
}
