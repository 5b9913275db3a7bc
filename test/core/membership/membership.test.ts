import t from 'tap';
import { incarnationMax, type MemberRecord } from '../../../src/core/member.js';
import { defaultMembershipConfig as config } from '../../../src/core/membership/config.js';
import type { Membership, MembershipEffect } from '../../../src/core/membership/membership.js';
import { acknowledge, aliveMember, helloOf, idOf, start, startWithTwo, tell } from './builders.js';

const [a, b, c] = [idOf('a'), idOf('b'), idOf('c')];

/** Ticks at each deadline until `endMs`, and all effects on the way. */
function runUntil(membership: Membership, endMs: number): MembershipEffect[] {
  const effects: MembershipEffect[] = [];
  for (let nowMs = membership.nextDeadlineMs(); nowMs <= endMs; nowMs = membership.nextDeadlineMs()) {
    effects.push(...membership.step({ type: 'tick', lateMs: 0 }, nowMs));
  }
  return effects;
}

function stateOf(membership: Membership, id: string): MemberRecord['state'] | undefined {
  return membership.members().get(id)?.state;
}

t.test('a first contact gets all this node knows, and is asked for the same', async (t) => {
  const membership = start();
  const effects = membership.step({ type: 'contact_opened', node: b, hello: helloOf(aliveMember('b')) }, 0);
  t.strictSame(effects, [
    { type: 'send', to: b, message: { type: 'sync', members: [aliveMember('a')], answerWanted: true } },
  ]);
});

t.test('a contact known alive at this incarnation gets nothing', async (t) => {
  const membership = startWithTwo();
  t.strictSame(
    membership.step({ type: 'contact_opened', node: b, hello: helloOf(aliveMember('b')) }, 2_000),
    [],
  );
});

t.test('a new member is told of, and rumoured at once to those with a link', async (t) => {
  const membership = startWithTwo();
  const d = aliveMember('d');
  const rumours = [{ type: 'alive', member: d }];
  const [changed, ...sends] = tell(membership, b, [{ type: 'alive', member: d }], 2_000);
  t.strictSame(changed, { type: 'member_changed', member: d, previous: null });
  t.strictSame(
    sends.toSorted((x, y) => JSON.stringify(x).localeCompare(JSON.stringify(y))),
    [b, c].map((to) => ({ type: 'send', to, message: { type: 'gossip', rumours } })),
  );
});

t.test('a ping is answered, even one of a stranger', async (t) => {
  const message = { type: 'ping', seq: 7, rumours: [] } as const;
  t.strictSame(startWithTwo().step({ type: 'message', from: 'stranger', message }, 2_000), [
    { type: 'send', to: 'stranger', message: { type: 'ack', seq: 7, rumours: [] } },
  ]);
});

t.test('a ping that carries a suspicion of this node gets an ack that carries the refutation', async (t) => {
  const membership = startWithTwo();
  const suspicion = { type: 'suspect', node: a, incarnation: 1, accuser: b } as const;
  const effects = membership.step(
    { type: 'message', from: b, message: { type: 'ping', seq: 7, rumours: [suspicion] } },
    2_000,
  );
  const refuted = aliveMember('a', { incarnation: 2 });
  const rumours = [{ type: 'alive', member: refuted }];
  t.strictSame(effects.slice(0, 2), [
    { type: 'member_changed', member: refuted, previous: aliveMember('a') },
    { type: 'send', to: b, message: { type: 'ack', seq: 7, rumours } },
  ]);
  t.equal(membership.healthScore(), 1);
});

t.test('who tells a stale suspicion hears the truth, and the incarnation stays as it is', async (t) => {
  const membership = startWithTwo();
  tell(membership, b, [{ type: 'suspect', node: a, incarnation: 1, accuser: b }], 2_000);
  const rumours = [{ type: 'alive', member: aliveMember('a', { incarnation: 2 }) }];
  t.strictSame(tell(membership, c, [{ type: 'suspect', node: a, incarnation: 1, accuser: c }], 2_001), [
    { type: 'send', to: c, message: { type: 'gossip', rumours } },
  ]);
  t.equal(membership.self().incarnation, 2);
});

