import t from 'tap';
import { TestScheduler } from './harness.js';

const node = new TestScheduler();
t.before(() => node.scheduler.load());
t.teardown(() => node.scheduler.close());

const done = (value: unknown) => ({ type: 'done', result: JSON.stringify(value) });

t.test('a handler gets its arguments parsed and its result comes back as JSON text', async (t) => {
  t.same(await node.run('sum', [1, 2, 3]), done(6));
  t.same(await node.run('typed', { name: 'Ada' }), done('hello Ada'));
  t.same(
    await node.run('echo', { __proto__x: 1, text: '\u2028 ü \ud800' }),
    done({ __proto__x: 1, text: '\u2028 ü \ud800' }),
  );
});

t.test('arguments called __proto__ reach the handler as a key like any other', async (t) => {
  const args = '{"__proto__":{"polluted":true}}';
  t.same(await node.run('echo', null, { args }), { type: 'done', result: args });
});

t.test('bytes that a handler returns are its result, whatever kind of view they are', async (t) => {
  for (const kind of ['bytes', 'view', 'memory'])
    t.same(await node.run('returns', kind), { type: 'done', result: new Uint8Array([97, 98]) }, kind);
});

t.test('binary arguments arrive as a Buffer with just their own bytes', async (t) => {
  const frame = new Uint8Array([9, 9, 1, 2, 255, 9]);
  t.same(await node.run('binary', frame.subarray(2, 5)), done({ isBuffer: true, hex: '0102ff' }));
});

t.test(
  'a task may be called constructor, and one that does not exist is no inherited property',
  async (t) => {
    t.same(await node.run('constructor'), done('the task called constructor'));
    for (const task of ['__proto__', 'toString', 'nosuch', '_shared']) {
      t.match(await node.run(task), { type: 'failed', error: { name: 'UnknownTask' } }, task);
    }
  },
);

t.test(
  'the context tells job, attempt and node, logs with the attempt, and sends the latest progress first',
  async (t) => {
    const run = node.start('context', 'here', { job: 'job-x', attempt: 4 });
    t.same(await node.outcome(run), done({ jobId: 'job-x', attempt: 4, node: 'test' }));
    t.same(node.attemptLogs, [
      { job: 'job-x', task: 'context', attempt: 4, level: 'info', text: 'text here' },
    ]);
    t.same(
      node.progress.filter((each) => each.run === run),
      [{ run, value: '{"part":2}' }],
    );
  },
);

t.test('an async generator runs to its end and its return value is the result', async (t) => {
  t.same(await node.run('generator', 5), done('the end'));
});

const failures: readonly (readonly [kind: string, name: string, message: string | RegExp])[] = [
  ['error', 'RangeError', 'too far'],
  ['string', 'Error', 'just text'],
  ['undefined', 'Error', 'the handler threw undefined'],
  ['null', 'Error', 'the handler threw null'],
  ['number', 'Error', 'the handler threw 42'],
  ['symbol', 'Error', 'the handler threw Symbol(s)'],
  ['bigint', 'Error', 'the handler threw 7n'],
  ['function', 'Error', 'the handler threw a function'],
  ['plain', 'Error', 'the handler threw {"code":5}'],
  ['getters', 'Error', 'the handler threw an object that can not be shown'],
  ['proxy', 'Error', 'the handler threw an object that can not be shown'],
  ['oddMessage', 'Error', /the handler threw/],
];
for (const [kind, name, message] of failures) {
  t.test(`a handler that throws (${kind}) fails its attempt and nothing else`, async (t) => {
    t.match(await node.run('throws', kind), { type: 'failed', error: { name, message }, final: false });
    t.equal(node.scheduler.stats().threadsEnded, 0);
  });
}

t.test('an error message is cut at 2,000 characters', async (t) => {
  const outcome = await node.run('throws', 'long');
  t.equal(outcome.type === 'failed' && outcome.error.message.length, 2_000);
});

t.test('an error that says retryable: false is final', async (t) => {
  t.match(await node.run('throws', 'notRetryable'), {
    type: 'failed',
    error: { message: 'hopeless' },
    final: true,
  });
});

t.test('a handler that returns nothing has the result null', async (t) => {
  t.same(await node.run('returns', 'undefined'), done(null));
});

