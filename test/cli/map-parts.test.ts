import { mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type InputLine, inputLines } from '../../src/cli/map/input-lines.js';
import { Joblog } from '../../src/cli/map/joblog.js';
import { OrderedOutput } from '../../src/cli/map/ordered-output.js';
import { retryAfterMs } from '../../src/client/attempts.js';
import { limits } from '../../src/core/limits.js';

async function cut(chunks: Iterable<Buffer>, json = false): Promise<InputLine[]> {
  async function* stream() {
    yield* chunks;
  }
  const lines: InputLine[] = [];
  for await (const some of inputLines(stream(), { json })) lines.push(...some);
  return lines;
}

t.test('lines are the same whatever the chunks', async (t) => {
  const input = Buffer.from('é\u{1f600}\n\nb\r\n c ');
  const whole = await cut([input]);
  t.strictSame(
    whole.map(({ index, text }) => [index, text]),
    [
      [0, 'é\u{1f600}'],
      [1, ''],
      [2, 'b'],
      [3, ' c '],
    ],
  );
  t.strictSame(await cut([...input].map((byte) => Buffer.from([byte]))), whole, 'a byte at a time');
  t.strictSame(await cut([]), []);
  t.strictSame(
    await cut([Buffer.from('a\n')]),
    await cut([Buffer.from('a')]),
    'a last line break starts no line',
  );
});

t.test(
  'a line may be as long as a body, and one that is longer costs no memory and no other line',
  async (t) => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    function* lines() {
      for (let mebibytes = 0; mebibytes < limits.bodyBytesMax / chunk.length; mebibytes++) yield chunk;
      yield Buffer.from('\n');
      for (let mebibytes = 0; mebibytes < limits.bodyBytesMax / chunk.length; mebibytes++) yield chunk;
      yield Buffer.from('x\nafter\n');
    }
    const [longest, over, after] = await cut(lines());
    t.equal(longest?.text?.length, limits.bodyBytesMax);
    t.match(over, { index: 1, text: null, fault: { name: 'LINE_TOO_LONG' } });
    t.match(after, { index: 2, text: 'after', fault: null });
  },
);

t.test('results come out in order, and room is counted while they wait', async (t) => {
  const written: string[] = [];
  const done: number[] = [];
  const output = new OrderedOutput({
    sink: { write: (text) => written.push(text) > 0, once: () => {} },
    ordered: true,
    pendingMax: 2,
    bufferedLengthMax: 10,
    onRoom: () => {},
  });
  const places = [output.takePlace(), output.takePlace(), output.takePlace(), output.takePlace()];
  const fill = (place: number, text: string) =>
    output.fill(places[place] as number, text, () => done.push(place));
  fill(2, 'c');
  t.ok(output.hasRoom);
  fill(3, 'd');
  t.notOk(output.hasRoom, 'two wait already');
  output.giveUp(places[0] as number);
  output.flush();
  t.strictSame(written, [], 'place 1 holds up the others');
  fill(1, 'b');
  output.flush();
  t.strictSame(written, ['bcd']);
  t.strictSame(done, [1, 2, 3]);
  t.ok(output.hasRoom);
  output.takePlace();
  output.fill(output.takePlace(), 'x'.repeat(10), () => {});
  t.notOk(output.hasRoom, 'as long as may wait');
});

t.test('a reader that is slow stops the output until it has caught up', async (t) => {
  let drain = (): void => {};
  let rooms = 0;
  const output = new OrderedOutput({
    sink: { write: () => false, once: (_, listener) => (drain = listener) },
    ordered: false,
    pendingMax: 10,
    bufferedLengthMax: 10,
    onRoom: () => rooms++,
  });
  output.fill(output.takePlace(), 'a', () => {});
  output.flush();
  t.notOk(output.hasRoom);
  const before = rooms;
  drain();
  t.ok(output.hasRoom);
  t.equal(rooms, before + 1);
});

t.test('the time that a busy node gives is kept within bounds', async (t) => {
  t.equal(retryAfterMs('retry-after=250ms the queue is full'), 250);
  t.equal(retryAfterMs('retry-after=2s'), 2_000);
  t.equal(retryAfterMs('retry-after=0ms'), 1);
  t.equal(retryAfterMs('retry-after=1h, then'), null, 'a duration ends with a blank');
  t.equal(retryAfterMs('retry-after=2h full'), 7_200_000);
  t.equal(retryAfterMs('full'), null);
});

t.test('a joblog that is refused stays closed', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rondo-joblog-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(realpathSync(dir), 'joblog');
  const resume = { path, task: 'echo', input: '-', resume: true };
  for (const text of [
    'no joblog\n',
    '{"joblog":1,"task":"sleep","input":"-"}\n',
    `{"joblog":0}\n${'x\n'.repeat(100_000)}`,
  ]) {
    writeFileSync(path, text);
    await t.rejects(Joblog.open({ ...resume, resume: false }), { code: 'BAD_USAGE' });
    await t.rejects(Joblog.open(resume), { code: 'BAD_USAGE' });
    t.notOk(isOpen(path), text.slice(0, 40));
  }
  writeFileSync(path, '{"joblog":1,"task":"echo","input":"-"}\n{"index":3,"ok":true}\n');
  const joblog = await Joblog.open(resume);
  t.equal(joblog.outcomeOf(3), 'done');
  t.ok(isOpen(path));
  await joblog.close();
  t.notOk(isOpen(path));
});

/** Whether this process has the file open. */
function isOpen(path: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });
}
