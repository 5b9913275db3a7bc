import t from 'tap';
import type { MemberRecord } from '../../../src/core/member.js';
import { MemberNews, newsToldPerMinute } from '../../../src/core/node/member-news.js';
import { aliveMember } from '../membership/builders.js';

const alive = aliveMember('b');
const dead = aliveMember('b', { state: 'dead' });

const kinds: { what: string; level: string; member: MemberRecord; previous: MemberRecord | null }[] = [
  { what: 'has joined', level: 'info', member: alive, previous: null },
  { what: 'is back', level: 'info', member: alive, previous: dead },
  {
    what: 'has restarted',
    level: 'info',
    member: aliveMember('b', { instance: 'next' }),
    previous: alive,
  },
  { what: 'is dead', level: 'warn', member: dead, previous: alive },
  { what: 'has left', level: 'info', member: aliveMember('b', { state: 'left' }), previous: alive },
];

t.test('of a flood of news each kind is told so often in a minute, then that there is more', async (t) => {
  const news = new MemberNews();
  for (const { what, level, member, previous } of kinds) {
    const told = (nowMs: number) => news.of(member, previous, nowMs);
    for (let count = 0; count < newsToldPerMinute; count++)
      t.match(told(1_000), [{ level, text: `b ${what}` }], `${what}, for all the others`);
    const [summary, rest] = told(60_999);
    t.match(summary, { level, text: what });
    t.match(summary?.text, /more than 256 members in a minute/);
    t.match(rest, { level: 'debug', text: `b ${what}` });
    t.match(told(60_999), [{ level: 'debug', text: `b ${what}` }]);
  }
  for (const { level, member, previous } of kinds) t.match(news.of(member, previous, 61_000), [{ level }]);
});