t.test(
  'a death of this node at a higher incarnation is refuted above it, and one that could not be is not believed',
  async (t) => {
    const membership = startWithTwo();
    tell(membership, b, [{ type: 'dead', node: a, incarnation: incarnationMax - 1, accuser: b }], 2_000);
    t.equal(membership.self().incarnation, incarnationMax);
    t.strictSame(
      tell(membership, b, [{ type: 'dead', node: a, incarnation: incarnationMax, accuser: b }], 2_100),
      [],
    );
    t.equal(membership.self().state, 'alive');
    tell(membership, b, [{ type: 'dead', node: c, incarnation: incarnationMax, accuser: b }], 2_200);
    t.equal(stateOf(membership, c), 'alive');
  },
);

t.test('gossip does not refresh a suspect, a higher incarnation does', async (t) => {
  const membership = startWithTwo();
  membership.step({ type: 'contact_lost', node: b, reason: 'reset' }, 2_000);
  t.equal(stateOf(membership, b), 'suspect');
  t.strictSame(tell(membership, c, [{ type: 'alive', member: aliveMember('b') }], 2_050), []);
  t.equal(stateOf(membership, b), 'suspect');
  tell(membership, c, [{ type: 'alive', member: aliveMember('b', { incarnation: 2 }) }], 2_060);
  t.equal(stateOf(membership, b), 'alive');
});

for (const [reason, suspicionMs] of [
  ['reset', 500],
  ['refused', 150],
] as const) {
  t.test(`a member whose contact is lost by ${reason} is dead after ${suspicionMs} ms`, async (t) => {
    const membership = startWithTwo();
    membership.step({ type: 'contact_lost', node: b, reason }, 2_000);
    runUntil(membership, 2_000 + suspicionMs - 1);
    t.equal(stateOf(membership, b), 'suspect');
    runUntil(membership, 2_000 + suspicionMs);
    t.equal(stateOf(membership, b), 'dead');
  });
}

t.test('a contact that is lost as unreachable accuses nobody', async (t) => {
  const membership = startWithTwo();
  t.strictSame(membership.step({ type: 'contact_lost', node: b, reason: 'unreachable' }, 2_000), []);
});

t.test('a goodbye makes a member left, and nothing suspects it after', async (t) => {
  const membership = startWithTwo();
  membership.step({ type: 'contact_lost', node: b, reason: 'goodbye' }, 2_000);
  tell(membership, c, [{ type: 'dead', node: b, incarnation: 1, accuser: c }], 2_001);
  t.equal(stateOf(membership, b), 'left');
});

t.test(
  'no dead member comes back at the same incarnation, and one forgotten after a day is told of',
  async (t) => {
    const membership = startWithTwo();
    membership.step({ type: 'address_taken', node: b, by: c }, 2_000);
    const dead = aliveMember('b', { state: 'dead' });
    tell(membership, c, [{ type: 'alive', member: aliveMember('b') }], 2_001);
    const record = { ...aliveMember('b'), state: 'suspect' as const };
    membership.step(
      { type: 'message', from: c, message: { type: 'sync', members: [record], answerWanted: false } },
      2_002,
    );
    t.equal(stateOf(membership, b), 'dead');
    const dayMs = 24 * 3_600_000;
    membership.step({ type: 'tick', lateMs: 0 }, dayMs);
    t.equal(stateOf(membership, b), 'dead');
    const effects = membership.step({ type: 'tick', lateMs: 0 }, dayMs + 10_000);
    t.strictSame(
      effects.filter((effect) => effect.type === 'member_forgotten'),
      [{ type: 'member_forgotten', member: dead }],
    );
  },
);

