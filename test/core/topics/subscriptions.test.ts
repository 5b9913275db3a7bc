import t from 'tap';
import { limits } from '../../../src/core/limits.js';
import { createRandom, type Random } from '../../../src/core/random.js';
import { Subscriptions } from '../../../src/core/topics/subscriptions.js';
import { isTopic, isTopicOrPattern, type Topic } from '../../../src/core/topics/topic.js';

const words = ['a', 'b', 'c', '__proto__', 'constructor'];

function drawName(random: Random, wildcards: number): Topic {
  const level = (): string =>
    random.next() < wildcards ? '*' : (words[random.below(words.length)] as string);
  return Array.from({ length: 1 + random.below(4) }, level).join('.');
}

/** By a regular expression, which is slow and plain. */
function fits(topic: Topic, name: Topic): boolean {
  const levels = name.split('.').map((level, index, all) => {
    if (level !== '*') return level;
    return index === all.length - 1 ? '[^.]+(\\.[^.]+)*' : '[^.]+';
  });
  return new RegExp(`^${levels.join('\\.')}$`).test(topic);
}

function create(): { subscriptions: Subscriptions; names: Set<Topic> } {
  const names = new Set<Topic>();
  const subscriptions = new Subscriptions({
    gained: (name) => names.add(name),
    lost: (name) => names.delete(name),
  });
  return { subscriptions, names };
}

t.test('a topic finds whom a naive search finds, while subscriptions come and go', async (t) => {
  for (let seed = 0; seed < 8; seed++) {
    const random = createRandom(`subscriptions ${seed}`);
    const { subscriptions, names } = create();
    const reference = new Map<number, Topic[]>();
    for (let request = 1; request < 200; request++) {
      const topics = [...new Set(Array.from({ length: 1 + random.below(4) }, () => drawName(random, 0.3)))];
      subscriptions.add(request, topics);
      reference.set(request, topics);
      if (random.below(3) === 0) {
        const gone = [...reference.keys()][random.below(reference.size)] as number;
        t.ok(subscriptions.remove(gone));
        reference.delete(gone);
      }
      const topic = drawName(random, 0);
      const expected = [...reference].filter(([, wanted]) => wanted.some((name) => fits(topic, name)));
      const found = [...subscriptions.match(topic)].sort((a, b) => a - b);
      t.strictSame(
        found,
        expected.map(([who]) => who),
        `seed ${seed}: ${topic}`,
      );
      t.equal(subscriptions.countOf(topic), expected.length);
    }
    t.strictSame([...names].sort(), [...new Set([...reference.values()].flat())].sort());
    for (const request of reference.keys()) subscriptions.remove(request);
    t.equal(subscriptions.count, 0);
    t.strictSame([...names], [], 'nothing is left');
    t.strictSame(subscriptions.match('a'), []);
  }
});

t.test('a request that ends twice, or never began, is nobody', async (t) => {
  const { subscriptions } = create();
  subscriptions.add(1, ['a', '*']);
  t.ok(subscriptions.remove(1));
  t.notOk(subscriptions.remove(1));
  t.notOk(subscriptions.remove(2));
});

t.test('a pattern counts who subscribes to this very one', async (t) => {
  const { subscriptions } = create();
  subscriptions.add(1, ['a.*', 'a.b']);
  subscriptions.add(2, ['a.*']);
  subscriptions.add(3, ['*']);
  t.equal(subscriptions.countOf('a.*'), 2);
  t.equal(subscriptions.countOf('a.b'), 3);
  t.equal(subscriptions.countOf('b.*'), 0);
});

t.test('at most 100,000 topics of all requests, and 10,000 different patterns', async (t) => {
  const { subscriptions } = create();
  const named = (count: number, name: (index: number) => Topic): Topic[] =>
    Array.from({ length: count }, (_, index) => name(index));
  for (let request = 0; request < 98; request++)
    subscriptions.add(
      request,
      named(1_000, (index) => `t.${index}`),
    );
  t.ok(subscriptions.hasRoomFor(named(2_000, (index) => `t.${index}`)));
  t.notOk(subscriptions.hasRoomFor(named(2_001, (index) => `t.${index}`)));
  t.notOk(subscriptions.hasRoomFor(['a'], 2_000));
  for (let request = 0; request < 50; request++) subscriptions.remove(request);
  const patterns = named(10_000, (index) => `*.${index}`);
  subscriptions.add(1_000, patterns);
  t.ok(subscriptions.hasRoomFor(patterns), 'these are no others');
  t.notOk(subscriptions.hasRoomFor(['*.a']));
  t.ok(subscriptions.hasRoomFor(['a']));
  subscriptions.remove(1_000);
  t.ok(subscriptions.hasRoomFor(['*.a']));
});

t.test('a match costs what it finds, not what is subscribed to', async (t) => {
  const { subscriptions } = create();
  for (let index = 0; index < 100_000; index++) subscriptions.add(index, [`room.${index}`]);
  for (let index = 0; index < 10_000; index++) subscriptions.add(1e6 + index, [`news.*.${index}`]);
  const startMs = performance.now();
  for (let index = 0; index < 100_000; index++) {
    const topic = index % 2 === 0 ? `room.${index}` : `news.de.${index % 10_000}`;
    if (subscriptions.match(topic).length !== 1) t.fail(topic);
  }
  // A search of all patterns would take minutes.
  const tookMs = performance.now() - startMs;
  t.ok(tookMs < 2_000, `${tookMs.toFixed(0)} ms for 100,000`);
});

t.test('patterns made to lead astray cost little', async (t) => {
  const { subscriptions } = create();
  const random = createRandom('astray');
  for (let index = 0; index < limits.patternsMax; index++) {
    const levels = Array.from({ length: limits.topicLevelsMax - 1 }, () =>
      random.below(2) === 0 ? '*' : 'a',
    );
    subscriptions.add(index, [[...levels, 'b'].join('.')]);
  }
  const startMs = performance.now();
  const topic = `${'a.'.repeat(limits.topicLevelsMax - 1)}c`;
  t.strictSame(subscriptions.match(topic), []);
  const tookMs = performance.now() - startMs;
  t.ok(tookMs < 200, `${tookMs.toFixed(0)} ms`);
});

t.test('a name has 256 characters in 16 levels at most', async (t) => {
  const deep = Array.from({ length: limits.topicLevelsMax }, () => 'a').join('.');
  t.ok(isTopic(deep) && isTopicOrPattern(`*${deep.slice(1)}`));
  t.notOk(isTopic(`${deep}.a`) || isTopicOrPattern(`${deep}.*`));
  const long = 'x'.repeat(limits.topicLengthMax);
  t.ok(isTopic(long) && isTopicOrPattern(long));
  t.notOk(isTopic(`${long}x`) || isTopicOrPattern(`${long}x`));
  for (const wrong of ['', '.', 'a.', '.a', 'a..b', 'a b', 'ä', 'a*', '**', 'a\n']) {
    t.notOk(isTopic(wrong), wrong);
    t.notOk(isTopicOrPattern(wrong), wrong);
  }
  t.notOk(isTopic('a.*'));
});
