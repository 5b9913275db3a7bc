import t from 'tap';
import { createRepeatLimiter } from '../../src/node/repeat-limiter.js';

t.test(
  'what was held back is told once its window is over, with how often and when it last came',
  async (t) => {
    const limiter = createRepeatLimiter<string>({ windowMs: 60, linesMax: 10 });
    t.ok(limiter.admit('dan', 'first', 0));
    t.notOk(limiter.admit('dan', 'second', 10));
    t.notOk(limiter.admit('dan', 'third', 15));
    t.strictSame(limiter.sweep(59), []);
    t.strictSame(limiter.sweep(60), [{ line: 'third', count: 2, lastAtMs: 15 }]);
    t.strictSame(limiter.sweep(60), []);
  },
);

t.test('at the end all is told, windows over or not', async (t) => {
  const limiter = createRepeatLimiter<string>({ windowMs: 60, linesMax: 10 });
  limiter.admit('dan', 'first', 0);
  limiter.admit('dan', 'second', 10);
  t.strictSame(limiter.sweep(20, { all: true }), [{ line: 'second', count: 1, lastAtMs: 10 }]);
});
