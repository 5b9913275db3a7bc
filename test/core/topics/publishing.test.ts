import t from 'tap';
import { limits } from '../../../src/core/limits.js';
import type { Reply } from '../../../src/core/reply.js';
import { Publishing } from '../../../src/core/topics/publishing.js';
import { Receiving } from '../../../src/core/topics/receiving.js';

/** Node a, which publishes to b and c. */
class Scene {
  readonly linked = new Set(['b', 'c']);
  readonly sent: string[] = [];
  readonly replies = new Map<number, string>();
  readonly publishing = new Publishing({
    send: (to, message) => {
      if (!this.linked.has(to)) return false;
      if (message.type === 'publish') this.sent.push(`${to} ${message.seq}`);
      return true;
    },
    reply: (request, reply: Reply) => this.replies.set(request, reply.ok ? reply.text : reply.code),
    nameOf: (node) => node,
  });

  /** Returns its number. */
  publish(request: number, nodes: string[], { bytes = 10, nowMs = 0, localCount = 1 } = {}): number {
    const seq = this.publishing.take();
    const message = { type: 'publish', seq, topic: 'room.1', payload: 'x'.repeat(bytes) } as const;
    this.publishing.publish(request, message, { nodes, localCount, nowMs });
    return seq;
  }
}

t.test('who is alone with its subscribers is answered at once', async (t) => {
  const scene = new Scene();
  scene.publish(1, []);
  t.strictSame([...scene.replies], [[1, '1']]);
});

t.test('the reply is the sum, once all have answered, each for several messages at once', async (t) => {
  const scene = new Scene();
  scene.publish(1, ['b', 'c']);
  scene.publish(2, ['b']);
  scene.publish(3, ['b', 'c']);
  t.strictSame(scene.sent, ['b 1', 'c 1', 'b 2', 'b 3', 'c 3'], 'in order');
  scene.publishing.answered('b', 3, [1, 10, 2, 20, 3, 30]);
  t.strictSame([...scene.replies], [[2, '21']]);
  scene.publishing.answered('c', 3, [1, 2, 3, 4]);
  t.strictSame([...scene.replies].slice(1), [
    [1, '13'],
    [3, '35'],
  ]);
});

t.test('what an answer passes over never came, and counts for nobody', async (t) => {
  const scene = new Scene();
  for (const request of [1, 2, 3]) scene.publish(request, ['b']);
  scene.publishing.answered('b', 3, [3, 5]);
  t.strictSame(
    [...scene.replies],
    [
      [1, '1'],
      [2, '1'],
      [3, '6'],
    ],
  );
  scene.publishing.answered('b', 99, [3, 5, 99, 1]);
  t.equal(scene.replies.size, 3, 'an answer that nobody asked for');
});

t.test('after a second the reply is what is known', async (t) => {
  const scene = new Scene();
  scene.publish(1, ['b', 'c'], { nowMs: 500 });
  scene.publishing.answered('b', 1, [1, 7]);
  t.equal(scene.publishing.nextDeadlineMs(), 1_500);
  scene.publishing.tick(1_499);
  t.equal(scene.replies.size, 0);
  scene.publishing.tick(1_500);
  t.strictSame([...scene.replies], [[1, '8']]);
  scene.publishing.answered('c', 1, [1, 7]);
  t.equal(scene.replies.size, 1, 'and not a second one');
});

t.test('a node that has not taken 4 MiB makes it busy, for what it wants, until it has', async (t) => {
  const scene = new Scene();
  const bytes = limits.unansweredBytesMax / 4;
  for (const request of [1, 2, 3, 4]) {
    t.equal(scene.publishing.refusal(['b']), null);
    scene.publish(request, ['b'], { bytes });
  }
  t.match(scene.publishing.refusal(['c', 'b']), {
    ok: false,
    code: 'BUSY',
    message: /^retry-after=\d+ms node b /,
  });
  t.equal(scene.publishing.refusal(['c']), null);
  scene.publishing.tick(1_000);
  t.equal(scene.replies.size, 4);
  t.not(scene.publishing.refusal(['b']), null, 'that it is late changes nothing');
  scene.publishing.answered('b', 1, [1, 1]);
  t.equal(scene.publishing.refusal(['b']), null);
});

t.test('with the link goes what is on its way; a link in its place may still bring the answer', async (t) => {
  const scene = new Scene();
  scene.publish(1, ['b'], { bytes: limits.unansweredBytesMax });
  scene.publishing.contactOpened('b');
  t.equal(scene.publishing.refusal(['b']), null);
  scene.publish(2, ['b']);
  scene.publishing.answered('b', 2, [1, 4, 2, 5]);
  t.strictSame(
    [...scene.replies],
    [
      [1, '5'],
      [2, '6'],
    ],
  );
  scene.publish(3, ['b']);
  scene.publishing.contactLost('b');
  t.equal(scene.replies.get(3), '1');
  scene.publish(4, ['b', 'c']);
  scene.publishing.nodeGone('b');
  scene.publishing.answered('c', 4, [4, 1]);
  t.equal(scene.replies.get(4), '2');
});

t.test('without a link it waits for one, a second and a MiB at most, and goes in order', async (t) => {
  const scene = new Scene();
  scene.linked.delete('b');
  scene.publish(1, ['b'], { nowMs: 0, bytes: limits.unlinkedBytesMax / 2 });
  scene.publish(2, ['b'], { nowMs: 300, bytes: limits.unlinkedBytesMax / 2 });
  scene.publish(3, ['b'], { nowMs: 300 });
  t.strictSame([...scene.replies], [[3, '1']], 'there is no room for a third');
  t.equal(scene.publishing.nextDeadlineMs(), 1_000);
  scene.publishing.tick(1_000);
  t.equal(scene.replies.get(1), '1');
  scene.linked.add('b');
  scene.publish(4, ['b'], { nowMs: 1_100 });
  t.strictSame(scene.sent, [], 'not ahead of what waits');
  scene.publishing.contactOpened('b');
  t.strictSame(scene.sent, ['b 2', 'b 4']);
  scene.publishing.answered('b', 4, [2, 1, 4, 1]);
  t.equal(scene.replies.get(4), '2');
  t.equal(scene.publishing.dropped, 2);
  t.equal(scene.publishing.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

t.test('what comes after a later one is not taken, but of another process it is', async (t) => {
  const answers: unknown[] = [];
  const receiving = new Receiving((to, message) => answers.push([to, message]));
  t.ok(receiving.take('b', 'first', 3));
  receiving.delivered('b', 3, 2);
  t.notOk(receiving.take('b', 'first', 3));
  t.notOk(receiving.take('b', 'first', 2));
  t.ok(receiving.take('c', 'first', 1));
  receiving.delivered('c', 1, 0);
  t.ok(receiving.take('b', 'first', 7));
  receiving.delivered('b', 7, 0);
  t.ok(receiving.wantsFlush);
  receiving.flush();
  t.strictSame(answers, [
    ['b', { type: 'published', upTo: 7, counts: [3, 2, 7, 0] }],
    ['c', { type: 'published', upTo: 1, counts: [1, 0] }],
  ]);
  t.notOk(receiving.wantsFlush);
  receiving.pass('b', 'first', 9);
  t.notOk(receiving.take('b', 'first', 9), 'a replay has brought it');
  t.ok(receiving.take('b', 'later', 1));
});
