import fc from 'fast-check';
import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { KnownHeads } from '../../src/protocol/known-heads.js';
import { type ParsedLine, parseKnown, parseLine } from '../../src/protocol/line-request.js';

const limit = { bodyBytesMax: limits.bodyBytesMax };

/** A reader that learns, as a connection does; `wasKnown` of the line that was read last. */
function reader() {
  const heads = new KnownHeads();
  const read = {
    wasKnown: false,
    line(text: string): ParsedLine {
      const bytes = Buffer.from(text, 'latin1');
      const known = heads.match(bytes, 0, bytes.length);
      read.wasKnown = known !== null;
      return known === null ? parseLine(text, limit, heads) : parseKnown(known);
    },
  };
  return read;
}

/** What a line asks for, whichever way it was read. */
function meaning(parsed: ParsedLine): unknown {
  const { tag, verb } = parsed;
  const what =
    parsed.type === 'request' ? parsed.request : parsed.type === 'refusal' ? parsed.error : parsed.body;
  return { type: parsed.type, tag, verb: verb?.name ?? null, what };
}

t.test('a head that comes for the third time is known, and its line means the same', async (t) => {
  const read = reader();
  const line = (n: number): string => `@j${n} RUN resize node=worker-1 ttl=0s {"n":${n}}`;
  for (let n = 1; n <= 4; n++) {
    t.strictSame(meaning(read.line(line(n))), meaning(parseLine(line(n), limit)));
    t.equal(read.wasKnown, n > 2, `line ${n}`);
  }
  read.line('RUN resize node=worker-1 ttl=0s [1]');
  t.ok(read.wasKnown, 'also without a tag');
});

t.test('bad JSON, a bad tag and a head that is only alike are told as ever', async (t) => {
  const read = reader();
  for (let n = 0; n < 3; n++) read.line(`@${n} SUBMIT echo {"n":${n}}`);
  for (const text of [
    '@a SUBMIT echo {"n":',
    '@a SUBMIT echo {"n":1} bytes=5',
    '@a SUBMIT echo {bytes=5',
    '@a! SUBMIT echo {"n":1}',
    '@ SUBMIT echo {"n":1}',
    `@${'a'.repeat(33)} SUBMIT echo {"n":1}`,
    '@a SUBMIT echo',
    '@a SUBMIT echo ',
    '@a SUBMIT echo 5',
    '@a SUBMIT echo delay=1s {"n":1}',
    '@a SUBMIT echos {"n":1}',
    '@a  SUBMIT echo {"n":1}',
    '@a submit echo {"n":1}',
    '@a',
    '@',
    '',
  ])
    t.strictSame(meaning(read.line(text)), meaning(parseLine(text, limit)), text);
});

t.test('options that say when are read anew each time', async (t) => {
  const read = reader();
  const at = '@a SUBMIT echo at=2030-01-31T08:00:00Z {}';
  const cron = '@a SCHEDULE echo cron=@hourly {}';
  for (const text of [at, at, at, cron, cron, cron]) {
    read.line(text);
    t.notOk(read.wasKnown, text);
  }
});

t.test('no line is read otherwise for what was read before it', async () => {
  const word = fc.constantFrom(
    'RUN',
    'SUBMIT',
    'PUBLISH',
    'PING',
    'echo',
    'room.1',
    'ttl=0s',
    'key=k',
    'bytes=3',
    '{"a":1}',
    '[',
    '"x"',
    '7',
    '@t',
    '',
  );
  const line = fc.array(word, { maxLength: 6 }).map((words) => words.join(' '));
  // Few lines, often the same ones: else hardly any head would come twice.
  const lines = fc
    .array(line, { minLength: 1, maxLength: 3 })
    .chain((few) => fc.array(fc.constantFrom(...few), { maxLength: 12 }));
  fc.assert(
    fc.property(lines, (lines) => {
      const read = reader();
      return lines.every(
        (text) =>
          JSON.stringify(meaning(read.line(text))) === JSON.stringify(meaning(parseLine(text, limit))),
      );
    }),
    { numRuns: 2_000 },
  );
});
