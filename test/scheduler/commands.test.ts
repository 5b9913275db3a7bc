import t from 'tap';
import { chunkBytes } from '../../src/core/item.js';
import { limits } from '../../src/core/limits.js';
import { commandResult } from '../../src/scheduler/command-output.js';
import type { CommandTask } from '../../src/scheduler/command-runner.js';
import { isRunning } from '../support/is-running.js';
import { untilStill, waitUntil } from '../support/wait-until.js';
import { TestScheduler } from './harness.js';

const shell = (name: string, script: string, more: Partial<CommandTask> = {}): CommandTask => ({
  name,
  command: ['/bin/sh', '-c', script],
  ...more,
});
const commands: readonly CommandTask[] = [
  { name: 'cat', command: ['cat'], retries: 2, timeoutMs: 9, concurrency: 3 },
  { name: 'no-shell', command: ['echo', '$HOME; *'] },
  { name: 'missing', command: ['/nowhere/at-all'] },
  { name: 'nowhere', command: ['cat'], cwd: '/nowhere' },
  { name: 'too-long', command: ['echo', 'x'.repeat(4 * 1024 * 1024)] },
  shell('env', 'echo "$GREETING $RONDO_JOB_ID $RONDO_ATTEMPT $RONDO_KEY"', { env: { GREETING: 'hi' } }),
  shell('fails', 'echo to stderr >&2; exit 3'),
  shell('killed', 'kill -9 $$'),
  shell('deaf', 'exec <&-; echo done'),
  shell('flood', 'yes'),
  shell('noise', 'yes >&2 & sleep 0.05; kill $!; exit 1'),
  shell('stops', 'trap "exit 1" TERM; echo started >&2; sleep 1000 & wait'),
  shell('stubborn', 'trap "" TERM; while :; do sleep 1; done'),
  shell('leaves-behind', 'sleep 1000 & echo $!'),
];
const node = new TestScheduler({ commands, taskDirs: [], abortGraceMs: 50 });
t.teardown(() => node.scheduler.close());

t.test('a command task is offered with its options, and needs no thread', async (t) => {
  const offers = await node.scheduler.load();
  t.same(
    offers.find(({ name }) => name === 'cat'),
    { name: 'cat', retries: 2, timeoutMs: 9, concurrency: 3 },
  );
  t.equal(node.scheduler.stats().threads, 0);
});

t.test('a command gets the arguments on its standard input and its output is the result', async (t) => {
  t.same(await node.run('cat', { a: [1, 'ü'] }), { type: 'done', result: '{"a":[1,"ü"]}' });
  t.same(await node.run('cat', new Uint8Array([104, 105])), { type: 'done', result: '"hi"' });
  const large = 'x'.repeat(1_000_000);
  t.same(await node.run('cat', large), { type: 'done', result: JSON.stringify(large) });
});

t.test('arguments are given as they are, with no shell between', async (t) => {
  t.same(await node.run('no-shell'), { type: 'done', result: '"$HOME; *"' });
});

t.test('a command sees the environment that it is given, and what it runs for, and no key', async (t) => {
  process.env.RONDO_KEY = 'secret';
  const other = new TestScheduler({ commands, taskDirs: [] });
  delete process.env.RONDO_KEY;
  t.same(await other.run('env', null, { job: 'job-7', attempt: 2 }), {
    type: 'done',
    result: '"hi job-7 2 "',
  });
  await other.scheduler.close();
});

t.test('output that is JSON is the result as it is, on one line; any other is a string', (t) => {
  t.equal(commandResult('{"b":1.50, "__proto__":2}\n'), '{"b":1.50, "__proto__":2}');
  t.equal(commandResult('[\n  1\n]\n'), '[1]');
  t.equal(commandResult('plain text\r\n'), '"plain text"');
  t.equal(commandResult('two\nlines\n'), '"two\\nlines"');
  t.equal(commandResult(''), '""');
  t.end();
});

const failures: readonly (readonly [name: string, message: string | RegExp])[] = [
  ['fails', 'exit code 3: to stderr'],
  ['killed', 'ended by SIGKILL'],
  ['missing', /could not be started \(spawn \/nowhere\/at-all ENOENT\); check its name/],
  ['nowhere', /could not be started .*; its `cwd` \/nowhere is not a directory: make it/],
  ['too-long', /could not be started \(spawn E2BIG\)/],
  ['noise', /^exit code 1: y/],
];
for (const [name, message] of failures) {
  t.test(`a command that fails (${name}) fails its attempt with why`, async (t) => {
    t.match(await node.run(name), {
      type: 'failed',
      error: { name: 'CommandFailed', message },
      final: false,
    });
  });
}

t.test('a command that does not read its arguments is no failure', async (t) => {
  t.same(await node.run('deaf', 'x'.repeat(1_000_000)), { type: 'done', result: '"done"' });
});

t.test('a command whose output passes the limit is ended', async (t) => {
  t.match(await node.run('flood'), {
    type: 'failed',
    error: { name: 'BadResult', message: /over 16777216/ },
    final: true,
  });
});

