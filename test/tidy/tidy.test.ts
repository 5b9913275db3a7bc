import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { errorCodes } from '../../src/core/errors.js';
import { describeViolations, parseSources, readSources, repositoryRoot } from './source-tree.js';
import {
  checkFileLengths,
  checkFileNames,
  checkFunctionLengths,
  checkLimitsNamedOnce,
  checkNoSkippedTests,
  documentedErrorCodes,
  fileLinesMax,
  functionLinesMax,
  tabledErrorCodes,
} from './tidy-rules.js';

const shipped = readSources('src', 'scripts');
const tests = readSources('test');

t.test(`no file in src or scripts is longer than ${fileLinesMax} lines`, (t) => {
  t.same(describeViolations(checkFileLengths(shipped)), []);
  t.end();
});

t.test(`no function in src or scripts is longer than ${functionLinesMax} lines`, (t) => {
  t.same(describeViolations(checkFunctionLengths(shipped)), []);
  t.end();
});

t.test('every file name says what the file is for', (t) => {
  t.same(describeViolations(checkFileNames([...shipped, ...tests].map(({ path }) => path))), []);
  t.end();
});

t.test('no test is left out', (t) => {
  t.same(describeViolations(checkNoSkippedTests(tests)), []);
  t.end();
});

t.test('every limit is named once', (t) => {
  t.same(describeViolations(checkLimitsNamedOnce(readSources('src'))), []);
  t.end();
});

t.test('the error codes in the source and in PROTOCOL.md are the same', (t) => {
  const path = join(repositoryRoot, 'src/protocol/PROTOCOL.md');
  const specification = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const inSource = Object.keys(errorCodes).sort();
  t.same([...tabledErrorCodes(specification)].sort(), inSource, 'each has a row in the table of errors');
  const unknown = [...documentedErrorCodes(specification)].filter((code) => !Object.hasOwn(errorCodes, code));
  t.same(unknown, [], 'and no example shows another');
  t.end();
});

t.test('the length checks allow the limit and refuse one more', (t) => {
  const ofLines = (count: number): string => 'x();\n'.repeat(count);
  const inFunction = (count: number): string => `function f() {\n${ofLines(count - 2)}}\n`;
  const lengths = (text: string): number => checkFileLengths(parseSources({ 'src/core/x.ts': text })).length;
  const functions = (text: string): number =>
    checkFunctionLengths(parseSources({ 'src/core/x.ts': text })).length;
  t.equal(lengths(ofLines(fileLinesMax)), 0);
  t.equal(lengths(ofLines(fileLinesMax + 1)), 1);
  t.equal(functions(inFunction(functionLinesMax)), 0);
  t.equal(functions(inFunction(functionLinesMax + 1)), 1);
  t.equal(functions(`const f = () => {\n${inFunction(functionLinesMax).repeat(3)}};`), 0);
  t.equal(functions(`const f = () => {\n${ofLines(functionLinesMax)}};`), 1);
  t.end();
});

t.test('the name check finds drawers', (t) => {
  const drawers = [
    'src/core/util.ts',
    'src/net/socket-utils.ts',
    'src/helpers/x.ts',
    'test/data.ts',
    'src/job_manager.ts',
  ];
  t.equal(checkFileNames(drawers).length, drawers.length);
  t.same(
    checkFileNames(['src/core/jobs/record.ts', 'src/net/database-link.ts', 'src/cli/process-group.ts']),
    [],
  );
  t.end();
});

t.test('the check for left-out tests finds every way to leave one out', (t) => {
  const found = (text: string): number =>
    checkNoSkippedTests(parseSources({ 'test/x.test.ts': text })).length;
  t.equal(found("t.skip('x', () => {});"), 1);
  t.equal(found("t.only('x', () => {});"), 1);
  t.equal(found("t.todo('x');"), 1);
  t.equal(found("t.test('x', { skip: true }, () => {});"), 1);
  t.equal(found("t.test('x', { timeout: 5, only: true }, () => {});"), 1);
  t.equal(found("t.test('skip the rest', () => { queue.skip(1); cursor({ skip: 1 }); });"), 0);
  t.end();
});

t.test('the limit check finds a number that is written down twice', (t) => {
  const found = (a: string, b: string): number =>
    checkLimitsNamedOnce(parseSources({ 'src/core/a.ts': a, 'src/net/b.ts': b })).length;
  t.equal(found('const lineBytesMax = 64 * 1024;', 'const limits = { lineBytesMax: 65_536 };'), 1);
  t.equal(found('const lineBytesMax = 64 * 1024;', 'const frameBytesMax = 65_536;'), 0);
  t.equal(found('const lineBytesMax = 1;', 'const options = { lineBytesMax: limits.lineBytesMax };'), 0);
  t.end();
});

t.test('the error codes of a specification are its table of errors and its examples', (t) => {
  const text =
    '| `NOT_THIS` |\n## Errors\n| `BUSY` | text |\n| `TIMEOUT` | text |\n## Other\n| `HELLO` |\nERR LATE x, ERR CODE';
  t.same([...tabledErrorCodes(text)], ['BUSY', 'TIMEOUT']);
  t.same([...documentedErrorCodes(text)].sort(), ['BUSY', 'LATE', 'TIMEOUT']);
  t.end();
});
