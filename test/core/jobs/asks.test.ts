import t from 'tap';
import { Asked } from '../../../src/core/jobs/asked.js';
import { Asks } from '../../../src/core/jobs/asks.js';
import { fullReach } from '../../../src/core/jobs/reach.js';
import type { JobMessage, PeerCommand } from '../../../src/core/messages.js';
import { createRandom } from '../../../src/core/random.js';
import type { Reply } from '../../../src/core/reply.js';
import { submitCommand } from '../../support/commands.js';

const megabyte = 'x'.repeat(1024 * 1024);
const wait: PeerCommand = { type: 'wait', job: 'b-b-1', timeoutMs: null };

/** Node a asks node b over a link that can be watched, broken and replaced. */
class Pair {
  readonly taken: number[] = [];
  readonly abandoned: number[] = [];
  readonly replies = new Map<number, Reply[]>();
  wire: { to: 'a' | 'b'; message: JobMessage }[] = [];
  now = { monotonicMs: 0, wallMs: 0 };
  asks = this.startA('first');
  readonly asked: Asked;

  constructor() {
    this.asked = new Asked({
      deliver: (_, message) => this.wire.push({ to: 'a', message }),
      abandoned: (_, seq) => this.abandoned.push(seq),
      over: () => {},
    });
    this.asks.contactOpened('b', this.now);
    this.run();
  }

  startA(instance: string): Asks {
    return new Asks({
      instance,
      deliver: (_, message) => this.wire.push({ to: 'b', message }),
      nameOf: (node) => node,
      isPresent: (node) => node === 'b',
      hasContact: () => true,
      reach: fullReach,
    });
  }

  ask(command: PeerCommand = wait, timeoutMs: number | null = null): number {
    const replies: Reply[] = [];
    const answered = (reply: Reply): number => replies.push(reply);
    const seq = this.asks.ask({ to: 'b', command, now: this.now, timeoutMs, answered });
    this.replies.set(seq, replies);
    return seq;
  }

  answer(seq: number, text = 'done'): void {
    this.asked.answer('a', seq, { ok: true, text });
  }

  /** Delivers what is on its way, and what follows from it; or as many messages as said. */
  run(count = Number.POSITIVE_INFINITY): void {
    for (let left = count; left > 0 && this.wire.length > 0; left--) {
      const { to, message } = this.wire.shift() as Pair['wire'][number];
      if (to === 'a') this.atA(message);
      else this.atB(message);
    }
  }

  pass(ms: number): void {
    this.run();
    this.now = { monotonicMs: this.now.monotonicMs + ms, wallMs: 0 };
    this.asks.tick(this.now);
    this.asked.tick(this.now);
    this.run();
  }

  /** What is on its way is lost. */
  relink(): void {
    this.wire = [];
    this.now = { monotonicMs: this.now.monotonicMs + 100, wallMs: 0 };
    this.asks.contactOpened('b', this.now);
  }

  /** All that is kept at both ends. */
  debts(): string[] {
    return [...this.asks.debts(), ...this.asked.debts()]
      .filter(({ count }) => count !== 0)
      .map(({ kind, count }) => `${count} ${kind}`);
  }

  /** The message of an ask comes once more, late, over another link. */
  atBAgain(seq: number): void {
    this.atB({ type: 'ask', seq, command: wait });
  }

  private atA(message: JobMessage): void {
    if (message.type === 'answer') this.asks.handleAnswer('b', message, this.now);
    if (message.type === 'asks_taken') this.asks.handleTaken('b', message.seqs);
    if (message.type === 'asks_unknown') this.asks.handleUnknown('b', message, this.now);
  }

  private atB(message: JobMessage): void {
    if (message.type === 'ask' && this.asked.take('a', message)) {
      this.taken.push(message.seq);
      this.asked.taken('a', message.seq, 1, this.now);
    }
    if (message.type === 'ask_abandoned') this.asked.handleAbandoned('a', message.seq);
    if (message.type === 'answers_taken') this.asked.handleAnswersTaken('a', message.seqs);
    if (message.type === 'asking') this.asked.handleAsking('a', message);
  }
}

t.test('an ask is answered, and then nothing is kept for it', async (t) => {
  const pair = new Pair();
  const seq = pair.ask();
  pair.run();
  pair.answer(seq);
  pair.pass(50);
  t.same(pair.replies.get(seq), [{ ok: true, text: 'done' }]);
  t.same(pair.debts(), []);
});

t.test('an ask that a broken link swallowed is asked again', async (t) => {
  const pair = new Pair();
  const seq = pair.ask();
  pair.relink();
  pair.run();
  t.same(pair.taken, [seq]);
});

