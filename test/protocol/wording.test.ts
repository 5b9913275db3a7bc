import t from 'tap';
import { createTokenCheck } from '../../src/protocol/access.js';
import { onOneLine, quoted, suggestion } from '../../src/protocol/wording.js';

t.test('what a client wrote is shown cut and on one line', async (t) => {
  t.equal(quoted('a"b\n\u0000'), '"a\\"b\\n\\u0000"');
  t.equal(quoted('x'.repeat(40)), `"${'x'.repeat(40)}"`);
  t.equal(quoted('x'.repeat(41)), `"${'x'.repeat(40)}..."`);
});

t.test('the nearest name is suggested when it is near', async (t) => {
  const names = ['priority', 'delay', 'on'];
  t.equal(suggestion('dleay', names), ' Did you mean delay?');
  t.equal(suggestion('no', names), ' Did you mean on?', 'two neighbours changed places');
  for (const name of ['x', 'X', 'wait', 'an x']) {
    t.equal(suggestion(name, ['at', 'on', 'key', 'ttl']), '', `${name} is near nothing`);
  }
  t.equal(suggestion('prio', names), '');
  t.equal(suggestion('', names), '');
  t.equal(suggestion('delay', []), '');
  t.equal(suggestion('x'.repeat(60_000), names), '', 'without comparing it letter by letter');
});

t.test('JSON text on one line is the same value', async (t) => {
  const text = '{\r\n  "a": [1,\n\n 2],\r"b": "\\n"\n}';
  t.notMatch(onOneLine(text), /[\r\n]/);
  t.strictSame(JSON.parse(onOneLine(text)), JSON.parse(text));
  t.equal(onOneLine('{"a":1}'), '{"a":1}');
});

t.test('only the token itself is taken for it', async (t) => {
  const check = createTokenCheck('s3crét');
  t.ok(check('s3crét'));
  for (const other of ['', 's3cré', 's3crétt', 'S3crét', 's3cre\u0301t', 'x'.repeat(60_000)])
    t.notOk(check(other));
});
