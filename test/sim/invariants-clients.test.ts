import t from 'tap';
import { type ClientCommand, defaultSubmitOptions, type SubmitOptions } from '../../src/core/commands.js';
import type { NodeEffect, NodeEvent } from '../../src/core/effects.js';
import type { JobId } from '../../src/core/ids.js';
import { idOfKey } from '../../src/core/jobs/submission.js';
import { createRandom } from '../../src/core/random.js';
import { errorReply, okReply, type Reply } from '../../src/core/reply.js';
import { Invariants } from '../../src/sim/invariants.js';
import { SimCluster } from '../../src/sim/sim-cluster.js';
import type { SimNode } from '../../src/sim/sim-node.js';
import type { Fate } from '../../src/sim/sim-threads.js';
import type { Invariant } from '../../src/sim/violation.js';
import { ChaosNodes } from './chaos/nodes.js';
import { drawPlan } from './chaos/plan.js';

const tick: NodeEvent = { type: 'tick', lateMs: 0 };

/** One node, whose handlers run for 100 ms. `fates`: how attempts go, one after the other, and then well. */
function startWatched(fates: Fate[] = []) {
  const invariants = new Invariants({ nowMs: () => cluster.time.nowMs, seed: 's', replay: 'replay it' });
  const cluster: SimCluster = new SimCluster({
    seed: 'clients',
    hooks: [invariants],
    runMs: [100, 100],
    fateOf: () => fates.shift() ?? 'done',
  });
  return { cluster, invariants, node: cluster.start('a') };
}

function breaks(invariant: Invariant) {
  return { name: 'InvariantViolation', invariant };
}

function submit(cluster: SimCluster, args: string, options: Partial<SubmitOptions> = {}): JobId {
  return cluster.submit('a', {
    type: 'submit',
    wait: false,
    task: 'echo',
    args,
    options: { ...defaultSubmitOptions, ...options },
  });
}

function startOf(job: JobId, args: string): NodeEffect {
  return {
    type: 'start_attempt',
    run: 1_000,
    job,
    attempt: 1,
    task: 'echo',
    args,
    priority: 0,
    isolate: false,
  };
}

/** A client asks, and is answered so. */
function tell(invariants: Invariants, node: SimNode, command: ClientCommand, reply: Reply): void {
  const request = nextRequest++;
  invariants.told.stepped(node, { type: 'request', request, command }, [{ type: 'reply', request, reply }]);
}
let nextRequest = 1_000;

t.test('what starts before a job that it comes after is done is found', async (t) => {
  const { cluster, invariants, node } = startWatched();
  const first = submit(cluster, '1');
  const second = submit(cluster, '2', { after: [first] });
  t.throws(() => invariants.stepped(node, tick, [startOf(second, '2')]), breaks(22));
  cluster.runFor(1_000);
  t.doesNotThrow(() => invariants.after.stepped(node, tick, [startOf(second, '2')]));
});

t.test('what fails for jobs that are there, and have not failed, is found', async (t) => {
  const { cluster, invariants, node } = startWatched();
  const first = submit(cluster, '1');
  submit(cluster, '2', { after: [first] });
  cluster.runFor(1_000);
  const record = [...node.core.jobs.ledger.values()].find(
    ({ args, spec }) => spec.after[0] === first && args === null,
  );
  if (record === undefined) throw new Error('it is not done');
  record.state = 'failed';
  for (const name of ['DependencyLost', 'DependencyFailed']) {
    record.error = { name, message: '' };
    t.throws(() => invariants.after.outcome(node, record), breaks(22), name);
  }
  record.error = { name: 'Error', message: '' };
  t.doesNotThrow(() => invariants.after.outcome(node, record));
});

t.test(
  'a schedule is seen to fire for each of its times, and what it fires for no time of its is found',
  async (t) => {
    const { cluster, invariants, node } = startWatched();
    const id = submit(cluster, '1', { cron: '*/2 * * * * *' });
    cluster.runFor(9_000);
    t.equal(invariants.schedules.firedCount, 4);
    t.same(invariants.schedules.missing(500), []);
    t.same(invariants.copies.missing(), [`${id} was never run`], 'it goes on, and its jobs have ended');
    const ofTime = idOfKey(`schedule ${id} 2030-01-01T00:00:08.000Z`);
    t.doesNotThrow(() => invariants.schedules.stepped(node, tick, [startOf(ofTime, '1')]));
    t.throws(() => invariants.stepped(node, tick, [startOf('another', '1')]), breaks(23));
  },
);

t.test('a time that a schedule misses is found', async (t) => {
  const { cluster, invariants, node } = startWatched();
  const id = submit(cluster, '1', { cron: '*/2 * * * * *' });
  cluster.runFor(3_000);
  node.kill();
  cluster.runFor(6_000);
  t.same(invariants.schedules.missing(3_000), [
    `${id} has not fired for 2030-01-01T00:00:04.000Z`,
    `${id} has not fired for 2030-01-01T00:00:06.000Z`,
  ]);
});

