import t from 'tap';
import type { MemberRecord } from '../../../src/core/member.js';
import { defaultMembershipConfig as config } from '../../../src/core/membership/config.js';
import type { Membership, MembershipEffect } from '../../../src/core/membership/membership.js';
import type { MembershipMessage } from '../../../src/core/messages.js';
import { acknowledge, aliveMember, helloOf, idOf, startWithTwo, tell } from './builders.js';

const [a, b, c] = [idOf('a'), idOf('b'), idOf('c')];
type Of<Type> = Extract<MembershipMessage, { type: Type }>;

function receive(
  membership: Membership,
  from: string,
  message: MembershipMessage,
  nowMs: number,
): MembershipEffect[] {
  return membership.step({ type: 'message', from, message }, nowMs);
}

function sent<Type extends MembershipMessage['type']>(
  effects: readonly MembershipEffect[],
  type: Type,
): Of<Type>[] {
  return effects.flatMap((effect) =>
    effect.type === 'send' && effect.message.type === type ? [effect.message as Of<Type>] : [],
  );
}

/** A node that knows b, c and these members, and tells no rumours of its own accord. */
function startWith(members: readonly MemberRecord[]): Membership {
  const membership = startWithTwo({ gossipFanout: 0 });
  for (const member of members) tell(membership, b, [{ type: 'alive', member }], 2_000);
  return membership;
}

function crowd(count: number, change: Partial<MemberRecord> = {}): MemberRecord[] {
  return Array.from({ length: count }, (_, index) =>
    aliveMember('x', { id: `x${String(index).padStart(11, '0')}`, ...change }),
  );
}

const otherDigest = { type: 'digest', checksum: 1 } as const;

/** The versions that this node lists for one whose checksums are all others, as if all members were in one bucket. */
function listed(membership: Membership, nowMs: number): Of<'versions'> {
  const [versions] = sent(receive(membership, b, { type: 'buckets', checksums: [1] }, nowMs), 'versions');
  if (versions === undefined) throw new Error('no versions');
  return versions;
}

/** Hands the effects of each of two nodes, which both know the other as b, to the other until neither says anything, and counts the messages by type. */
function converse(one: Membership, two: Membership, first: readonly MembershipEffect[], nowMs: number) {
  const counts: Record<string, number> = {};
  let [effects, from, to] = [first, one, two];
  while (effects.length > 0) {
    const replies: MembershipEffect[] = [];
    for (const effect of effects) {
      if (effect.type !== 'send' || effect.message.type === 'ping') continue;
      counts[effect.message.type] = (counts[effect.message.type] ?? 0) + 1;
      replies.push(...receive(to, b, effect.message, nowMs));
    }
    [effects, from, to] = [replies, to, from];
  }
  return counts;
}

t.test('an equal checksum is answered with nothing, another with the checksums of buckets', async (t) => {
  const membership = startWithTwo();
  const [one] = sent(receive(membership, b, otherDigest, 2_000), 'buckets');
  t.equal(one?.checksums.length, 1, 'three members need one bucket');
  const checksum = one?.checksums[0] ?? 0;
  t.strictSame(receive(membership, c, { type: 'digest', checksum }, 2_000), []);
  const many = startWith(crowd(1_000));
  const [buckets] = sent(receive(many, b, otherDigest, 4_000), 'buckets');
  t.equal(buckets?.checksums.length, 256);
  const total = buckets?.checksums.reduce((sum, each) => (sum + each) >>> 0, 0) ?? 0;
  t.strictSame(receive(many, c, { type: 'digest', checksum: total }, 4_000), [], 'they add up to the digest');
});

t.test('only members of buckets that differ are listed, gone ones included', async (t) => {
  const membership = startWith(crowd(1_000));
  tell(membership, b, [{ type: 'left', node: 'x00000000000', incarnation: 1 }], 2_000);
  const [mine] = sent(receive(membership, b, otherDigest, 4_000), 'buckets');
  const checksums = mine?.checksums.map((checksum, bucket) => (bucket === 7 ? 1 : checksum)) ?? [];
  const [versions] = sent(receive(membership, c, { type: 'buckets', checksums }, 4_000), 'versions');
  t.strictSame(versions?.buckets, [7]);
  t.ok((versions?.versions.length ?? 99) < 20);
  t.strictSame(receive(membership, c, { type: 'buckets', checksums }, 4_999), [], 'once a second');
  t.strictSame(
    listed(membership, 5_000).versions.find(({ id }) => id === 'x00000000000'),
    { id: 'x00000000000', incarnation: 1, state: 'left' },
  );
});

