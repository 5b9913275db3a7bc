import t from 'tap';
import type { MemberRecord } from '../../../src/core/member.js';
import { Namesakes } from '../../../src/core/node/namesakes.js';
import { aliveMember, idOf } from '../membership/builders.js';

function watch(): { members: Map<string, MemberRecord>; tell: (member: MemberRecord) => string | null } {
  const members = new Map<string, MemberRecord>();
  const namesakes = new Namesakes(() => members);
  const tell = (member: MemberRecord): string | null => {
    members.set(member.id, member);
    return namesakes.of(member)?.id ?? null;
  };
  return { members, tell };
}

t.test('a member that is called as another alive one is told, and who that is', async (t) => {
  const { tell } = watch();
  t.equal(tell(aliveMember('a', { name: 'ada' })), null);
  t.equal(tell(aliveMember('b', { name: 'bob' })), null);
  t.equal(tell(aliveMember('a', { name: 'ada', incarnation: 9 })), null, 'itself');
  t.equal(tell(aliveMember('c', { name: 'ada' })), idOf('a'));
});

t.test('one that is gone, or has another name now, is nobody’s namesake', async (t) => {
  const { tell } = watch();
  tell(aliveMember('a', { name: 'ada' }));
  tell(aliveMember('a', { name: 'ada', state: 'dead' }));
  t.equal(tell(aliveMember('b', { name: 'ada' })), null);
  tell(aliveMember('b', { name: 'bob' }));
  t.equal(tell(aliveMember('c', { name: 'ada' })), null);
  t.equal(tell(aliveMember('d', { name: 'bob' })), idOf('b'));
});

t.test(
  'names of any number of members that came and went take no more than a bounded time and place',
  async (t) => {
    const { members, tell } = watch();
    for (let index = 0; index < 10_000; index++) {
      const id = `x${String(index).padStart(11, '0')}`;
      tell(aliveMember('x', { id, name: `n${index}` }));
      members.delete(id);
    }
    tell(aliveMember('a', { name: 'ada' }));
    t.equal(tell(aliveMember('b', { name: 'ada' })), idOf('a'));
  },
);

t.test('of several namesakes any that is left is told, a suspect one too', async (t) => {
  const { tell } = watch();
  tell(aliveMember('a', { name: 'ada' }));
  t.equal(tell(aliveMember('b', { name: 'ada' })), idOf('a'));
  tell(aliveMember('a', { name: 'ada', state: 'dead' }));
  tell(aliveMember('b', { name: 'ada', state: 'suspect' }));
  t.equal(tell(aliveMember('c', { name: 'ada' })), idOf('b'));
});
