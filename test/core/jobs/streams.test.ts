import t from 'tap';
import type { Item } from '../../../src/core/item.js';
import { limits } from '../../../src/core/limits.js';
import type { AttemptKey, JobMessage } from '../../../src/core/messages.js';
import { submitCommand } from '../../support/commands.js';
import { aliveMember, JobCores, nodeId } from '../../support/job-cores.js';

const chunk = 'x'.repeat(64 * 1024);
const endless = Number.MAX_SAFE_INTEGER;
const perWindow = Math.ceil(limits.itemWindowBytes / (chunk.length + 64));

/** A job that a client of `a`, which takes so many bytes of items, follows, and that runs at `b`. */
class Followed {
  /** `b` alone runs jobs. */
  readonly cores = new JobCores({ members: [aliveMember('a', { tasks: [] }), aliveMember('b')] });
  readonly requests: number[] = [];

  follow(room: number): { readonly key: AttemptKey; readonly run: number } {
    this.requests.push(this.cores.request('a', { ...runCommand, stream: { room, after: null } }));
    const { start } = this.cores.begin('b');
    return { key: { job: start.job, epoch: 1, attempt: start.attempt }, run: start.run };
  }

  /** `b` says what no node would, or what it would. */
  say(message: JobMessage): void {
    this.cores.step('a', { type: 'message', from: nodeId('b'), message });
  }

  yields(run: number, text: string): void {
    this.cores.step('b', { type: 'attempt_chunk', run, chunk: text });
  }

  takeAll(request = this.requests[0] as number): Item[] {
    this.cores.step('a', { type: 'items_wanted', request, upTo: endless });
    return this.cores.items.filter((each) => each.request === request).map(({ item }) => item);
  }
}

const runCommand = { ...submitCommand(), wait: true };
const typesOf = (items: readonly Item[]): string[] => items.map(({ type }) => type);

t.test('of what an executor sends beyond its room little is kept, and who follows is told', async (t) => {
  const followed = new Followed();
  const { key } = followed.follow(1_000);
  const count = 3_000;
  for (let number = 1; number <= count; number++) followed.say({ type: 'stream_chunk', key, number, chunk });
  const items = followed.takeAll();
  const data = items.filter(({ type }) => type === 'data');
  const mostBytes = limits.itemWindowBytes + limits.streamExcessBytesMax;
  t.ok(data.length * chunk.length < 1.1 * mostBytes, `${data.length} chunks were kept`);
  t.ok(typesOf(items).includes('missed'));
});

t.test(
  'an executor that heeds its room loses nothing, however slowly its job is followed, and goes on',
  async (t) => {
    const followed = new Followed();
    const { run } = followed.follow(1_000);
    const roomOf = (): number =>
      Math.max(
        limits.streamWindowBytesMin,
        ...followed.cores.rooms.filter((room) => room.run === run).map(({ upTo }) => upTo),
      );
    let bytes = 0;
    const yieldAll = (): void => {
      while (bytes < roomOf()) {
        followed.yields(run, chunk);
        bytes += chunk.length + 64;
      }
    };
    yieldAll();
    t.equal(bytes, perWindow * (chunk.length + 64), 'a window of it');
    for (let round = 1; round <= 120; round++) {
      const upTo = round * 100_000;
      followed.cores.step('a', { type: 'items_wanted', request: followed.requests[0] as number, upTo });
      yieldAll();
    }
    t.ok(bytes > 10 * limits.itemWindowBytes, `${bytes} bytes`);
    t.notOk(typesOf(followed.takeAll()).includes('missed'));
  },
);