t.test('a list is split into messages without parting a bucket, and what is too much waits', async (t) => {
  const membership = startWith(crowd(6_000));
  const checksums = Array.from({ length: 256 }, () => 1);
  const messages = sent(receive(membership, b, { type: 'buckets', checksums }, 4_000), 'versions');
  t.ok(messages.every(({ versions }) => versions.length <= 1_024));
  const total = messages.reduce((sum, { versions }) => sum + versions.length, 0);
  t.ok(total > 3_900 && total <= 4_096, `${total}`);
  const buckets = messages.flatMap((message) => message.buckets);
  t.equal(new Set(buckets).size, buckets.length);
});

t.test('versions are answered with what is newer here, and a wish for what is newer there', async (t) => {
  const membership = startWith([aliveMember('d'), aliveMember('e', { incarnation: 3 }), aliveMember('f')]);
  membership.step({ type: 'address_taken', node: idOf('f'), by: b }, 3_000);
  receive(membership, b, otherDigest, 4_000);
  const effects = receive(
    membership,
    b,
    {
      type: 'versions',
      bucketCount: 2,
      buckets: [0, 1],
      versions: [
        { id: a, incarnation: 1, state: 'suspect' },
        { id: b, incarnation: 1, state: 'alive' },
        { id: c, incarnation: 2, state: 'suspect' },
        { id: idOf('e'), incarnation: 2, state: 'dead' },
        { id: idOf('f'), incarnation: 1, state: 'alive' },
        { id: idOf('g'), incarnation: 1, state: 'alive' },
        { id: idOf('h'), incarnation: 1, state: 'dead' },
      ],
    },
    4_010,
  );
  const e = aliveMember('e', { incarnation: 3 });
  t.strictSame(effects, [
    { type: 'send', to: b, message: { type: 'records', members: [aliveMember('d'), e] } },
    {
      type: 'send',
      to: b,
      message: {
        type: 'gossip',
        rumours: [{ type: 'dead', node: idOf('f'), incarnation: 1, accuser: idOf('f') }],
      },
    },
    { type: 'send', to: b, message: { type: 'wanted', nodes: [c, idOf('g')] } },
  ]);
});

t.test('a death that was missed is heard by its version alone, and is refuted the same way', async (t) => {
  const membership = startWith([aliveMember('d'), aliveMember('e')]);
  receive(membership, b, otherDigest, 4_000);
  const versions = [
    { id: a, incarnation: 4, state: 'dead' },
    { id: b, incarnation: 1, state: 'alive' },
    { id: c, incarnation: 1, state: 'alive' },
    { id: idOf('d'), incarnation: 1, state: 'dead' },
    { id: idOf('e'), incarnation: 5, state: 'left' },
  ] as const;
  const effects = receive(
    membership,
    b,
    { type: 'versions', bucketCount: 2, buckets: [0, 1], versions },
    4_010,
  );
  const changes = effects.flatMap((effect) => (effect.type === 'member_changed' ? [effect.member] : []));
  t.strictSame(changes, [
    aliveMember('a', { incarnation: 5 }),
    aliveMember('d', { state: 'suspect' }),
    aliveMember('e', { state: 'left', incarnation: 5 }),
  ]);
  membership.step({ type: 'tick', lateMs: 0 }, 4_510);
  t.equal(membership.members().get(idOf('d'))?.state, 'dead', 'it had half a second to refute');
});

t.test('versions that nobody asked for, twice the same ones, and late ones are ignored', async (t) => {
  const membership = startWithTwo();
  const versions = { type: 'versions', bucketCount: 1, buckets: [0], versions: [] } as const;
  t.strictSame(receive(membership, b, versions, 2_000), []);
  receive(membership, b, otherDigest, 2_000);
  t.strictSame(receive(membership, c, versions, 2_001), [], 'of another node');
  t.strictSame(receive(membership, b, { ...versions, bucketCount: 2 }, 2_001), [], 'of other buckets');
  t.equal(sent(receive(membership, b, versions, 2_002), 'records').length, 1);
  t.strictSame(receive(membership, b, versions, 2_003), []);
  receive(membership, b, otherDigest, 4_000);
  t.strictSame(receive(membership, b, versions, 9_001), []);
});

