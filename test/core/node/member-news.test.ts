import t from 'tap';
import { joinsToldPerMinute, MemberNews } from '../../../src/core/node/member-news.js';
import { aliveMember } from '../membership/builders.js';

t.test('a flood of joins is told at debug past its limit, and at info again a minute later', async (t) => {
  const news = new MemberNews();
  const join = (nowMs: number) => news.of(aliveMember('b'), null, nowMs)?.level;
  for (let count = 0; count < joinsToldPerMinute; count++) t.equal(join(1_000), 'info');
  t.equal(join(60_999), 'debug');
  const dead = aliveMember('b', { state: 'dead' });
  t.match(news.of(dead, aliveMember('b'), 60_999), { level: 'warn', text: 'b is dead' });
  t.equal(join(61_000), 'info');
});
