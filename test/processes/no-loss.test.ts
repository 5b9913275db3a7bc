import '../support/netns/enter.js';
import t from 'tap';
import { faultKinds } from '../../scripts/soak-processes/fault-plan.js';
import { runSoak } from '../../scripts/soak-processes/run.js';

// Alone it takes some 40 s; what it waits for is time-outs of nodes.
t.setTimeout(240_000);

const jobs = 2_000;

t.test('no acknowledged job is lost, whatever is done to the nodes', async (t) => {
  const kinds = faultKinds;
  const { findings, violations, fired, isDrained, elapsedMs, keptIn } = await runSoak({
    seed: 'no loss',
    kinds,
    jobs,
    jobsPerSecond: 110,
    drainTimeoutMs: 15_000,
    hasNetwork: true,
    isBrief: true,
  });
  if (keptIn !== null) t.comment(`measured: what the nodes have logged is in ${keptIn}`);
  t.strictSame(violations, [], 'nothing is lost, nothing unexpected, and all faults have fired');
  t.ok(findings.acknowledged >= jobs, `${findings.acknowledged} jobs`);
  t.ok(isDrained, 'each has its outcome');
  t.strictSame(findings.failed, [], 'and is done');
  for (const kind of kinds) t.equal(fired[kind], 1, kind);
  const { rerunAfterKill, rerunAfterStop, takeover, duplicates } = findings;
  t.ok(rerunAfterKill.count > 0, 'the killed node ran jobs of others');
  t.ok(rerunAfterStop.count > 0, 'so did the stopped one');
  t.ok(takeover.count > 0, 'the killed node had jobs to hand on');
  t.comment(
    `measured: ${findings.acknowledged} jobs in ${Math.round(elapsedMs / 1000)} s, ${duplicates} of them run twice; again ${rerunAfterKill.maxMs} ms after a kill of the executor, ${rerunAfterStop.maxMs} ms after its stop; taken over ${takeover.maxMs} ms after a kill of the owner`,
  );
});