t.test('no more records are handed out than versions were told', async (t) => {
  const membership = startWithTwo();
  const ask = { type: 'wanted', nodes: [a, b, c, a, b, c] } as const;
  t.strictSame(receive(membership, b, ask, 2_000), []);
  const count = listed(membership, 2_000).versions.length;
  t.equal(count, 3);
  const records = sent(receive(membership, b, ask, 2_001), 'records');
  t.strictSame(
    records.flatMap(({ members }) => members.map(({ id }) => id)),
    [a, b, c],
  );
  t.strictSame(receive(membership, b, ask, 2_002), []);
});

t.test('the same difference again and again is looked at ever more rarely, a new one at once', async (t) => {
  const membership = startWithTwo();
  const answered: number[] = [];
  for (let nowMs = 10_000; nowMs < 110_000; nowMs += 500) {
    const effects = receive(membership, b, otherDigest, nowMs);
    if (sent(effects, 'buckets').length + sent(effects, 'sync').length > 0) answered.push(nowMs / 1_000 - 10);
  }
  t.strictSame(answered, [0, 1, 3, 7, 15, 31, 63, 95]);
  t.equal(receive(membership, b, { type: 'digest', checksum: 2 }, 142_000).length, 1);
});

t.test('a peer that never lists versions gets everything, as an older node needs it', async (t) => {
  const membership = startWith(crowd(300));
  const answers = [10_000, 20_000, 30_000].map((nowMs) =>
    receive(membership, b, { type: 'digest', checksum: nowMs }, nowMs),
  );
  t.strictSame(
    answers.map((effects) => effects.map((effect) => effect.type === 'send' && effect.message.type)),
    [['buckets'], ['buckets'], ['sync', 'sync']],
  );
  const parts = sent(answers[2] ?? [], 'sync');
  t.strictSame(
    parts.map(({ answerWanted }) => answerWanted),
    [false, true],
    'the last part asks for the same',
  );
  t.equal(parts.flatMap(({ members }) => members).length, 303);
  t.equal(
    sent(receive(membership, b, { type: 'digest', checksum: 4 }, 40_000), 'buckets').length,
    1,
    'it may have been updated since',
  );
});

t.test('of two digests that cross only one is answered', async (t) => {
  const ends = [startWith(crowd(50)), startWith(crowd(60))];
  const d = aliveMember('d');
  const hello = helloOf(d);
  for (const membership of ends) membership.step({ type: 'contact_opened', node: d.id, hello }, 4_000);
  // a is lower than d: its own digest is the one.
  t.strictSame(receive(ends[0] as Membership, d.id, otherDigest, 4_001), []);
  t.equal(sent(receive(ends[1] as Membership, d.id, otherDigest, 5_001), 'buckets').length, 1);
});

t.test('who knows many says at a first contact what both are held to be, and compares', async (t) => {
  const membership = startWith(crowd(50));
  const [gossip] = sent(
    membership.step({ type: 'contact_opened', node: idOf('d'), hello: helloOf(aliveMember('d')) }, 4_000),
    'gossip',
  );
  t.strictSame(gossip?.rumours.at(-1), { type: 'alive', member: aliveMember('a') });
  membership.step({ type: 'address_taken', node: c, by: b }, 5_000);
  membership.step({ type: 'contact_lost', node: c, reason: 'reset' }, 5_000);
  const effects = membership.step(
    { type: 'contact_opened', node: c, hello: helloOf(aliveMember('c')) },
    6_000,
  );
  t.strictSame(sent(effects, 'gossip')[0]?.rumours[0], {
    type: 'dead',
    node: c,
    incarnation: 1,
    accuser: a,
  });
  t.equal(sent(effects, 'digest').length, 1);
});

t.test('two nodes find all they differ in in one exchange, and nothing is left to say', async (t) => {
  const [one, two] = [startWith(crowd(600)), startWith(crowd(590, { incarnation: 2 }))];
  const counts = converse(one, two, receive(one, b, otherDigest, 4_000), 4_000);
  t.strictSame(counts, { buckets: 1, versions: 1, wanted: 1, records: 4 });
  t.strictSame(
    [...one.members().values()].map(({ id, incarnation }) => [id, incarnation]).sort(),
    [...two.members().values()].map(({ id, incarnation }) => [id, incarnation]).sort(),
  );
  t.equal(sent(receive(one, b, otherDigest, 6_000), 'buckets')[0]?.checksums.length, 256);
});

