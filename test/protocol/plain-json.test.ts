import fc from 'fast-check';
import t from 'tap';
import { isPlainJson as isPlain } from '../../src/protocol/plain-json.js';

function isPlainJson(text: string): boolean {
  // With something around it that must not be looked at.
  const bytes = Buffer.from(`}"${text}]1`, 'utf8');
  return isPlain(bytes, 2, bytes.length - 2);
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

t.test('what programs write is told at once', async (t) => {
  for (const text of [
    '{"n":1,"kind":"no-op","path":"/srv/a b.mp4","sizes":[640,-1.5,0],"on":true,"off":false,"no":null}',
    ' [ ] ',
    '{}',
    '{ "a" : [ { } , "x" ] }',
    '"text with \\"quotes\\" and \\n"',
    '0',
    '-12.25',
    'null',
  ])
    t.ok(isPlainJson(text), text);
});

t.test('what is no JSON is never told to be', async (t) => {
  const texts = [
    '',
    ' ',
    '{',
    '}',
    '[',
    '[1',
    '[1,',
    '[1,]',
    '[,1]',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '1 2',
    '01',
    '-',
    '-a',
    '1.',
    '.5',
    '+1',
    'tru',
    'nul',
    'truex',
    'undefined',
    'NaN',
    '"a',
    '"a\n"',
    '"\\x"',
    '[1}',
    '{"a":1]',
    '[1]]',
    '{"a":1}}',
    '[[1]',
    '\u00a01',
    '1\u2028',
  ];
  t.same(texts.filter(parses), [], 'the parser takes none of them');
  t.same(texts.filter(isPlainJson), []);
});

t.test('whatever it says yes to, the parser reads', async () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '1',
    '-',
    '0',
    '.',
    'e',
    'true',
    'null',
    ' ',
    '\n',
    '\\',
    '\\u12',
    'é',
    '\u0001',
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      (text) => !isPlainJson(text) || parses(text),
    ),
    { numRuns: 20_000 },
  );
});

t.test(
  'of what is written as JSON only exponents, odd escapes, great depth and what is not ASCII are left to the parser',
  async () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        return isPlainJson(text) || /e[+-]?\d|\\u|[^ -~]/.test(text);
      }),
      { numRuns: 2_000 },
    );
  },
);

t.test('one damaged character of a good text is never passed over', async () => {
  const good = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value));
  const damage = fc.tuple(good, fc.nat(), fc.constantFrom(...'{}[],:"\\ 0e.-tx'));
  fc.assert(
    fc.property(damage, ([text, at, character]) => {
      const index = at % (text.length + 1);
      const damaged = text.slice(0, index) + character + text.slice(index + 1);
      return !isPlainJson(damaged) || parses(damaged);
    }),
    { numRuns: 20_000 },
  );
});
