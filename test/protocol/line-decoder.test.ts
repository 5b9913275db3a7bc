import fc from 'fast-check';
import t from 'tap';
import { KnownHeads } from '../../src/protocol/known-heads.js';
import { type DecoderEvent, LineDecoder } from '../../src/protocol/line-decoder.js';

const lineBytesMax = 64;

/** What a decoder finds; a line `take N` or `skip N` says what follows it. Events in short. */
function decode(pieces: readonly Buffer[], options: { end?: boolean } = {}): string[] {
  const decoder = new LineDecoder(lineBytesMax, new KnownHeads());
  const found: string[] = [];
  const drain = (): void => {
    for (let event = decoder.next(); event !== null; event = decoder.next()) {
      found.push(inShort(event));
      const [word, bytes] = typeof event === 'string' ? event.split(' ') : [];
      if (word === 'take') decoder.expectBody(Number(bytes));
      if (word === 'skip') decoder.skipBody(Number(bytes));
    }
  };
  for (const piece of pieces) {
    decoder.push(piece);
    drain();
  }
  if (options.end === true) {
    decoder.end();
    drain();
  }
  return found;
}

function inShort(event: string | DecoderEvent): string {
  if (typeof event === 'string') return event;
  switch (event.type) {
    case 'body':
      return `body:${event.bytes.toString('latin1')}:${event.isText}`;
    case 'bad_text':
      return `bad_text:${event.text}`;
    case 'foreign':
      return `foreign:${event.protocol}`;
    case 'end':
      return `end:${event.inside}:${event.bytesMissing}`;
    default:
      return event.type;
  }
}

const bytewise = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.from([byte]));

const stream = Buffer.from('PING\r\n\nRUN é 😀\ntake 5\na\nb\r\n\nskip 3\nxyz\r\ntake 0\n\nlast\n');
const streamFound = [
  'PING',
  '',
  'RUN é 😀',
  'take 5',
  'body:a\nb\r\n:true',
  'skip 3',
  'take 0',
  'body::true',
  'last',
];

t.test('lines and bodies are the same whole, a byte at a time, and split at every byte', async (t) => {
  t.strictSame(decode([stream]), streamFound);
  t.strictSame(decode(bytewise(stream)), streamFound);
  for (let at = 0; at <= stream.length; at++) {
    t.strictSame(decode([stream.subarray(0, at), stream.subarray(at)]), streamFound, `split at ${at}`);
  }
});

t.test('any bytes in any pieces give the same, and never throw', async () => {
  const words = fc.constantFrom(
    'PING\n',
    'take 3\n',
    'skip 2\n',
    '\n',
    '\r',
    'é',
    '\xff',
    'GET / HTTP',
    '\x16',
  );
  const bytes = fc
    .array(fc.oneof(words, fc.string({ maxLength: 80 })), { maxLength: 12 })
    .map((parts) =>
      Buffer.concat(parts.map((part) => Buffer.from(part, part === '\xff' ? 'latin1' : 'utf8'))),
    );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(200), { maxLength: 6 }), (bytes, cuts) => {
      const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
      const pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
      const whole = decode([bytes], { end: true });
      return JSON.stringify(decode(pieces, { end: true })) === JSON.stringify(whole);
    }),
    { numRuns: 2_000 },
  );
});

t.test('a line may be as long as the limit, with or without a CR, and not one byte longer', async (t) => {
  const longest = 'x'.repeat(lineBytesMax);
  for (const cut of [bytewise, (bytes: Buffer) => [bytes]]) {
    t.strictSame(decode(cut(Buffer.from(`${longest}\nPING\n`))), [longest, 'PING']);
    t.strictSame(decode(cut(Buffer.from(`${longest}\r\nPING\n`))), [longest, 'PING']);
    t.strictSame(decode(cut(Buffer.from(`${longest}x\nPING\n`))), ['line_too_long']);
    t.strictSame(decode(cut(Buffer.from(`${longest}xx`))), ['line_too_long'], 'without waiting for its end');
  }
  t.strictSame(decode([Buffer.from(`${longest}x`)], { end: true }), ['line_too_long'], 'no break follows');
  t.strictSame(decode([Buffer.from(longest)], { end: true }), ['end:line:0']);
});

t.test('a line that is no UTF-8 is told as such, and the next one is read', async (t) => {
  t.strictSame(decode([Buffer.from('\xff\xfe\nPING\n\xc3\n', 'latin1')]), [
    'bad_text:\xff\xfe',
    'PING',
    'bad_text:\xc3',
  ]);
  t.strictSame(decode([Buffer.from('take 2\n\xff\xfe\n', 'latin1')]), ['take 2', 'body:\xff\xfe:false']);
});

t.test('whatever stands between a body and the next line break is passed over', async (t) => {
  t.strictSame(decode([Buffer.from('take 2\nabcde\nPING\n')]), [
    'take 2',
    'body:ab:true',
    'no_break_after_body',
    'PING',
  ]);
  t.strictSame(decode([Buffer.from('skip 2\nab\rx\nPING\n')]), ['skip 2', 'no_break_after_body', 'PING']);
});

t.test('the end is told with what it cut short', async (t) => {
  const ends = (text: string): string | undefined => decode([Buffer.from(text)], { end: true }).pop();
  t.equal(ends(''), 'end:null:0');
  t.equal(ends('PING\n'), 'end:null:0');
  t.equal(ends('PIN'), 'end:line:0');
  t.equal(ends('a long line without an end'), 'end:line:0');
  t.equal(ends('take 5\nab'), 'end:body:3');
  t.equal(ends('take 2\nab'), 'end:null:0', 'the last break may be left out');
  t.equal(ends('skip 2\nabc'), 'end:null:0');
});

t.test('HTTP and TLS are recognised at the opening only', async (t) => {
  for (const method of [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'DELETE',
    'CONNECT',
    'OPTIONS',
    'TRACE',
    'PATCH',
    'PRI',
  ]) {
    t.strictSame(decode([Buffer.from(`${method} / HTTP/1.1\r\n`)]), ['foreign:HTTP'], method);
    t.strictSame(
      decode(bytewise(Buffer.from(`${method} /`))),
      ['foreign:HTTP'],
      `${method}, a byte at a time`,
    );
  }
  t.strictSame(decode([Buffer.from([0x16])]), ['foreign:TLS']);
  t.strictSame(decode([Buffer.from('PING\nGET / HTTP/1.1\n\x16\n')]), ['PING', 'GET / HTTP/1.1', '\x16']);
  t.strictSame(decode([Buffer.from('GETTING\nGET\n')]), ['GETTING', 'GET']);
});

t.test('a body that is announced and not sent takes no memory', async (t) => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 100 }, () => {
    const decoder = new LineDecoder(lineBytesMax, new KnownHeads());
    decoder.push(Buffer.from('take\nabc'));
    decoder.next();
    decoder.expectBody(16 * 1024 * 1024);
    decoder.next();
    return decoder;
  });
  t.equal(decoders.length, 100);
  t.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
});