const badResults: readonly (readonly [kind: string, message: RegExp])[] = [
  ['function', /returned a function; return a value/],
  ['symbol', /returned a symbol; return a value/],
  ['bigint', /return String\(value\)/],
  ['nestedBigint', /BigInt/],
  ['cycle', /circular/],
  ['map', /return \[\.\.\.value\]/],
  ['toJSON', /can't be turned into JSON: no/],
  ['toNothing', /toJSON\(\) gave nothing/],
  ['hundredMegabytes', /at most 16777216 are allowed; store it elsewhere/],
];
for (const [kind, message] of badResults) {
  t.test(`a result that can't be sent (${kind}) is a final BadResult that says what to do`, async (t) => {
    t.match(await node.run('returns', kind), {
      type: 'failed',
      error: { name: 'BadResult', message },
      final: true,
    });
  });
}

t.test('arguments nested a hundred thousand deep cost their own attempt at most', async (t) => {
  const args = '['.repeat(100_000) + ']'.repeat(100_000);
  const outcome = await node.run('echo', null, { args });
  // V8's JSON.stringify walks the stack up to Node 24, and has no such limit from Node 26 on.
  const refused = { type: 'failed', error: { name: 'BadResult' }, final: true };
  t.match(outcome, outcome.type === 'done' ? { type: 'done', result: args } : refused);
  t.equal(node.scheduler.stats().threadsEnded, 0);
});

t.test('arguments that are not JSON are a final failure', async (t) => {
  t.match(await node.run('echo', null, { args: '{' }), {
    type: 'failed',
    error: { name: 'BadArguments' },
    final: true,
  });
});

t.test('a frozen Proxy as the result fails its attempt', async (t) => {
  t.match(await node.run('returns', 'proxy'), { type: 'failed', error: { message: 'get' } });
});

t.test('what a handler emits after its end, and a second settling, are ignored', async (t) => {
  const run = node.start('late');
  t.same(await node.outcome(run), done('first'));
  // Another attempt on the same thread ends after all that the first could have sent.
  await node.run('sleep', 100);
  t.same(
    node.progress.filter((each) => each.run === run),
    [],
  );
  t.same(
    node.attemptLogs.filter((entry) => entry.task === 'late'),
    [],
  );
});

t.test(
  'a progress value that can not be sent is dropped with a warning, and the attempt goes on',
  async (t) => {
    const reasons = {
      long: /20002 characters of JSON, at most 16384 are sent/,
      deep: /nested 65 deep, at most 64/,
      cycle: /it can't be turned into JSON/,
      bigint: /it is a BigInt; give String\(value\)/,
      function: /it is a function; give a value that JSON has/,
      symbol: /it is a symbol/,
      map: /it is a Map or Set; give \[...value\]/,
      bytes: /it is bytes/,
      toNothing: /its toJSON\(\) gave nothing/,
    };
    for (const [kind, reason] of Object.entries(reasons)) {
      const run = node.start('progress', kind);
      t.same(await node.outcome(run), done(null), kind);
      t.notOk(
        node.progress.some((each) => each.run === run),
        kind,
      );
      t.match(
        node.attemptLogs.at(-1),
        { task: 'progress', level: 'warn', text: /^a progress value was dropped: / },
        kind,
      );
      t.match(node.attemptLogs.at(-1)?.text, reason);
    }
  },
);

t.test('a progress value of nothing is null, as a result is', async (t) => {
  const run = node.start('progress', 'undefined');
  await node.outcome(run);
  t.equal(node.progress.find((each) => each.run === run)?.value, 'null');
});

t.test('a progress value of the largest length is sent', async (t) => {
  const run = node.start('progress', 'largest');
  await node.outcome(run);
  t.equal(node.progress.find((each) => each.run === run)?.value.length, 16 * 1024);
});

t.test('a progress value of the greatest depth is sent', async (t) => {
  const run = node.start('progress', 'deepest');
  await node.outcome(run);
  t.equal(node.progress.find((each) => each.run === run)?.value, `${'['.repeat(64)}1${']'.repeat(64)}`);
});

t.test(
  'what a handler posts as its progress by itself is no progress unless it could have been sent',
  async (t) => {
    for (const value of ['['.repeat(8_191) + ']'.repeat(8_191), '[\n]', '{', 5, null]) {
      const run = node.start('sleep', 50);
      t.same(await node.run('posts-progress', { run, value }), done(null));
      await node.outcome(run);
      t.same(
        node.progress.filter((each) => each.run === run),
        [],
        JSON.stringify(value).slice(0, 20),
      );
    }
  },
);

t.test('what a handler writes to its standard streams is logged, line by line', async (t) => {
  t.same(await node.run('output'), done(null));
  await node.until(() => node.logs.some((line) => line.fields.text === 'to standard output'));
  await node.until(() => node.logs.some((line) => line.fields.text === 'to standard error'));
});

t.test('messages that a handler posts to the node itself are ignored', async (t) => {
  t.same(await node.run('posts'), done('posted'));
  await node.logged(/message of its own/);
});

t.test('a handler sees the environment without the key and the token', async (t) => {
  const names = ['RONDO_KEY', 'RONDO_KEY_FILE', 'RONDO_TOKEN', 'RONDO_OTHER'];
  for (const name of names) process.env[name] = 'set';
  const other = new TestScheduler();
  await other.scheduler.load();
  t.same(await other.run('environment'), done(['RONDO_OTHER']));
  await other.scheduler.close();
  for (const name of names) delete process.env[name];
});

t.test('sleep gives its arguments back, and refuses what is no time', async (t) => {
  t.same(await node.run('sleep', { ms: 1, other: 2 }), done({ ms: 1, other: 2 }));
  for (const args of [-1, 'x', null, {}, 2 ** 31]) {
    t.match(await node.run('sleep', args), { type: 'failed', error: { name: 'BadArguments' }, final: true });
  }
});
