import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { fixtures, TestScheduler } from './harness.js';

const directory = (name: string) => ({ taskDirs: [join(fixtures, name)] });

t.test(
  'loading tells each task with what its author set, built-ins first, and leaves no thread',
  async (t) => {
    const node = new TestScheduler();
    const offers = await node.scheduler.load();
    t.same(
      offers.slice(0, 3).map(({ name }) => name),
      ['echo', 'sleep', 'fetch'],
    );
    t.same(
      offers.find(({ name }) => name === 'sum'),
      { name: 'sum', concurrency: 2, timeoutMs: 30_000, retries: 3 },
    );
    t.same(
      offers.find(({ name }) => name === 'typed'),
      { name: 'typed', timeoutMs: 1_500 },
    );
    t.notOk(offers.some(({ name }) => name === '_shared'));
    t.equal(node.scheduler.stats().threads, 0);
    await node.scheduler.close();
  },
);

const faults: readonly (readonly [file: string, reason: RegExp])[] = [
  ['no-default.mjs', /no function as its default export; write: export default/],
  ['not-a-function.mjs', /no function as its default export/],
  ['syntax.mjs', /SyntaxError: .*\/syntax\.mjs:1\)$/],
  ['throws.mjs', /at import \(.*\/throws\.mjs:1\)$/],
  ['throws-undefined.mjs', /threw undefined/],
  ['plain-generator.mjs', /async function\*/],
  ['options-text.mjs', /`options` is not an object/],
  ['options-unknown.mjs', /options.timeoutMs is not known/],
  ['options-concurrency.mjs', /options.concurrency must be a whole number from 1 to 1000000, not 0/],
  [
    'options-timeout.mjs',
    /options.timeout must be milliseconds or like '30s', at most 10 years, not "10 parsecs"/,
  ],
  ['options-retries.mjs', /options.retries must be a whole number from 0 to 1000, not -1/],
  ['bad name.mjs', /rename the file/],
  ['echo.mjs', /already a built-in task: rename the file/],
];
for (const threads of [0, 1]) {
  t.test(
    `a task file at fault is logged with its path and what to do, and the others load (threads: ${threads})`,
    async (t) => {
      const node = new TestScheduler({ ...directory('faulty'), threads });
      const offers = await node.scheduler.load();
      t.same(
        offers.map(({ name }) => name),
        ['echo', 'sleep', 'fetch', 'good'],
      );
      for (const [file, reason] of faults) {
        const line = node.logs.find(({ fields }) => fields.path === join(fixtures, 'faulty', file));
        t.match(line?.text, reason, file);
        t.equal(line?.level, 'error', file);
      }
      t.equal(node.logs.length, faults.length);
      t.same(await node.run('good'), { type: 'done', result: '"good"' });
      await node.scheduler.close();
    },
  );
}

t.test(
  'what is wrong with a task file is told with file and line, also in a file that it imports',
  async (t) => {
    const taskDir = mkdtempSync(join(tmpdir(), 'rondo tasks-'));
    t.teardown(() => rmSync(taskDir, { recursive: true }));
    const broken = '\nconst answer = ;\nexport default () => answer;\n';
    const throws = "\nexport const value: number = 1;\n\nthrow new Error('not today');\n";
    const files: readonly (readonly [file: string, text: string, reason: string | RegExp | null])[] = [
      ['broken.mjs', broken, `SyntaxError: Unexpected token ';' (${taskDir}/broken.mjs:2)`],
      ['broken-too.js', broken, /^SyntaxError: Unexpected token \(.*\/broken-too\.js:2\)$/],
      ['typed.ts', broken, /^SyntaxError: Unexpected token \(.*\/typed\.ts:2\)$/],
      ['_throws.ts', throws, null],
      ['_throws.mjs', throws.replace(': number', ''), null],
      [
        'imports-typed.ts',
        "import { value } from './_throws.ts';\nexport default () => value;\n",
        `not today (${taskDir}/_throws.ts:4)`,
      ],
      [
        'imports.mjs',
        "import { value } from './_throws.mjs';\nexport default () => value;\n",
        `not today (${taskDir}/_throws.mjs:4)`,
      ],
      ['_broken.mjs', broken, null],
      [
        'near.mjs',
        "import './_broken.mjs';\n",
        `SyntaxError: Unexpected token ';' (in a file that it imports)`,
      ],
      ['misses.mjs', "\nimport { none } from './broken-too.mjs';\n", /Cannot find module/],
      ['json.mjs', "\nexport default JSON.parse('{');\n", /^SyntaxError: .* \(.*\/json\.mjs:2\)$/],
    ];
    for (const [file, text] of files) writeFileSync(join(taskDir, file), text);
    const node = new TestScheduler({ taskDirs: [taskDir] });
    await node.scheduler.load();
    const reasons = new Map(node.logs.map(({ fields }) => [fields.path, fields.reason as string]));
    for (const [file, , reason] of files) {
      if (reason !== null) t.match(reasons.get(join(taskDir, file)), reason, file);
    }
    await node.scheduler.close();
  },
);

