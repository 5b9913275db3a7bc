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

  refusal(nodes: string[], nowMs = 0): Reply | null {
    return this.publishing.refusal(nodes, nowMs);
  }

  answered(from: string, upTo: number, counts: number[], nowMs = 0): void {
    this.publishing.answered(from, { upTo, counts }, nowMs);
  }

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
  scene.answered('b', 3, [1, 10, 2, 20, 3, 30]);
  t.strictSame([...scene.replies], [[2, '21']]);
  scene.answered('c', 3, [1, 2, 3, 4]);
  t.strictSame([...scene.replies].slice(1), [
    [1, '13'],
    [3, '35'],
  ]);
});

t.test('what an answer passes over never came, and counts for nobody', async (t) => {
  const scene = new Scene();
  for (const request of [1, 2, 3]) scene.publish(request, ['b']);
  scene.answered('b', 3, [3, 5]);
  t.strictSame(
    [...scene.replies],
    [
      [1, '1'],
      [2, '1'],
      [3, '6'],
    ],
  );
  scene.answered('b', 99, [3, 5, 99, 1]);
  t.equal(scene.replies.size, 3, 'an answer that nobody asked for');
});

t.test('after a second the reply is what is known', async (t) => {
  const scene = new Scene();
  scene.publish(1, ['b', 'c'], { nowMs: 500 });
  scene.answered('b', 1, [1, 7]);
  t.equal(scene.publishing.nextDeadlineMs(), 1_500);
  scene.publishing.tick(1_499);
  t.equal(scene.replies.size, 0);
  scene.publishing.tick(1_500);
  t.strictSame([...scene.replies], [[1, '8']]);
  scene.answered('c', 1, [1, 7]);
  t.equal(scene.replies.size, 1, 'and not a second one');
});

t.test('a node that has not taken 4 MiB makes it busy, for what it wants, until it has', async (t) => {
  const scene = new Scene();
  const bytes = limits.unansweredBytesMax / 4;
  for (const request of [1, 2, 3, 4]) {
    t.equal(scene.refusal(['b']), null);
    scene.publish(request, ['b'], { bytes });
  }
  t.match(scene.refusal(['c', 'b']), {
    ok: false,
    code: 'BUSY',
    message: /^retry-after=\d+ms node b /,
  });
  t.equal(scene.refusal(['c']), null);
  scene.publishing.tick(1_000);
  t.equal(scene.replies.size, 4);
  t.not(scene.refusal(['b']), null, 'that it is late changes nothing');
  scene.answered('b', 1, [1, 1]);
  t.equal(scene.refusal(['b']), null);
});

t.test('a node that answers nothing for ten seconds is passed over until it does', async (t) => {
  const scene = new Scene();
  const fill = (nowMs: number): void => {
    for (let part = 0; part < 4; part++)
      scene.publish(100 + part, ['b'], { bytes: limits.unansweredBytesMax / 4, nowMs });
  };
  fill(1_000);
  t.not(scene.refusal(['b', 'c'], 10_999), null);
  t.equal(scene.refusal(['b', 'c'], 11_000), null, 'others are sent messages again');
  t.equal(scene.publishing.dropped, 4);
  const sentBefore = scene.sent.length;
  scene.publish(1, ['b', 'c'], { nowMs: 11_000 });
  t.strictSame(scene.sent.slice(sentBefore), ['c 5']);
  scene.answered('c', 5, [5, 2], 11_000);
  t.equal(scene.replies.get(1), '3', 'who is passed over is not waited for');
  t.equal(scene.publishing.dropped, 5);
  t.ok(scene.publishing.isIdle);
  scene.answered('b', 4, [1, 1, 2, 1, 3, 1, 4, 1], 12_000);
  scene.publish(2, ['b'], { nowMs: 12_000 });
  t.equal(scene.sent.at(-1), 'b 6', 'it has answered');
  scene.answered('b', 6, [6, 1], 12_000);
  t.equal(scene.replies.get(2), '2');
  fill(20_000);
  scene.answered('b', 7, [7, 1], 29_000);
  scene.publish(3, ['b'], { bytes: limits.unansweredBytesMax / 4, nowMs: 29_000 });
  t.not(scene.refusal(['b'], 31_000), null, 'one that answers some is only slow');
});

t.test('over a new link it is tried again', async (t) => {
  const scene = new Scene();
  for (const again of [1, 2]) {
    scene.publish(again, ['b'], { bytes: limits.unansweredBytesMax, nowMs: 0 });
    t.equal(scene.refusal(['b'], limits.unansweredMs), null);
    scene.publish(3, ['b'], { nowMs: limits.unansweredMs });
    t.equal(scene.sent.length, again);
    if (again === 1) scene.publishing.contactOpened('b', 20_000);
  }
  scene.publishing.contactLost('b');
  t.ok(scene.publishing.isIdle);
});

t.test('with the link goes what is on its way; a link in its place may still bring the answer', async (t) => {
  const scene = new Scene();
  scene.publish(1, ['b'], { bytes: limits.unansweredBytesMax });
  scene.publishing.contactOpened('b', 0);
  t.equal(scene.refusal(['b']), null);
  scene.publish(2, ['b']);
  scene.answered('b', 2, [1, 4, 2, 5]);
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
  scene.answered('c', 4, [4, 1]);
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
  scene.publishing.contactOpened('b', 0);
  t.strictSame(scene.sent, ['b 2', 'b 4']);
  scene.answered('b', 4, [2, 1, 4, 1]);
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
