import { join } from 'node:path';
import t, { type Test } from 'tap';
import { membersOfGroup } from '../../scripts/process-group.js';
import { runTestFile, type TestFileReport } from '../../scripts/test-file.js';

/** Runs JavaScript that writes TAP to its standard output as if it were a test file. */
function runText(t: Test, text: string, timeoutMs = 20_000, mayNotRun = false): Promise<TestFileReport> {
  const directory = t.testdir({ 'sample.mjs': text });
  return runTestFile({
    path: 'test/sample.test.ts',
    compiled: join(directory, 'sample.mjs'),
    root: directory,
    timeoutMs,
    mayNotRun,
  });
}

t.test('a file whose tests pass has only passed tests', async (t) => {
  const report = await runText(t, "console.log('TAP version 14\\nok 1 - one\\nok 2 - two\\n1..2')");
  t.match(report, { passed: 2, failures: [] });
});

t.test('a failed test is told with the assertion under it and its difference', async (t) => {
  const lines = [
    '# Subtest: sums',
    '    not ok 1 - two and two',
    '      ---',
    '      diff: "-5"',
    '      ...',
    '    1..1',
  ];
  const tap = [...lines, 'not ok 1 - sums', '1..1'].join('\n');
  const report = await runText(t, `console.log(${JSON.stringify(tap)}); process.exitCode = 1;`);
  t.equal(report.passed, 0);
  t.same(report.failures, [{ name: 'sums', details: ['two and two', '  -5'] }]);
});

t.test('a test that is left out counts as failed', async (t) => {
  const report = await runText(t, "console.log('ok 1 - later # SKIP no time\\n1..1')");
  t.match(report, { passed: 0, failures: [{ name: 'later' }] });
});

t.test('a test that the machine can’t run is told apart, where that is allowed and only then', async (t) => {
  const text = "console.log('ok 1 - cut # SKIP not run: no namespaces\\nok 2 - later # SKIP no time\\n1..2')";
  const allowed = await runText(t, text, 20_000, true);
  t.match(allowed, {
    passed: 0,
    notRun: [{ name: 'cut', details: ['no namespaces'] }],
    failures: [{ name: 'later' }],
  });
  const forbidden = await runText(t, text);
  t.match(forbidden, { notRun: [], failures: [{ name: 'cut' }, { name: 'later' }] });
});

t.test('what a test has measured is kept', async (t) => {
  const lines = [
    '# Subtest: speed',
    '    # measured: 7 ms',
    '    ok 1 - fast',
    '    1..1',
    'ok 1 - speed',
    '1..1',
  ];
  const report = await runText(t, `console.log(${JSON.stringify(lines.join('\n'))})`);
  t.match(report, { passed: 1, failures: [] });
  t.same(report.measured, ['7 ms']);
});

t.test('a file that ends before its plan is done has failed', async (t) => {
  const report = await runText(t, "console.log('ok 1 - one\\n1..3')");
  t.equal(report.passed, 1);
  t.equal(report.failures.length, 1);
});

t.test('a file without any test has failed', async (t) => {
  const report = await runText(t, '');
  t.equal(report.passed, 0);
  t.equal(report.failures.length, 1);
});

t.test('a file that crashes after its tests has failed, and its last words are kept', async (t) => {
  const report = await runText(t, "console.log('ok 1 - one\\n1..1'); throw new Error('last words')");
  t.match(report.failures, [{ name: 'ended with code 1' }]);
  t.match(report.errorOutput, /last words/);
});

t.test('a file that runs too long is ended with all that it started', async (t) => {
  const report = await runText(
    t,
    `import { spawn } from 'node:child_process';
     const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
     console.error('group ' + process.pid);
     setInterval(() => {}, 1000);`,
    1_500,
  );
  t.ok(report.failures.some(({ name }) => name.startsWith('ran longer than 1.5 s')));
  const group = Number(/group (\d+)/.exec(report.errorOutput)?.[1]);
  t.same(await membersOfGroup(group), []);
});

t.test('a file that leaves a process behind has failed, and the process is ended', async (t) => {
  const report = await runText(
    t,
    `import { spawn } from 'node:child_process';
     spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' }).unref();
     console.log('ok 1 - one\\n1..1');
     console.error('group ' + process.pid);`,
  );
  t.match(report.failures, [{ name: 'left processes behind' }]);
  const group = Number(/group (\d+)/.exec(report.errorOutput)?.[1]);
  t.same(await membersOfGroup(group), []);
});