t.test('a member that does not ack is asked for through another, then suspect, and told so', async (t) => {
  const membership = startWithTwo();
  const effects = runUntil(membership, 3_600).filter((effect) => effect.type !== 'log');
  const kinds = effects.map((effect) => (effect.type === 'send' ? effect.message.type : effect.type));
  t.strictSame(kinds.filter((kind) => kind !== 'digest').slice(0, 4), [
    'ping',
    'probe_request',
    'member_changed',
    'gossip',
  ]);
});

t.test('a member that answers to others alone is no suspect, but its link is doubted', async (t) => {
  const membership = startWithTwo();
  const effects: MembershipEffect[] = [];
  let helper: string | null = null;
  for (let nowMs = 2_000; nowMs < 3_600 && helper === null; nowMs += 10) {
    for (const effect of membership.step({ type: 'tick', lateMs: 0 }, nowMs)) {
      if (effect.type !== 'send' || effect.message.type !== 'probe_request') continue;
      helper = effect.to;
      const ack = { type: 'ack', seq: effect.message.seq, rumours: [] } as const;
      effects.push(...membership.step({ type: 'message', from: helper, message: ack }, nowMs + 1));
    }
  }
  t.strictSame(effects, [{ type: 'contact_doubted', node: helper === b ? c : b }]);
  t.equal(stateOf(membership, b), 'alive');
  t.equal(stateOf(membership, c), 'alive');
});

t.test('where all are linked every second probe is of the next member, the others in turn', async (t) => {
  const membership = startWithTwo();
  for (const letter of 'defghijk') {
    const member = aliveMember(letter);
    membership.step({ type: 'contact_opened', node: member.id, hello: helloOf(member) }, 2_000);
    tell(membership, member.id, [{ type: 'alive', member }], 2_000);
  }
  const targets: string[] = [];
  for (let nowMs = 2_000; nowMs < 30_000; nowMs += 10) {
    for (const effect of membership.step({ type: 'tick', lateMs: 0 }, nowMs)) {
      if (effect.type === 'send' && effect.message.type === 'ping') targets.push(effect.to);
      acknowledge(membership, effect, nowMs);
    }
  }
  const toNext = targets.filter((target) => target === b).length;
  t.ok(toNext >= targets.length / 2 && toNext < 0.7 * targets.length, `${toNext} of ${targets.length}`);
  t.equal(new Set(targets).size, 10);
});

t.test('a node whose own loop stood still accuses nobody for that time', async (t) => {
  const membership = startWithTwo();
  runUntil(membership, membership.nextDeadlineMs());
  const effects = membership.step({ type: 'tick', lateMs: config.probeTimeoutMs + 1 }, 9_000);
  t.strictSame(
    effects.filter((effect) => effect.type === 'member_changed'),
    [],
  );
  t.equal(membership.healthScore(), 1);
  const accused = startWithTwo();
  accused.step({ type: 'contact_lost', node: b, reason: 'reset' }, 2_000);
  accused.step({ type: 'tick', lateMs: config.probeTimeoutMs + 1 }, 9_000);
  t.equal(stateOf(accused, b), 'suspect', 'a refutation may wait to be read');
  accused.step({ type: 'tick', lateMs: 0 }, 9_000 + config.probeTimeoutMs);
  t.equal(stateOf(accused, b), 'dead');
});

t.test('an ack or a nack that nobody asked for changes nothing', async (t) => {
  const membership = startWithTwo();
  for (const type of ['ack', 'nack'] as const) {
    for (const seq of [0, 1, 2 ** 53, Number.NaN]) {
      t.strictSame(
        membership.step({ type: 'message', from: b, message: { type, seq, rumours: [] } }, 2_000),
        [],
      );
    }
  }
});

t.test('a probe for another is passed on, and its ack too', async (t) => {
  const membership = startWithTwo();
  const request = { type: 'probe_request', seq: 9, target: c, rumours: [] } as const;
  const [ping] = membership.step({ type: 'message', from: b, message: request }, 2_000);
  if (ping?.type !== 'send' || ping.message.type !== 'ping') throw new Error('no ping');
  t.equal(ping.to, c);
  const ack = { type: 'ack', seq: ping.message.seq, rumours: [] } as const;
  t.strictSame(membership.step({ type: 'message', from: c, message: ack }, 2_001), [
    { type: 'send', to: b, message: { type: 'ack', seq: 9, rumours: [] } },
  ]);
});

