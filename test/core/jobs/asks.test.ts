import t from 'tap';
import { Asks } from '../../../src/core/jobs/asks.js';
import type { JobMessage } from '../../../src/core/messages.js';
import { errorReply, type Reply } from '../../../src/core/reply.js';

const now = { monotonicMs: 0, wallMs: 0 };

/** One ask of a node called b, with what went there and what was answered. */
function askOfB() {
  const sent: JobMessage['type'][] = [];
  const answers: Reply[] = [];
  const asks = new Asks({ deliver: (_, { type }) => sent.push(type), nameOf: (node) => node });
  const seq = asks.ask({
    to: 'b',
    command: { type: 'wait', job: 'b-b-1', timeoutMs: null },
    now,
    timeoutMs: null,
    answered: (reply) => answers.push(reply),
  });
  return { asks, seq, sent, answers };
}

// Both ends of a new link have what is open asked again, so it may go out twice. One that was refused the first time (its
// node was draining) was taken the second time, and waited for by nobody.
t.test('what was asked twice is given up with its first answer', async (t) => {
  const { asks, seq, sent, answers } = askOfB();
  asks.contactOpened('b');
  asks.contactOpened('b');
  asks.handleAnswer('b', { type: 'answer', seq, reply: errorReply('DRAINING', 'not now') }, now);
  t.same(sent, ['ask', 'ask', 'ask', 'ask_abandoned']);
  t.equal(answers.length, 1);
});

t.test('what was asked once is over with its answer', async (t) => {
  const { asks, seq, sent, answers } = askOfB();
  asks.contactOpened('c');
  asks.handleAnswer('b', { type: 'answer', seq, reply: { ok: true, text: '1' } }, now);
  t.same([sent, answers], [['ask'], [{ ok: true, text: '1' }]]);
});
