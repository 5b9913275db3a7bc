import t from 'tap';
import { okReply } from '../../src/core/reply.js';
import type { Attempt } from '../../src/scheduler/attempt.js';
import { QueueEntry } from '../../src/scheduler/attempt-queue.js';
import { HandlerCalls } from '../../src/scheduler/handler-calls.js';
import { LentPlaces } from '../../src/scheduler/lent-places.js';

t.test('a call that is answered at once leaves the place lent that another one waits for', async (t) => {
  const places = new LentPlaces();
  const answered: number[] = [];
  const calls: HandlerCalls = new HandlerCalls({
    places,
    placesChanged: () => {},
    ask: (_, call) => {
      if (call === 2) calls.answer(call, okReply('"at once"'));
    },
  });
  const runner = { answer: (_: Attempt, call: number) => answered.push(call) };
  const entry = new QueueEntry(0, null);
  const attempt = { start: { run: 1 }, runner, entry, calls: new Set(), waitingCalls: 0 };
  const begin = (call: number): void =>
    calls.begin(attempt as unknown as Attempt, call, {
      verb: 'call',
      name: 'echo',
      payload: '1',
      options: [],
    });
  begin(1);
  begin(2);
  t.strictSame(answered, [2]);
  t.equal(places.count, 1);
  calls.answer(1, okReply('1'));
  t.strictSame(answered, [2, 1]);
  t.equal(places.count, 0);
});
