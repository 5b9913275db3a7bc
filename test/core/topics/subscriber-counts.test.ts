import t from 'tap';
import { limits } from '../../../src/core/limits.js';
import type { Reply } from '../../../src/core/reply.js';
import { Polls } from '../../../src/core/topics/polls.js';
import { SubscriberCounts } from '../../../src/core/topics/subscriber-counts.js';

/** A node with two subscribers of each topic, in a cluster with b, which may have some of those that do not end with `here`. */
function counting(): {
  counts: SubscriberCounts;
  polls: Polls;
  replies: Map<number, string>;
  asked: number[];
} {
  const replies = new Map<number, string>();
  const asked: number[] = [];
  const polls = new Polls({
    send: (_, message) => message.type === 'count_subscribers' && asked.push(message.seq),
  });
  const counts = new SubscriberCounts({
    polls,
    countOf: () => 2,
    nodesWanting: (topic) => (topic.endsWith('here') ? [] : ['b']),
    reply: (request, reply: Reply) =>
      replies.set(request, reply.ok ? reply.text : `${reply.code} ${reply.message}`),
  });
  return { counts, polls, replies, asked };
}

t.test('what the others say is added up, each once', async (t) => {
  const { counts, replies, asked } = counting();
  counts.ask(1, ['x', 'y'], 0);
  counts.take('c', { seq: asked[0] as number, counts: [9, 9] }, 0);
  t.equal(replies.size, 0, 'that one was not asked');
  counts.take('b', { seq: asked[0] as number, counts: [1] }, 0);
  t.strictSame([...replies], [[1, '{"x":3,"y":2}']]);
  counts.take('b', { seq: asked[0] as number, counts: [1] }, 0);
  t.equal(replies.size, 1);
});

t.test('topics of 4 MiB are counted at once, and then it is busy until some are', async (t) => {
  const { counts, polls, replies, asked } = counting();
  const topics = Array.from({ length: 1_000 }, (_, index) => `${index}.`.padEnd(60, 'x'));
  const cost = 128 + 1_000 * 76;
  const most = Math.ceil(limits.countingBytesMax / cost);
  for (let request = 1; request <= most; request++) counts.ask(request, topics, 0);
  t.equal(replies.size, 0);
  counts.ask(most + 1, ['x'], 0);
  t.match(replies.get(most + 1), /^BUSY retry-after=\d+ms topics of 4MiB /);
  counts.ask(most + 2, ['is.here'], 0);
  t.equal(replies.get(most + 2), '{"is.here":2}', 'nobody has to be asked');
  t.equal(asked.length, most);
  counts.take('b', { seq: asked[0] as number, counts: [] }, 0);
  counts.ask(most + 3, ['x'], 0);
  t.equal(asked.length, most + 1, 'there is room again');
  polls.tick(limits.topicAnswerMs);
  t.equal(replies.size, most + 3, 'all are answered after a second');
  counts.ask(most + 4, topics, 0);
  t.notOk(replies.has(most + 4));
});