t.test(
  'a task file whose import ends its thread, or never ends, is refused and the others load',
  async (t) => {
    const node = new TestScheduler({
      ...directory('deadly'),
      memoryMbMax: 24,
      tuning: { importMsMax: 1_000 },
    });
    const offers = await node.scheduler.load();
    t.same(
      offers.map(({ name }) => name),
      ['echo', 'sleep', 'fetch', 'good'],
    );
    const reasons = new Map(node.logs.map(({ fields }) => [fields.path, fields.reason]));
    t.match(reasons.get(join(fixtures, 'deadly', 'exits.mjs')), /process.exit\(7\) was called/);
    t.match(reasons.get(join(fixtures, 'deadly', 'hangs.mjs')), /its import took over 1000 ms/);
    t.match(reasons.get(join(fixtures, 'deadly', 'memory.mjs')), /OutOfMemory/);
    t.match(reasons.get(join(fixtures, 'deadly', 'rejects.mjs')), /UnhandledRejection: unheard/);
    t.same(await node.run('good'), { type: 'done', result: '"survived its neighbours"' });
    await node.scheduler.close();
  },
);

t.test('of two files for one task the first counts and the second is named', async (t) => {
  const node = new TestScheduler(directory('twice'));
  await node.scheduler.load();
  t.same(await node.run('sum'), { type: 'done', result: '"the first sum"' });
  t.match(node.logs, [
    { level: 'error', text: /sum\.ts was not loaded: sum is already the task of .*sum\.js/ },
  ]);
  await node.scheduler.close();
});

t.test('CommonJS files, and modules that no package.json declares, are tasks as well', async (t) => {
  const node = new TestScheduler(directory('cjs'));
  const offers = await node.scheduler.load();
  t.same(offers.slice(3), [
    { name: 'classic', retries: 1 },
    { name: 'modern', retries: 4 },
    { name: 'named', retries: 2 },
  ]);
  t.match(await node.run('classic'), { result: '"from module.exports"' });
  t.match(await node.run('modern'), { result: '"from export default"' });
  t.match(await node.run('named'), { result: '"from exports.default"' });
  await node.scheduler.close();
});

t.test('a tasks directory that does not exist is refused with its path', async (t) => {
  const node = new TestScheduler(directory('nowhere'));
  await t.rejects(node.scheduler.load(), { code: 'BAD_TASK_DIRECTORY', message: /nowhere/ });
  await node.scheduler.close();
});

t.test('closing while tasks load ends the loading thread', async (t) => {
  const node = new TestScheduler(directory('deadly'));
  const loading = t.rejects(node.scheduler.load(), { code: 'CLOSED' });
  await node.scheduler.close();
  await loading;
});

t.test('a command task that can not be is refused at once, with what to do', async (t) => {
  const refused = (name: string, command: string[]) => {
    try {
      new TestScheduler({ commands: [{ name, command }] });
    } catch (error) {
      return error as { code: string; message: string };
    }
    return null;
  };
  t.match(refused('a b', ['true']), { code: 'BAD_COMMAND', message: /task name/ });
  t.match(refused('echo', ['true']), { code: 'BAD_COMMAND', message: /built-in/ });
  t.match(refused('x', []), { code: 'BAD_COMMAND', message: /program is missing/ });
  t.match(refused('x', ['a\0b']), { code: 'BAD_COMMAND', message: /NUL/ });
});
