import t from 'tap';
import { defaultMembershipConfig as config } from '../../../src/core/membership/config.js';
import { LocalHealth } from '../../../src/core/membership/local-health.js';
import { nextOnRing, ProbeOrder, sample } from '../../../src/core/membership/probe-order.js';
import { RumourQueue, retransmitLimit } from '../../../src/core/membership/rumours.js';
import { Suspicion, suspicionTimeoutMs, suspicionTiming } from '../../../src/core/membership/suspicion.js';
import { createRandom } from '../../../src/core/random.js';
import { aliveMember } from './builders.js';

t.test(
  'a suspicion lasts longer the larger the cluster is, and six times as long with nobody to confirm it',
  async (t) => {
    const table = [
      { members: 1, minMs: 2_000, maxMs: 12_000, confirmationsWanted: 0 },
      { members: 2, minMs: 2_000, maxMs: 12_000, confirmationsWanted: 0 },
      { members: 3, minMs: 2_000, maxMs: 12_000, confirmationsWanted: 1 },
      { members: 5, minMs: 2_000, maxMs: 12_000, confirmationsWanted: 2 },
      { members: 100, minMs: 3_000, maxMs: 18_000, confirmationsWanted: 2 },
      { members: 10_000, minMs: 6_000, maxMs: 36_000, confirmationsWanted: 2 },
    ];
    for (const { members, ...timing } of table)
      t.strictSame(suspicionTiming(members, 0, config), timing, `${members} members`);
    t.equal(suspicionTiming(8, 5, config).confirmationsWanted, 1, 'suspects are not waited for');
  },
);

t.test('each confirmation shortens a suspicion, the first one most', async (t) => {
  const timing = { minMs: 1_000, maxMs: 6_000, confirmationsWanted: 3 };
  const table = [6_000, 3_500, 2_038, 1_000, 1_000];
  for (const [confirmations, timeoutMs] of table.entries()) {
    t.equal(
      Math.round(suspicionTimeoutMs(confirmations, timing)),
      timeoutMs,
      `${confirmations} confirmations`,
    );
  }
});

t.test('only another accuser confirms a suspicion', async (t) => {
  const suspicion = new Suspicion(100, { minMs: 1_000, maxMs: 6_000, confirmationsWanted: 1 }, 'a');
  t.equal(suspicion.deadlineMs, 6_100);
  t.notOk(suspicion.confirm('a'));
  t.equal(suspicion.deadlineMs, 6_100);
  t.ok(suspicion.confirm('b'));
  t.equal(suspicion.deadlineMs, 1_100);
  t.notOk(suspicion.confirm('c'), 'more than are wanted are not kept');
});

t.test('a suspicion by nobody in particular needs one accuser more', async (t) => {
  const suspicion = new Suspicion(0, { minMs: 1_000, maxMs: 6_000, confirmationsWanted: 1 }, null);
  suspicion.confirm('a');
  t.equal(suspicion.deadlineMs, 6_000);
  suspicion.confirm('b');
  t.equal(suspicion.deadlineMs, 1_000);
});

t.test('evidence shortens a suspicion until a new link voids it; sleep postpones it', async (t) => {
  const suspicion = new Suspicion(0, { minMs: 1_000, maxMs: 6_000, confirmationsWanted: 1 }, 'a');
  suspicion.shorten(500);
  suspicion.shorten(800);
  t.equal(suspicion.deadlineMs, 500, 'weaker evidence does not lengthen it');
  suspicion.postpone(700);
  t.equal(suspicion.deadlineMs, 700);
  suspicion.dropEvidence();
  t.equal(suspicion.deadlineMs, 6_000);
});

t.test('the retransmit limit grows with the logarithm of the cluster', async (t) => {
  const table: [number, number][] = [
    [1, 4],
    [9, 4],
    [10, 8],
    [99, 8],
    [100, 12],
    [1_000, 16],
  ];
  for (const [members, limit] of table) t.equal(retransmitLimit(members, 4), limit, `${members} members`);
});

