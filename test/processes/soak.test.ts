import t from 'tap';
import { runSoak } from '../../scripts/soak-processes/run.js';

t.test('without faults each of 400 jobs runs exactly once', async (t) => {
  const { findings, violations, isDrained } = await runSoak({
    seed: 'calm',
    kinds: [],
    jobs: 400,
    jobsPerSecond: 150,
    drainTimeoutMs: 10_000,
    hasNetwork: false,
  });
  t.strictSame(violations, []);
  t.equal(findings.runs, findings.acknowledged);
  t.ok(isDrained && findings.acknowledged >= 400, `${findings.acknowledged} jobs`);
});

t.test('jobs kept by one node in memory alone are lost with it, and found to be', async (t) => {
  const { findings, violations, fired, isDrained, keptIn } = await runSoak({
    seed: 'one copy',
    kinds: ['kill'],
    jobsPerSecond: 50,
    drainTimeoutMs: 2_000,
    hasNetwork: false,
    isBrief: true,
    promise: 'copies=1 durable=no',
    keepsNothing: true,
  });
  t.ok(findings.lost.length > 0, 'the killed node had jobs to begin');
  t.match(violations.join('\n'), /^\d+ acknowledged and never run: \d+/);
  t.notOk(isDrained);
  t.strictSame(findings.unexpected, []);
  t.equal(fired.kill, 1);
  t.equal(keptIn, null);
});
