import t from 'tap';
import { limits } from '../../../src/core/limits.js';
import { KeptAnswers } from '../../../src/core/topics/kept-answers.js';
import { KeptMessages } from '../../../src/core/topics/kept-messages.js';

/** A node at which so many topics were published to, and what it answers. */
function answering(topicCount: number): {
  answers: KeptAnswers;
  given: string[];
  searches: () => number;
  publish: () => void;
} {
  const kept = new KeptMessages();
  let last = 0;
  const publish = (): void => kept.add({ topic: `t.${++last}`, number: last, wallMs: last, payload: '1' });
  for (let index = 0; index < topicCount; index++) publish();
  const given: string[] = [];
  let searches = 0;
  const answers = new KeptAnswers({
    last: () => last,
    search: (topics, count) => {
      searches++;
      return kept.search(topics, count, last);
    },
    answer: (to, answer) => given.push(`${to} ${answer.seq}: ${answer.messages.length} to ${answer.last}`),
  });
  return { answers, given, searches: () => searches, publish };
}

function wanted(
  seq: number,
  topic: string,
): { type: 'replay_wanted'; seq: number; count: number; topics: string[] } {
  return { type: 'replay_wanted', seq, count: 1, topics: [topic] };
}

t.test('what is asked is answered in ticks, each of a bounded length', async (t) => {
  const { answers, given } = answering(20_000);
  t.equal(answers.nextDeadlineMs(), Number.POSITIVE_INFINITY);
  for (let seq = 1; seq <= limits.replaysAtOnceMax; seq++) answers.ask('b', wanted(seq, `none.${seq}.*`), 0);
  t.equal(answers.nextDeadlineMs(), Number.NEGATIVE_INFINITY);
  let longestMs = 0;
  let ticks = 0;
  for (; answers.isAny; ticks++) {
    const startMs = performance.now();
    answers.tick(0);
    longestMs = Math.max(longestMs, performance.now() - startMs);
  }
  t.equal(given.length, limits.replaysAtOnceMax);
  // All in one would take seconds.
  t.ok(ticks > 100, `${ticks} ticks`);
  t.ok(longestMs < 100, `${longestMs.toFixed(0)} ms at most`);
});

t.test('equal questions are answered with one search, as of the moment in which it began', async (t) => {
  const { answers, given, searches, publish } = answering(10_000);
  for (let seq = 1; seq <= 3; seq++) for (const node of ['b', 'c']) answers.ask(node, wanted(seq, '*'), 0);
  answers.tick(0);
  publish();
  answers.ask('d', wanted(1, '*'), 0);
  while (answers.isAny) answers.tick(0);
  t.equal(searches(), 2, 'one for those that were there, and one for who came later');
  t.equal(given.length, 7);
  t.equal(given.filter((answer) => answer.endsWith('10000 to 10000')).length, 6);
  t.equal(given[6], 'd 1: 10001 to 10001');
});

t.test('nodes are answered in turn, however much one of them asks', async (t) => {
  const { answers, given } = answering(1);
  for (let seq = 1; seq <= 10; seq++) answers.ask('b', wanted(seq, `b.${seq}`), 0);
  answers.ask('c', wanted(1, 't.*'), 0);
  answers.tick(0);
  t.strictSame(given.slice(0, 3), ['b 1: 0 to 1', 'c 1: 1 to 1', 'b 2: 0 to 1']);
});

t.test('who has given up is not answered, nor more than a node may wait for, nor twice', async (t) => {
  const { answers, given } = answering(1);
  answers.ask('b', wanted(1, 'x'), 0);
  answers.tick(limits.topicAnswerMs);
  t.strictSame(given, [], 'too late');
  t.notOk(answers.isAny);
  for (let seq = 1; seq <= limits.replaysAtOnceMax + 1; seq++) answers.ask('b', wanted(seq, `x.${seq}`), 0);
  answers.ask('b', wanted(5, 'x.5'), 0);
  answers.ask('c', wanted(1, 'x'), 0);
  answers.forget('c');
  answers.tick(0);
  t.equal(given.length, limits.replaysAtOnceMax);
  t.equal(given[0], 'b 2: 0 to 1', 'the first one made room');
});