t.test('a command is stopped by SIGTERM, and by SIGKILL when it does not listen', async (t) => {
  for (const name of ['stops', 'stubborn']) {
    const cancelled = node.start(name);
    const timedOut = node.start(name);
    node.scheduler.stop(cancelled, 'cancelled');
    node.scheduler.stop(timedOut, 'timed_out');
    t.same(await node.outcome(cancelled), { type: 'stopped' }, name);
    t.same(await node.outcome(timedOut), { type: 'timed_out' }, name);
  }
});

t.test('what a command leaves running ends with it', async (t) => {
  const outcome = await node.run('leaves-behind');
  if (outcome.type !== 'done') throw new Error(JSON.stringify(outcome));
  // It has been sent SIGKILL by now; the kernel takes a moment to end it.
  t.ok(await waitUntil('it has ended', () => !isRunning(Number(outcome.result))));
});

t.test('closing ends the commands that run', async (t) => {
  const other = new TestScheduler({ commands, taskDirs: [], abortGraceMs: 20 });
  const run = other.start('stubborn');
  await other.scheduler.close();
  t.same(other.outcomes.get(run), { type: 'displaced' });
});

t.test(
  'closing at once ends the commands that run without asking them, also when a close is under way',
  async (t) => {
    const other = new TestScheduler({ commands, taskDirs: [], abortGraceMs: 3_600_000 });
    const run = other.start('stubborn');
    const closing = other.scheduler.close();
    await other.scheduler.close({ atOnce: true });
    await closing;
    t.same(other.outcomes.get(run), { type: 'displaced' });
  },
);

t.test(
  'a program can be streamed: each line a chunk, JSON where it is some, and its result is null',
  async (t) => {
    const script = `printf '{"a":1}\\ntwo words\\r\\n\\n[1]\\nno end'`;
    const other = new TestScheduler({
      commands: [shell('lines', script, { stream: 'lines' })],
      taskDirs: [],
    });
    t.teardown(() => other.scheduler.close());
    await other.scheduler.load();
    t.same(await other.run('lines'), { type: 'done', result: 'null' });
    t.strictSame(
      other.chunks.map(({ chunk }) => chunk),
      ['{"a":1}', '"two words"', '""', '[1]', '"no end"'],
    );
  },
);

t.test(
  'a program that writes more than anybody takes waits until there is room, and loses nothing',
  async (t) => {
    const script = 'head -c 30000000 /dev/zero; exit 0';
    const other = new TestScheduler({
      commands: [shell('zeros', script, { stream: 'bytes' })],
      taskDirs: [],
    });
    t.teardown(() => other.scheduler.close());
    await other.scheduler.load();
    const run = other.start('zeros');
    const taken = (): number => other.chunks.reduce((sum, { chunk }) => sum + chunk.length, 0);
    await other.until(() => taken() >= limits.itemWindowBytes);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    t.ok(taken() < 2 * limits.itemWindowBytes, `${taken()} bytes were taken`);
    other.scheduler.giveRoom(run, Number.MAX_SAFE_INTEGER);
    t.same(await other.outcome(run), { type: 'done', result: 'null' });
    t.equal(taken(), 30_000_000);
  },
);

t.test(
  'of lines that a program wrote at once no more are told than there is room for, and the rest later',
  async (t) => {
    const commands = [shell('numbers', 'seq 200000', { stream: 'lines' })];
    const other = new TestScheduler({ commands, taskDirs: [] });
    t.teardown(() => other.scheduler.close());
    await other.scheduler.load();
    const run = other.start('numbers');
    const told = (): number => other.chunks.reduce((sum, { chunk }) => sum + chunkBytes(chunk), 0);
    const bytes = await untilStill('the program', told);
    const lastBytes = chunkBytes('200000');
    t.ok(bytes >= limits.itemWindowBytes && bytes < limits.itemWindowBytes + lastBytes, `${bytes} bytes`);
    other.scheduler.giveRoom(run, Number.MAX_SAFE_INTEGER);
    t.same(await other.outcome(run), { type: 'done', result: 'null' });
    t.equal(other.chunks.length, 200_000);
    t.ok(other.chunks.every(({ chunk }, index) => chunk === String(index + 1)));
  },
);

t.test('a program that waits for a reader can be stopped', async (t) => {
  const script = 'trap "" TERM; head -c 30000000 /dev/zero';
  const other = new TestScheduler({
    commands: [shell('zeros', script, { stream: 'bytes' })],
    taskDirs: [],
    abortGraceMs: 20,
  });
  t.teardown(() => other.scheduler.close());
  await other.scheduler.load();
  const run = other.start('zeros');
  await other.until(() => other.chunks.length > 5);
  other.scheduler.stop(run, 'cancelled');
  t.same(await other.outcome(run), { type: 'stopped' });
});

t.test('a line that is longer than can be sent ends the program, and says so', async (t) => {
  const script = "head -c 20000000 /dev/zero | tr '\\\\0' x";
  const other = new TestScheduler({ commands: [shell('long', script, { stream: 'lines' })], taskDirs: [] });
  t.teardown(() => other.scheduler.close());
  await other.scheduler.load();
  t.match(await other.run('long'), {
    type: 'failed',
    error: { name: 'BadResult', message: /^a line of its output is over/ },
    final: true,
  });
});