t.test('an ask that has arrived is not sent again on a new link, nor taken again if it is', async (t) => {
  const pair = new Pair();
  const seq = pair.ask();
  pair.run();
  pair.relink();
  pair.run();
  pair.atBAgain(seq);
  t.same(pair.taken, [seq]);
});

t.test('an answer that a broken link swallowed comes again, and is heard once', async (t) => {
  const pair = new Pair();
  const seq = pair.ask();
  pair.run();
  pair.answer(seq);
  pair.relink();
  pair.run();
  pair.relink();
  pair.pass(50);
  t.same(pair.replies.get(seq), [{ ok: true, text: 'done' }]);
  t.same(pair.debts(), []);
});

t.test('what is given up while there is no link is forgotten on the next one', async (t) => {
  const pair = new Pair();
  const seq = pair.ask();
  pair.run();
  pair.asks.abandon(seq);
  pair.relink();
  pair.pass(100);
  t.same(pair.abandoned, [seq]);
  t.same(pair.debts(), []);
});

t.test('what has no time of its own is given up when there has been no link for ten seconds', async (t) => {
  const pair = new Pair();
  const endless = pair.ask();
  const timed = pair.ask(wait, 60_000);
  pair.run();
  pair.asks.contactLost('b', pair.now);
  pair.pass(9_999);
  t.same(pair.replies.get(endless), []);
  pair.pass(1);
  t.match(pair.replies.get(endless), [{ ok: false, code: 'UNAVAILABLE', message: /can't be reached/ }]);
  t.same(pair.replies.get(timed), []);
  pair.relink();
  pair.run();
  t.same(pair.abandoned, [endless], 'the other node hears of it on the next link');
  const later = pair.ask();
  pair.asks.contactLost('b', pair.now);
  pair.pass(5_000);
  pair.relink();
  pair.pass(20_000);
  t.same(pair.replies.get(later), [], 'a link in time is enough');
});

t.test("asks of the asking node's earlier process are over when a new one shows itself", async (t) => {
  const pair = new Pair();
  const old = pair.ask();
  pair.run();
  pair.asks = pair.startA('second');
  pair.relink();
  pair.run();
  t.same(pair.abandoned, [old]);
  const seq = pair.ask();
  t.equal(seq, old, 'though its numbers are the same');
  pair.run();
  t.same(pair.taken, [old, seq]);
});

t.test(
  'one link break after another, at every moment: each ask is taken once and answered once',
  async (t) => {
    for (let run = 0; run < 200; run++) {
      const random = createRandom(`break ${run}`);
      const pair = new Pair();
      const open: number[] = [];
      for (let step = 0; step < 60; step++) {
        if (random.below(3) === 0) open.push(pair.ask(random.below(2) === 0 ? wait : submitCommand()));
        pair.run(random.below(4));
        const ready = pair.taken.filter((seq) => open.includes(seq));
        if (ready.length > 0 && random.below(2) === 0)
          pair.answer(ready[random.below(ready.length)] as number);
        if (random.below(6) === 0) pair.relink();
        if (random.below(4) === 0) pair.pass(10);
      }
      pair.relink();
      pair.pass(100);
      for (const seq of pair.taken) pair.answer(seq);
      pair.pass(100);
      pair.pass(100);
      t.equal(new Set(pair.taken).size, pair.taken.length, `run ${run}: none is taken twice`);
      for (const seq of open) t.equal(pair.replies.get(seq)?.length, 1, `run ${run}: ${seq}`);
      t.same(pair.debts(), [], `run ${run}`);
    }
  },
);

t.test('no more than a window of arguments or answers is on its way at once', async (t) => {
  const pair = new Pair();
  for (let count = 0; count < 40; count++) pair.ask(submitCommand({ key: `k${count}` }, { args: megabyte }));
  t.equal(pair.wire.length, 8);
  for (let round = 0; round < 40; round++) pair.pass(20);
  t.equal(pair.taken.length, 40, 'the others follow as those are acknowledged');
  for (const seq of pair.taken) pair.answer(seq, megabyte);
  t.equal(pair.wire.length, 8);
  for (let round = 0; round < 40; round++) pair.pass(20);
  t.ok([...pair.replies.values()].every(({ length }) => length === 1));
  t.same(pair.debts(), []);
});

t.test('an ask that gets no answer in time is given up, and its memory is given back once', async (t) => {
  const pair = new Pair();
  for (let count = 0; count < 10; count++) {
    const seq = pair.ask(submitCommand({ key: `k${count}` }, { args: megabyte }), 1_000);
    pair.pass(1_000);
    t.match(pair.replies.get(seq), [{ code: 'UNAVAILABLE' }]);
  }
  t.same(pair.debts(), []);
});

t.test('a node that is not there is not asked, and that is said at once', async (t) => {
  const { asks } = new Pair();
  let said: Reply | null = null;
  const answered = (reply: Reply): void => {
    said = reply;
  };
  asks.ask({ to: 'c', command: wait, now: { monotonicMs: 0, wallMs: 0 }, timeoutMs: null, answered });
  t.match(said, { code: 'UNAVAILABLE' });
});

t.test('however often a node wants to hear what is asked of it, it is told ten times a second', async (t) => {
  const pair = new Pair();
  for (let count = 0; count < 1_000; count++) pair.ask();
  pair.run();
  for (let ms = 0; ms < 1_000; ms++) {
    pair.now = { monotonicMs: ms, wallMs: 0 };
    pair.asks.tick(pair.now);
    pair.asks.askingWanted('b', pair.now);
  }
  t.ok(pair.wire.length <= 11, `${pair.wire.length} times`);
});

t.test('a node that takes no answers costs others no answer, and small ones are always told', async (t) => {
  const told: string[] = [];
  const asked = new Asked({
    deliver: (to, message) => {
      if (message.type === 'answer') told.push(`${to} ${message.reply.ok ? 'ok' : message.reply.code}`);
    },
    abandoned: () => {},
    over: () => {},
  });
  const large = { ok: true, text: megabyte.repeat(4) } as const;
  for (let seq = 1; seq <= 100; seq++) asked.take('slow', { type: 'ask', seq, command: wait });
  for (let seq = 1; seq <= 100; seq++) asked.answer('slow', seq, large);
  t.same(told.slice(0, 2), ['slow ok', 'slow ok'], 'a window');
  t.equal(told.length, 70, 'and all small ones');
  const kept = asked.debts().find(({ kind }) => kind === 'bytes of answers')?.count as number;
  t.ok(kept > 120 * 1024 * 1024 && kept < 130 * 1024 * 1024, `${kept} bytes are kept`);
  asked.take('other', { type: 'ask', seq: 1, command: wait });
  asked.answer('other', 1, large);
  asked.take('slow', { type: 'ask', seq: 101, command: { type: 'claim', job: 'key-a' } });
  asked.answer('slow', 101, { ok: true, text: '' });
  t.same(told.slice(-2), ['other ok', 'slow ok']);
  asked.handleAnswersTaken('slow', [1, 2]);
  for (let round = 3; round < 101; round++) asked.handleAnswersTaken('slow', [round]);
  t.equal(told.filter((text) => text === 'slow ok').length, 33, '32 large ones, and the small one');
  t.equal(
    told.filter((text) => text === 'slow UNAVAILABLE').length,
    68,
    'the others are told that there was no room',
  );
});

t.test('what is given up while it waits to be sent is let go', async (t) => {
  const pair = new Pair();
  for (let count = 0; count < 9; count++) pair.ask(submitCommand({ key: `k${count}` }, { args: megabyte }));
  for (let count = 0; count < 20_000; count++) pair.asks.abandon(pair.ask());
  t.same(pair.wire.filter(({ message }) => message.type === 'ask').length, 8);
  for (let round = 0; round < 40; round++) pair.pass(20);
  t.equal(pair.taken.length, 9, 'and what is wanted still is sent');
});

t.test('small answers go ahead of large ones, also on a new link', async (t) => {
  const told: number[] = [];
  const asked = new Asked({
    deliver: (_, message) => {
      if (message.type === 'answer') told.push(message.seq);
    },
    abandoned: () => {},
    over: () => {},
  });
  for (let seq = 1; seq <= 21; seq++) asked.take('a', { type: 'ask', seq, command: wait });
  for (let seq = 1; seq <= 20; seq++) asked.answer('a', seq, { ok: true, text: megabyte });
  asked.answer('a', 21, { ok: true, text: '' });
  t.same(told, [1, 2, 3, 4, 5, 6, 7, 8, 21]);
  told.length = 0;
  const seqs = Array.from({ length: 21 }, (_, index) => index + 1);
  asked.handleAsking('a', { type: 'asking', instance: 'a', round: 1, next: 22, seqs });
  t.same(told, [21, 1, 2, 3, 4, 5, 6, 7, 8]);
  for (const seq of seqs) asked.handleAnswersTaken('a', [seq]);
  t.same(
    asked.debts().filter(({ count }) => count !== 0),
    [],
  );
});
