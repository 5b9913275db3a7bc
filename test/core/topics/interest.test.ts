import t from 'tap';
import { limits } from '../../../src/core/limits.js';
import type { MemberRecord } from '../../../src/core/member.js';
import { Interests, isLater } from '../../../src/core/topics/interests.js';
import { OwnInterest } from '../../../src/core/topics/own-interest.js';
import { hashOf, isFilterSize, mayHold, TopicFilter } from '../../../src/core/topics/topic-filter.js';
import type { InterestRecord } from '../../../src/core/topics/topic-messages.js';
import { aliveMember, idOf } from '../membership/builders.js';

t.test('a filter holds all topics that are in it, and few others', async (t) => {
  for (const count of [1, 60, 500, 4_096]) {
    const filter = new TopicFilter();
    for (let index = 0; index < count; index++) filter.add(`room.${index}`);
    const bytes = filter.bytes();
    t.ok(isFilterSize(bytes.length), `${bytes.length} bytes for ${count}`);
    for (let index = 0; index < count; index++)
      if (!mayHold(bytes, hashOf(`room.${index}`))) t.fail(`room.${index} is missing`);
    let wrong = 0;
    for (let index = 0; index < 10_000; index++) if (mayHold(bytes, hashOf(`other.${index}`))) wrong++;
    t.ok(wrong < 400, `${wrong} of 10,000 others`);
  }
});

t.test('what is taken out of a filter is in it no more, whatever else comes and goes', async (t) => {
  const filter = new TopicFilter();
  for (let index = 0; index < 1_000; index++) filter.add(`room.${index}`);
  for (let index = 0; index < 1_000; index++) if (index !== 7) filter.remove(`room.${index}`);
  const bytes = filter.bytes();
  t.equal(bytes.length, 64);
  t.ok(mayHold(bytes, hashOf('room.7')));
  t.notOk(mayHold(bytes, hashOf('room.8')));
  filter.remove('room.7');
  t.equal(filter.bytes().length, 0);
  t.notOk(mayHold(filter.bytes(), hashOf('room.7')));
});

function own(): OwnInterest {
  return new OwnInterest({ node: idOf('a'), instance: 'first', start: 1 });
}

t.test(
  'a first change is told at once, and the next ones together a quarter of a second later',
  async (t) => {
    const interest = own();
    t.equal(interest.take(0), null, 'there is nothing to tell');
    interest.gained('room.1');
    t.match(interest.take(1_000), { version: 1, patterns: [] });
    interest.gained('news.*');
    interest.gained('*');
    t.notOk(interest.isTold);
    t.equal(interest.take(1_249), null);
    t.equal(interest.nextDeadlineMs(), 1_250);
    t.match(interest.take(1_250), { version: 2, patterns: ['*', 'news.*'] });
    t.ok(interest.isTold);
    t.equal(interest.take(2_000), null);
  },
);

t.test('a topic stays for five seconds, and who is back by then has changed nothing', async (t) => {
  const interest = own();
  interest.gained('room.1');
  interest.take(0);
  interest.lost('room.1', 1_000);
  t.equal(interest.nextDeadlineMs(), 6_000);
  interest.gained('room.1');
  t.equal(interest.take(7_000), null);
  interest.lost('room.1', 8_000);
  t.equal(interest.take(12_999), null);
  t.match(interest.take(13_000), { version: 2, filter: new Uint8Array(0) });
});

t.test('what changes nothing of the filter is not told', async (t) => {
  const interest = own();
  interest.gained('room.1');
  interest.take(0);
  interest.gained('*');
  interest.lost('*', 10);
  t.match(interest.take(300), { version: 2, patterns: ['*'] }, 'it stays for a while');
  t.match(interest.take(5_010), { version: 3, patterns: [] });
  t.equal(interest.take(9_000), null);
});

t.test('with more than sixteen patterns everything is wanted', async (t) => {
  const interest = own();
  for (let index = 0; index < 16; index++) interest.gained(`a${index}.*`);
  t.equal(interest.take(0)?.patterns?.length, 16);
  interest.gained('b.*');
  t.equal(interest.take(1_000)?.patterns, null);
});

function recordOf(letter: string, change: Partial<InterestRecord> = {}): InterestRecord {
  return {
    node: idOf(letter),
    instance: 'first',
    start: 1,
    version: 1,
    patterns: ['*'],
    filter: new Uint8Array(0),
    ...change,
  };
}