t.test('a schedule that fires late is found in calm times, and expected in others', async (t) => {
  for (const isCalm of [true, false]) {
    const { cluster, invariants, node } = startWatched();
    invariants.setCalm(isCalm);
    submit(cluster, '1', { cron: '*/2 * * * * *' });
    cluster.runFor(1_000);
    node.pause();
    cluster.runFor(3_000);
    const resume = () => node.resume();
    if (isCalm) t.throws(resume, breaks(23));
    else t.doesNotThrow(resume);
  }
});

t.test('a schedule that fires after its cancel was answered is found', async (t) => {
  const { cluster, invariants, node } = startWatched();
  const id = submit(cluster, '1', { cron: '*/2 * * * * *' });
  cluster.runFor(3_000);
  cluster.request('a', { type: 'cancel', job: id });
  cluster.runFor(6_000);
  t.equal(invariants.schedules.firedCount, 1);
  t.same(invariants.schedules.missing(0), []);
  const ofTime = idOfKey(`schedule ${id} 2030-01-01T00:00:08.000Z`);
  t.throws(() => invariants.stepped(node, tick, [startOf(ofTime, '1')]), breaks(23));
});

t.test(
  'an end that differs from the one that a client was told of is found, unless the job was put back',
  async (t) => {
    const { invariants, node } = startWatched();
    const wait: ClientCommand = { type: 'wait', job: 'j', timeoutMs: null };
    const cancelled = errorReply('JOB_CANCELLED', 'job j was cancelled');
    tell(invariants, node, { type: 'cancel', job: 'j' }, okReply());
    tell(invariants, node, wait, cancelled);
    t.throws(() => tell(invariants, node, wait, okReply('1')), breaks(24));
    const refused = errorReply('WRONG_STATE', "job j is failed already and can't be cancelled");
    t.throws(() => tell(invariants, node, { type: 'cancel', job: 'j' }, refused), breaks(24));
    t.throws(() => invariants.told.stepped(node, tick, [startOf('j', '1')]), breaks(24));
    tell(invariants, node, { type: 'retry', job: 'j' }, okReply());
    t.doesNotThrow(() => invariants.told.stepped(node, tick, [startOf('j', '1')]));
    tell(invariants, node, wait, okReply('1'));
    t.throws(() => tell(invariants, node, wait, cancelled), breaks(24));
    tell(
      invariants,
      node,
      { type: 'retry', job: 'j' },
      errorReply('UNAVAILABLE', 'it may or may not have happened'),
    );
    for (const reply of [okReply('1'), cancelled])
      t.doesNotThrow(() => tell(invariants, node, wait, reply), 'nobody knows which holds');
  },
);

t.test('a job that was put back has to end anew, and may run once more', async (t) => {
  const { cluster, invariants, node } = startWatched(['failsForGood']);
  invariants.setCalm(true);
  const id = submit(cluster, '1');
  cluster.runFor(500);
  t.same(invariants.copies.missing(), []);
  t.doesNotThrow(() => cluster.request('a', { type: 'retry', job: id }));
  t.same(invariants.copies.missing(), [`${id} has no outcome`]);
  cluster.runFor(500);
  t.same(invariants.copies.missing(), []);
  t.equal(node.core.jobs.ledger.get(id)?.state, 'done');
  t.equal(invariants.jobs.repeatedCount, 0);
});

t.test('without faults a job starts again after each failure, and not after anything else', async (t) => {
  const { cluster, invariants, node } = startWatched(['fails', 'fails']);
  invariants.setCalm(true);
  const id = submit(cluster, '1', { retries: 2, backoffMs: 10 });
  t.doesNotThrow(() => cluster.runFor(1_000));
  t.equal(invariants.jobs.startsOf('1'), 3);
  t.throws(() => invariants.stepped(node, tick, [startOf(id, '1')]), breaks(14));
});

t.test('a node that was killed starts as after a crash, and one that has left does not', async (t) => {
  const { cluster, invariants } = startWatched();
  const plan = { ...drawPlan('0'), names: ['b'], seeds: ['a:1'], hasJournals: true };
  const random = createRandom('nodes');
  const options = { plan, cluster, invariants, random, skipsStep: () => false, noticesCrash: true };
  const nodes = new ChaosNodes(options);
  const restarted = (end: () => void): number => {
    end();
    nodes.restart('b');
    cluster.runFor(10_000);
    return nodes.startsAfterCrash;
  };
  nodes.startAll();
  cluster.runFor(1_000);
  t.equal(
    restarted(() => nodes.kill('b')),
    1,
  );
  t.equal(
    restarted(() => nodes.powerOff('b')),
    2,
  );
  const leave = (): void => {
    cluster.request('b', { type: 'leave' });
    cluster.runFor(20_000);
    t.equal(cluster.node('b').status, 'dead');
  };
  t.equal(restarted(leave), 2);
});
