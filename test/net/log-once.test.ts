import t from 'tap';
import { LogOnce } from '../../src/net/log-once.js';

t.test('whoever misbehaves a thousand times is logged once, and again a minute later with the count', (t) => {
  const lines: unknown[] = [];
  let nowMs = 0;
  const log = {
    debug: () => {},
    info: () => {},
    warn: (fields: object, text: string) => lines.push({ ...fields, text }),
  };
  const once = new LogOnce(log, () => nowMs);
  for (let count = 0; count < 1_000; count++) once.warn('a', { from: 'a' }, 'bad');
  once.warn('b', { from: 'b' }, 'bad');
  nowMs = 60_000;
  once.warn('a', { from: 'a' }, 'bad');
  t.same(lines, [
    { from: 'a', text: 'bad' },
    { from: 'b', text: 'bad' },
    { from: 'a', leftOut: 999, text: 'bad' },
  ]);
  t.end();
});