t.test('a tombstone that only one of two nodes still has is no difference', async (t) => {
  const [one, two] = [startWith(crowd(60)), startWith(crowd(59))];
  one.step({ type: 'address_taken', node: 'x00000000059', by: b }, 3_000);
  const [digest] = sent(receive(one, b, otherDigest, 4_000), 'buckets');
  const checksum = digest?.checksums.reduce((sum, each) => (sum + each) >>> 0, 0) ?? 0;
  t.strictSame(receive(two, c, { type: 'digest', checksum }, 4_000), []);
  // Nor is it handed over when the bucket is looked at for another reason.
  receive(two, b, otherDigest, 5_000);
  const versions = listed(one, 5_000);
  const bucketCount = 16;
  const buckets = Array.from({ length: bucketCount }, (_, bucket) => bucket);
  t.strictSame(receive(two, b, { ...versions, bucketCount, buckets }, 5_001), []);
  t.notOk(two.members().has('x00000000059'));
});

t.test('when the list is full strangers are not asked for', async (t) => {
  const membership = startWithTwo({ membersMax: 3 });
  receive(membership, b, otherDigest, 4_000);
  const versions = [a, b, c, idOf('d')].map((id) => ({ id, incarnation: 1, state: 'alive' }) as const);
  t.strictSame(
    receive(membership, b, { type: 'versions', bucketCount: 1, buckets: [0], versions }, 4_001),
    [],
  );
});

t.test(
  'a node that joins takes in gone members from all of its first sync, and from none later',
  async (t) => {
    const membership = startWithTwo();
    const gone = (letter: string): MemberRecord => aliveMember(letter, { state: 'dead' });
    const sync = (letter: string) =>
      ({ type: 'sync', members: [gone(letter)], answerWanted: false }) as const;
    receive(membership, b, sync('d'), 2_000);
    receive(membership, b, sync('e'), 2_000);
    t.ok(membership.members().has(idOf('d')) && membership.members().has(idOf('e')));
    membership.step({ type: 'tick', lateMs: 0 }, 9_000);
    receive(membership, b, sync('f'), 9_001);
    t.notOk(membership.members().has(idOf('f')));
  },
);

t.test(
  'the record of a suspect is taken in as that of a suspect, and never as that of an alive member',
  async (t) => {
    const membership = startWithTwo();
    // Who told it heard of the suspicion first, and keeps the instance of an earlier start.
    const known = aliveMember('c', { incarnation: 5, state: 'suspect', instance: 'early' });
    const stranger = aliveMember('d', { state: 'suspect' });
    const members = [known, stranger, aliveMember('e')];
    const effects = receive(membership, b, { type: 'records', members }, 4_000);
    t.strictSame(
      effects.flatMap((effect) => (effect.type === 'member_changed' ? [effect.member] : [])),
      members,
    );
    const again = receive(membership, b, { type: 'records', members: [known] }, 4_001);
    t.strictSame(
      again.filter(({ type }) => type === 'member_changed'),
      [],
    );
    const refuted = { ...known, incarnation: 6, state: 'alive', instance: 'right' } as const;
    receive(membership, b, { type: 'records', members: [refuted] }, 4_002);
    t.strictSame(membership.members().get(c), refuted);
  },
);

t.test('comparisons are close together after a start, and again after a repair', async (t) => {
  const membership = startWithTwo({ joinDigestMs: config.joinDigestMs });
  const digests: number[] = [];
  const run = (fromMs: number, untilMs: number): void => {
    for (let nowMs = fromMs; nowMs < untilMs; nowMs += 10) {
      for (const effect of membership.step({ type: 'tick', lateMs: 0 }, nowMs)) {
        if (effect.type === 'send' && effect.message.type === 'digest') digests.push(nowMs);
        acknowledge(membership, effect, nowMs);
      }
    }
  };
  run(2_000, 60_000);
  const gaps = digests.slice(1).map((atMs, index) => atMs - (digests[index] as number));
  t.ok(Math.min(...gaps.slice(3)) > 0.7 * config.digestIntervalMs, `${gaps}`);
  digests.length = 0;
  receive(membership, b, otherDigest, 60_000);
  const versions = [{ id: idOf('d'), incarnation: 1, state: 'alive' }] as const;
  receive(membership, b, { type: 'versions', bucketCount: 1, buckets: [0], versions }, 60_010);
  run(60_020, 64_000);
  t.ok(digests.length >= 2, `${digests}`);
});
