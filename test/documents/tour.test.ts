import t from 'tap';
import { matchesTour, parseTour } from '../support/tour.js';

t.test('only blocks marked as the tour are typed', (t) => {
  const text = '```console\n$ no\n```\n```console tour\n$ yes\none\n\ntwo\n$ more &\n```\n$ no\n';
  t.strictSame(parseTour(text), [
    { line: 5, command: 'yes', expected: ['one', '', 'two'] },
    { line: 9, command: 'more &', expected: [] },
  ]);
  t.end();
});

t.test('a block that is not closed, and output before any command, are mistakes', (t) => {
  t.throws(() => parseTour('```console tour\n$ a\n'), /has no end/);
  t.throws(() => parseTour('```console tour\n$ a\n```\n```console tour\nb\n```'), /line 5: "b"/);
  t.end();
});

t.test('output is as shown only when each line is', (t) => {
  const cases: [expected: string[], printed: string[], matches: boolean][] = [
    [[], [], true],
    [[], ['x'], false],
    [['x'], [], false],
    [['x'], ['x'], true],
    [['x'], ['x  '], true],
    [['x'], [' x'], false],
    [['x', 'y'], ['x'], false],
    [['x'], ['x', 'y'], false],
    [['a.c'], ['abc'], false],
    [['n <number> <number>'], ['n 1 22'], true],
    [['n <number>'], ['n x'], false],
    [['no ...'], ['no way at all'], true],
    [['...'], [], true],
    [['...'], ['x', 'y'], true],
    [['...', 'y'], ['x', 'y'], true],
    [['...', 'y'], ['x', 'z'], false],
  ];
  for (const [expected, printed, matches] of cases) {
    t.equal(matchesTour(expected, printed), matches, JSON.stringify([expected, printed]));
  }
  t.end();
});