function interestsWith(...members: MemberRecord[]): {
  interests: Interests;
  change(member: MemberRecord): void;
} {
  const known = new Map(members.map((member) => [member.id, member]));
  const interests = new Interests(idOf('a'), {
    self: () => aliveMember('a'),
    get: (node) => known.get(node),
    all: () => known.values(),
  });
  const change = (member: MemberRecord): void => {
    known.set(member.id, member);
    interests.memberChanged(member);
  };
  return { interests, change };
}

t.test('interest is news when it is later, and what is late is not', async (t) => {
  const { interests } = interestsWith(aliveMember('b'));
  t.ok(interests.take(recordOf('b', { version: 2, patterns: ['news.*'] })));
  t.notOk(interests.take(recordOf('b', { version: 2, patterns: [] })));
  t.notOk(interests.take(recordOf('b', { version: 1 })));
  t.strictSame(interests.wanting('news.de'), [idOf('b')]);
  t.strictSame(interests.wanting('room'), []);
  t.strictSame(interests.wanting('news.*'), [idOf('b')], 'of a pattern, who has this one');
  t.strictSame(interests.wanting('room.*'), []);
  t.ok(isLater(recordOf('b', { start: 2, instance: 'later', version: 1 }), recordOf('b', { version: 9 })));
});

t.test('what cannot be true of a process is not believed, and outranks nothing', async (t) => {
  const { interests, change } = interestsWith(aliveMember('b', { incarnation: 3 }));
  t.notOk(interests.take(recordOf('b', { start: 4, version: 9 })), 'it has not begun so late');
  t.notOk(interests.take(recordOf('b', { version: limits.interestVersionMax + 1 })));
  t.ok(interests.take(recordOf('b', { start: 3, version: 1, patterns: [] })));
  t.ok(interests.take(recordOf('b', { start: 1, version: 2 })), 'of one process the version decides');
  interests.take(recordOf('c', { instance: 'forged', start: 1_000_000 }));
  change(aliveMember('c'));
  t.ok(interests.take(recordOf('c')), 'and what was said of another process does not keep it out');
  t.strictSame(interests.wanting('x'), [idOf('b'), idOf('c')]);
});

t.test(
  'what others were told of this process is outdone by a later version, even when nothing has changed',
  async (t) => {
    const interest = own();
    interest.gained('room.*');
    t.match(interest.take(0), { version: 1 });
    interest.outdo(recordOf('a', { version: 1 }));
    interest.outdo(recordOf('a', { instance: 'earlier', version: 9 }));
    interest.outdo(recordOf('a', { version: limits.interestVersionMax }));
    t.equal(interest.take(1_000), null);
    interest.outdo(recordOf('a', { version: 70 }));
    t.notOk(interest.isTold);
    t.match(interest.take(1_000), { version: 71, patterns: ['room.*'] });
    t.equal(interest.take(2_000), null);
  },
);

t.test('it ends with its process, and comes before the news of a node that is new', async (t) => {
  const { interests, change } = interestsWith(aliveMember('b'));
  interests.take(recordOf('b'));
  t.notOk(interests.take(recordOf('c')), 'nobody knows c');
  t.strictSame(interests.wanting('x'), [idOf('b')]);
  change(aliveMember('c'));
  t.strictSame(interests.wanting('x'), [idOf('b'), idOf('c')]);
  change(aliveMember('b', { state: 'dead' }));
  t.strictSame(interests.wanting('x'), [idOf('c')]);
  t.notOk(interests.take(recordOf('b', { version: 7 })), 'it is dead');
  t.notOk(interests.take(recordOf('b', { instance: 'later', start: 5 })), 'a later one has not shown itself');
  change(aliveMember('b', { instance: 'later', incarnation: 5 }));
  t.strictSame(interests.wanting('x'), [idOf('c'), idOf('b')]);
  t.notOk(interests.take(recordOf('b', { version: 99 })), 'the first process is over');
});

t.test('the checksum is that of what is known, in whatever order it came', async (t) => {
  const members = ['b', 'c', 'd'].map((letter) => aliveMember(letter));
  const one = interestsWith(...members);
  const other = interestsWith(...members);
  for (const letter of ['b', 'c', 'd']) one.interests.take(recordOf(letter, { version: 3 }));
  for (const letter of ['d', 'b', 'c']) {
    other.interests.take(recordOf(letter));
    t.not(one.interests.checksum, other.interests.checksum);
    other.interests.take(recordOf(letter, { version: 3 }));
  }
  t.equal(one.interests.checksum, other.interests.checksum);
  one.change(aliveMember('c', { state: 'left' }));
  other.change(aliveMember('c', { state: 'dead' }));
  t.equal(one.interests.checksum, other.interests.checksum);
});
