import t from 'tap';
import { defaultMembershipConfig as config } from '../../../src/core/membership/config.js';
import type { Membership, MembershipEffect } from '../../../src/core/membership/membership.js';
import type { Rumour } from '../../../src/core/messages.js';
import { acknowledge, aliveMember, helloOf, idOf, startWithTwo, tell } from './builders.js';

const [a, b, c] = [idOf('a'), idOf('b'), idOf('c')];

function stateOf(membership: Membership, node: string): string | undefined {
  return membership.members().get(node)?.state;
}

t.test('100,000 invented members stay within the bounds', async (t) => {
  const membership = startWithTwo({ membersMax: 1_000 });
  const logs: MembershipEffect[] = [];
  for (let index = 0; index < 100_000; index += 50) {
    const rumours = Array.from({ length: 50 }, (_, offset): Rumour => {
      return { type: 'alive', member: aliveMember('x', { id: `invented${index + offset}` }) };
    });
    logs.push(...tell(membership, b, rumours, 2_000).filter((effect) => effect.type === 'log'));
  }
  t.equal(membership.members().size, 1_000);
  t.equal(logs.length, 1, 'said once');
  t.equal(stateOf(membership, c), 'alive');
});

t.test('when the list is full of hearsay, a member with a link takes the place of one', async (t) => {
  const membership = startWithTwo({ membersMax: 5 });
  const ghosts = ['x', 'y', 'z'].map((letter): Rumour => ({ type: 'alive', member: aliveMember(letter) }));
  tell(membership, b, ghosts, 2_000);
  t.same([...membership.members().keys()], [a, b, c, idOf('x'), idOf('y')]);
  const d = aliveMember('d');
  membership.step({ type: 'contact_opened', node: d.id, hello: helloOf(d) }, 2_001);
  const effects = tell(membership, d.id, [{ type: 'alive', member: d }], 2_002);
  t.same([...membership.members().keys()], [a, b, c, idOf('y'), d.id]);
  t.match(
    effects.filter(({ type }) => type !== 'send'),
    [
      { type: 'member_changed', member: { id: idOf('x'), state: 'dead' } },
      { type: 'member_forgotten', member: { id: idOf('x') } },
      { type: 'member_changed', member: { id: d.id, state: 'alive' } },
    ],
    'its death is told first, so that nobody goes on waiting for it',
  );
});

t.test('a real member that stops is suspect in time, however many are invented', async (t) => {
  const membership = startWithTwo();
  for (let count = 0; count < 5_000; count += 50) {
    const rumours = Array.from({ length: 50 }, (_, index): Rumour => {
      return { type: 'alive', member: aliveMember('x', { id: `ghost${count + index}` }) };
    });
    tell(membership, b, rumours, 2_000);
  }
  // Until the invented ones, whom somebody may be dialling, are probed too.
  const stopsAtMs = 2_000 + 2 * config.contactGraceMs;
  let nowMs = 2_000;
  const runWhile = (goesOn: () => boolean): void => {
    while (goesOn() && nowMs < 90_000) {
      for (const effect of membership.step({ type: 'tick', lateMs: 0 }, nowMs)) {
        if (effect.type !== 'send' || (effect.to === c && nowMs >= stopsAtMs)) continue;
        if (effect.message.type === 'ping') acknowledge(membership, effect, nowMs);
        if (effect.message.type !== 'probe_request') continue;
        const nack = { type: 'nack', seq: effect.message.seq, rumours: [] } as const;
        membership.step({ type: 'message', from: effect.to, message: nack }, nowMs);
      }
      nowMs += 10;
    }
  };
  runWhile(() => stateOf(membership, c) === 'alive');
  const suspectAtMs = nowMs;
  const ghosts = [...membership.members().keys()].filter((id) => id.startsWith('ghost'));
  runWhile(() => ghosts.every((id) => membership.members().get(id)?.state === 'alive'));
  t.ok(nowMs < 90_000, 'the invented ones have their turn too');
  // Its turn is one of two rounds of two members each, and every other probe may be of an invented one.
  const tookMs = suspectAtMs - stopsAtMs;
  t.ok(tookMs > 0 && tookMs <= 9 * config.probeIntervalMs, `${tookMs} ms`);
});

t.test('a refutation goes ahead of thousands of news', async (t) => {
  const membership = startWithTwo();
  for (let count = 0; count < 5_000; count += 50) {
    const rumours = Array.from({ length: 50 }, (_, index): Rumour => {
      return { type: 'alive', member: aliveMember('x', { id: `ghost${count + index}` }) };
    });
    tell(membership, b, rumours, 2_000);
  }
  const accusation: Rumour = { type: 'suspect', node: a, incarnation: 1, accuser: c };
  const effects = membership.step(
    { type: 'message', from: c, message: { type: 'ping', seq: 1, rumours: [accusation] } },
    2_001,
  );
  t.match(
    effects.find((effect) => effect.type === 'send' && effect.message.type === 'ack'),
    { to: c, message: { rumours: [{ type: 'alive', member: { id: a, incarnation: 2 } }] } },
  );
});

t.test(
  'no message has more rumours than a peer takes, that to a suspect with its accusation included',
  async (t) => {
    const membership = startWithTwo();
    const rumours = Array.from({ length: 200 }, (_, index): Rumour => {
      return { type: 'alive', member: aliveMember('x', { id: `news${index}` }) };
    });
    const suspicion: Rumour = { type: 'suspect', node: c, incarnation: 1, accuser: b };
    const effects = tell(membership, b, [...rumours, suspicion], 2_000);
    const ping = { type: 'ping', seq: 1, rumours: [] } as const;
    effects.push(...membership.step({ type: 'message', from: c, message: ping }, 2_001));
    const counts = effects.flatMap((effect) =>
      effect.type === 'send' && 'rumours' in effect.message ? effect.message.rumours.length : [],
    );
    t.ok(counts.length > 1 && counts.every((count) => count <= 64), `${counts}`);
  },
);

t.test('when the list is full the longest dead member makes room', async (t) => {
  const membership = startWithTwo({ membersMax: 3 });
  membership.step({ type: 'address_taken', node: b, by: c }, 2_000);
  const effects = tell(membership, c, [{ type: 'alive', member: aliveMember('d') }], 2_001);
  t.match(effects.slice(0, 2), [
    { type: 'member_forgotten', member: { id: b } },
    { type: 'member_changed', member: { id: idOf('d') } },
  ]);
});
