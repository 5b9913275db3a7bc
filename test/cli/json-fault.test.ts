import fc from 'fast-check';
import t from 'tap';
import { findJsonFault } from '../../src/cli/json-fault.js';

t.test('the place is where the text stops being JSON', async (t) => {
  const faults: [string, number][] = [
    ['{a:1}', 1],
    ['{"a":tru}', 5],
    ['[1,]', 3],
    ['{"a":1,}', 7],
    ['[1 2]', 3],
    ['1 2', 2],
    ['01', 1],
    ['"a\nb"', 0],
    ['"\\x"', 0],
    ['{"a"}', 4],
    ['[}', 1],
    ["'a'", 0],
    ['', 0],
    ['{"a": [1, 2', 11],
    ['[', 1],
  ];
  for (const [text, place] of faults) t.equal(findJsonFault(text), place, encodeURI(text));
});

t.test('it finds a fault exactly where the parser does', async (t) => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    ' ',
    '\n',
    '1',
    '-',
    '0',
    '.',
    'e',
    'true',
    'null',
    '"a"',
  );
  const nearly = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
  const edited = fc
    .tuple(fc.json(), fc.nat(), piece)
    .map(
      ([text, at, extra]) =>
        `${text.slice(0, at % (text.length + 1))}${extra}${text.slice(at % (text.length + 1))}`,
    );
  const agrees = fc.property(
    fc.oneof(fc.json(), nearly, edited),
    (text) => (findJsonFault(text) === null) === isJson(text),
  );
  t.doesNotThrow(() => fc.assert(agrees, { numRuns: 5_000 }));
});

t.test('deep nesting costs no stack', async (t) => {
  t.equal(findJsonFault('['.repeat(100_000)), 100_000);
});