t.test(
  'a rumour is told as often as the limit says, the least told first, and not to whom it says is alive',
  async (t) => {
    const queue = new RumourQueue('self', 10);
    const left = { type: 'left', node: 'x', incarnation: 1 } as const;
    const alive = { type: 'alive', member: aliveMember('b') } as const;
    queue.add(left);
    t.strictSame(queue.take('a', 5, 3), [left]);
    queue.add(alive);
    t.strictSame(queue.take('a', 1, 3), [alive], 'the fresh one first');
    t.strictSame(queue.take(alive.member.id, 5, 3), [left]);
    t.strictSame(queue.take('a', 5, 3), [alive, left]);
    t.strictSame(queue.take('a', 5, 3), [alive]);
    t.equal(queue.size, 0);
  },
);

t.test('a newer rumour about a member takes the place of the older one', async (t) => {
  const queue = new RumourQueue('self', 10);
  queue.add({ type: 'suspect', node: 'x', incarnation: 1, accuser: 'a' });
  queue.add({ type: 'dead', node: 'x', incarnation: 1, accuser: 'a' });
  t.strictSame(queue.take('b', 5, 4), [{ type: 'dead', node: 'x', incarnation: 1, accuser: 'a' }]);
});

t.test('over its limit the queue drops the most told rumour', async (t) => {
  const queue = new RumourQueue('self', 2);
  const left = (node: string) => ({ type: 'left', node, incarnation: 1 }) as const;
  queue.add(left('x'));
  queue.take('a', 5, 9);
  queue.add(left('y'));
  t.equal(queue.size, 2);
  queue.add(left('z'));
  t.strictSame(queue.take('a', 5, 9), [left('y'), left('z')]);
});

t.test('every member is probed once a round, a hurried one next', async (t) => {
  const order = new ProbeOrder(createRandom('order'));
  const all = ['b', 'c', 'd', 'e'];
  const next = () =>
    order.next(
      () => all,
      () => true,
    );
  const round = all.map(next);
  t.strictSame(round.toSorted(), all);
  order.hurry('d');
  t.equal(
    order.nextUrgent(() => true),
    'd',
  );
  t.equal(
    order.nextUrgent(() => true),
    null,
  );
  t.strictSame(all.map(next).toSorted(), all);
  t.equal(
    order.next(
      () => all,
      () => false,
    ),
    null,
  );
  t.equal(new Set(sample(all, 9, createRandom('sample'))).size, 4);
});

t.test('of all nodes each is looked after by exactly one other', async (t) => {
  const nodes = ['d', 'a', 'e', 'c', 'b'];
  const next = nodes.map((self) => nextOnRing(self, nodes));
  t.strictSame(next, ['e', 'b', 'a', 'd', 'c']);
  t.strictSame(
    nodes.map((self) =>
      nextOnRing(
        self,
        nodes.filter((node) => node !== self),
      ),
    ),
    next,
    'whether it is in the list itself or not',
  );
  t.equal(nextOnRing('a', []), null);
});

t.test('health stays within its bounds and stretches what it scales', async (t) => {
  const health = new LocalHealth({ ...config, healthScoreMax: 2 });
  health.change(-1);
  t.equal(health.scaleMs(500), 500);
  health.change(9);
  t.equal(health.score, 2);
  t.equal(health.scaleMs(500), 1_500);
});

t.test('a late tick counts as much as it is late, up to the worst score', async (t) => {
  const table: [number, number][] = [
    [4, 0],
    [50, 0.2],
    [250, 1],
    [600, 2.4],
    [3_000, 8],
  ];
  for (const [lateMs, score] of table) {
    const health = new LocalHealth(config);
    health.hearTick(lateMs, 10_000);
    t.equal(health.score, score, `${lateMs} ms`);
  }
});

t.test('a loop that is busy all the time keeps the score up, a calm one lets it fall', async (t) => {
  const health = new LocalHealth(config);
  for (let nowMs = 1_000; nowMs <= 60_000; nowMs += 500) health.hearTick(250, nowMs);
  t.equal(health.score, 1);
  health.hearTick(0, 60_000 + config.healthCalmMs);
  t.equal(health.score, 0.5);
  for (let nowMs = 65_500; nowMs <= 90_000; nowMs += 500) health.hearTick(1, nowMs);
  t.equal(health.score, 0);
  health.hearTick(3_600_000, 10_000_000);
  health.hearTick(0, 10_000_000 + 4 * config.healthCalmMs);
  t.equal(health.score, 0.5, 'an hour of sleep is soon forgiven');
});