t.test('what all streams keep is bounded: who reads slowest is told what it has missed', async (t) => {
  const followed = new Followed();
  // Old executors begin with a whole window, and these read nothing.
  for (let job = 0; job < 400; job++) {
    const { key } = followed.follow(1_000);
    for (let number = 1; number <= perWindow; number++)
      followed.say({ type: 'stream_chunk', key, number, chunk });
    followed.say({ type: 'stream_chunk', key, number: perWindow + 1, chunk: null });
    followed.say({ type: 'ran', seq: job + 1, key, outcome: { type: 'done', result: '1' } });
  }
  const kept = followed.requests.map(
    (request) => followed.takeAll(request).filter(({ type }) => type === 'data').length,
  );
  const keptBytes = kept.reduce((sum, count) => sum + count, 0) * chunk.length;
  t.ok(keptBytes <= limits.streamsNeededBytesMax + 400 * chunk.length, `${keptBytes} bytes were kept`);
  t.equal(kept.at(-1), perWindow, 'of the last one all of it');
  t.ok(
    followed.requests.every((request) => followed.cores.replies.get(request)?.ok),
    'and each is told how its job ended',
  );
  t.same(
    followed.cores
      .core('a')
      .streaming.debts()
      .filter(({ kind, count }) => kind === 'streams that have room' && count !== 0),
    [],
  );
});

t.test('an owner that gives room without end, and takes nothing, is not believed', async (t) => {
  const followed = new Followed();
  const { key, run } = followed.follow(1_000);
  followed.yields(run, chunk);
  const room: JobMessage = { type: 'stream_room', key, number: 0, upTo: endless };
  followed.cores.step('b', { type: 'message', from: nodeId('a'), message: room });
  t.ok(
    followed.cores.rooms.every(({ upTo }) => upTo <= 2 * limits.itemWindowBytes),
    JSON.stringify(followed.cores.rooms),
  );
});

t.test('a node that wants items without end, and takes none, is sent a window of them', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a'), aliveMember('b', { tasks: [] })] });
  const job = cores.submit('a');
  const { start } = cores.begin('a');
  const ask = { type: 'watch', job, stream: { room: endless, after: null } } as const;
  cores.step('a', { type: 'message', from: nodeId('b'), message: { type: 'ask', seq: 77, command: ask } });
  const itemsSent = (): number => cores.sent.filter((sent) => sent === 'a>b item').length;
  const yieldSome = (): void => {
    for (let count = 0; count < 3 * perWindow; count++)
      cores.step('a', { type: 'attempt_chunk', run: start.run, chunk });
  };
  yieldSome();
  const first = itemsSent();
  t.ok(first <= perWindow + 1, `${first} items, the state among them`);
  const more: JobMessage = { type: 'items_taken', seq: 77, number: 0, upTo: endless };
  cores.step('a', { type: 'message', from: nodeId('b'), message: more });
  yieldSome();
  t.equal(itemsSent(), first, 'no more while it has not taken these');
  cores.step('a', { type: 'message', from: nodeId('b'), message: { ...more, number: first } });
  t.ok(itemsSent() > first + perWindow / 2, 'then it goes on');
});

t.test('a chunk that is missing on a link that is whole is asked for again', async (t) => {
  const followed = new Followed();
  const { run } = followed.follow(limits.itemWindowBytes);
  followed.yields(run, '1');
  followed.cores.loseNext('b', 'a');
  followed.yields(run, '2');
  followed.yields(run, '3');
  const told = followed.takeAll().flatMap((item) => (item.type === 'data' ? [item.payload] : []));
  t.strictSame(told, ['1', '2', '3']);
});

t.test('who says that it has what was never told is told what comes', async (t) => {
  const cores = new JobCores({ members: [aliveMember('a'), aliveMember('b', { tasks: [] })] });
  const job = cores.submit('a');
  const { start } = cores.begin('a');
  const after = { epoch: 1, attempt: 1, chunk: 1_000 };
  const ask = { type: 'watch', job, stream: { room: 1_000, after } } as const;
  cores.step('a', { type: 'attempt_chunk', run: start.run, chunk: '1' });
  cores.step('a', { type: 'message', from: nodeId('b'), message: { type: 'ask', seq: 77, command: ask } });
  const items = (): number => cores.sent.filter((sent) => sent === 'a>b item').length;
  const before = items();
  cores.step('a', { type: 'attempt_chunk', run: start.run, chunk: '2' });
  t.equal(items(), before + 1);
});