t.test('a probe for another that cannot be passed on is answered with a nack at once', async (t) => {
  const nack = [{ type: 'send', to: b, message: { type: 'nack', seq: 9, rumours: [] } }];
  const request = { type: 'probe_request', seq: 9, target: 'stranger', rumours: [] } as const;
  t.strictSame(startWithTwo().step({ type: 'message', from: b, message: request }, 2_000), nack);
  const busy = startWithTwo({ relaysMax: 1 });
  busy.step({ type: 'message', from: b, message: { ...request, target: c } }, 2_000);
  t.strictSame(busy.step({ type: 'message', from: b, message: { ...request, target: c } }, 2_000), nack);
});

t.test('a change of its own facts raises the incarnation by one; no change raises nothing', async (t) => {
  const membership = startWithTwo();
  const [effect] = membership.step({ type: 'self_changed', change: { draining: true } }, 2_000);
  const member = aliveMember('a', { incarnation: 2, draining: true });
  t.strictSame(effect, { type: 'member_changed', member, previous: aliveMember('a') });
  membership.step({ type: 'self_changed', change: { draining: true } }, 3_000);
  t.equal(membership.self().incarnation, 2);
});

t.test(
  'a node that leaves says so to everybody itself, and does not contradict its death any more',
  async (t) => {
    const membership = startWithTwo();
    const rumours = [{ type: 'left', node: a, incarnation: 1 }];
    const left = aliveMember('a', { state: 'left' });
    t.strictSame(membership.step({ type: 'leave' }, 2_000).slice(0, 3), [
      { type: 'member_changed', member: left, previous: aliveMember('a') },
      { type: 'send', to: b, message: { type: 'gossip', rumours } },
      { type: 'send', to: c, message: { type: 'gossip', rumours } },
    ]);
    tell(membership, b, [{ type: 'dead', node: a, incarnation: 1, accuser: b }], 2_001);
    t.strictSame(membership.self(), left);
  },
);

t.test(
  'a forged death of all members costs nobody its life, as each with a link is asked first',
  async (t) => {
    const membership = startWithTwo();
    const deaths = [b, c].map((node) => ({ type: 'dead', node, incarnation: 1, accuser: b }) as const);
    const effects = tell(membership, b, deaths, 2_000);
    t.strictSame([stateOf(membership, b), stateOf(membership, c)], ['suspect', 'suspect']);
    const told = effects.filter((effect) => effect.type === 'send' && effect.to === c);
    t.match(told[0], { message: { type: 'gossip', rumours: [{ type: 'suspect', node: c }] } });
    tell(membership, c, [{ type: 'alive', member: aliveMember('c', { incarnation: 2 }) }], 2_010);
    t.equal(stateOf(membership, c), 'alive');
  },
);

t.test('accusers that nobody knows confirm nothing, and strangers are not mourned', async (t) => {
  const membership = startWithTwo();
  const accuse = (accuser: string) => ({ type: 'suspect', node: c, incarnation: 1, accuser }) as const;
  tell(membership, b, [accuse('nobody1'), accuse('nobody2'), accuse('nobody3')], 2_000);
  t.ok(membership.nextDeadlineMs() < 9_000);
  membership.step({ type: 'tick', lateMs: 0 }, 4_000);
  t.equal(stateOf(membership, c), 'suspect', 'the timer is still the long one');
  tell(membership, b, [{ type: 'dead', node: 'stranger', incarnation: 1, accuser: b }], 4_001);
  t.notOk(membership.members().has('stranger'));
});

t.test('a hostile name is an id like any other', async (t) => {
  const membership = startWithTwo();
  for (const id of ['__proto__', 'constructor', 'toString']) {
    tell(membership, b, [{ type: 'alive', member: aliveMember('x', { id }) }], 2_000);
    t.equal(stateOf(membership, id), 'alive');
  }
});
