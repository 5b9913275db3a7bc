import t from 'tap';
import { parseAddressList, parseClientAddress } from '../../src/client/addresses.js';
import { defaultNodeLimits, nodeLimitsOf } from '../../src/client/node-limits.js';
import { encodeRequest } from '../../src/client/request-line.js';
import { limits } from '../../src/core/limits.js';

t.test('a request is spelled on one line, options in order, the payload last', async (t) => {
  const request = {
    verb: 'RUN',
    operands: ['echo'],
    options: [['on', 'zone=eu'] as const, ['on', 'gpu=yes'] as const, ['retries', '3'] as const],
    payload: '{"a": 1}',
  };
  t.strictSame(encodeRequest(request), {
    text: 'RUN echo on=zone=eu on=gpu=yes retries=3 {"a": 1}\n',
    body: null,
  });
  t.strictSame(encodeRequest({ verb: 'NODES' }), { text: 'NODES\n', body: null });
});

t.test('a payload that does not fit the line, or breaks it, goes as a body', async (t) => {
  const room = limits.lineBytesMax - 34 - 'RUN e '.length;
  const fits = JSON.stringify('x'.repeat(room - 2));
  t.equal(encodeRequest({ verb: 'RUN', operands: ['e'], payload: fits }).text, `RUN e ${fits}\n`);
  const over = JSON.stringify('x'.repeat(room - 1));
  t.equal(
    encodeRequest({ verb: 'RUN', operands: ['e'], payload: over }).text,
    `RUN e bytes=${over.length}\n${over}\n`,
  );
  const accents = JSON.stringify('é'.repeat(room / 2));
  t.equal(
    encodeRequest({ verb: 'RUN', operands: ['e'], payload: accents }).text.split('\n')[0],
    `RUN e bytes=${Buffer.byteLength(accents)}`,
    'bytes are counted, not characters',
  );
  t.equal(
    encodeRequest({ verb: 'RUN', operands: ['e'], payload: '[1,\n2]' }).text,
    'RUN e bytes=6\n[1,\n2]\n',
  );
});

t.test('bytes go as a binary body', async (t) => {
  const payload = Buffer.from([0, 10, 255]);
  t.strictSame(encodeRequest({ verb: 'RUN', operands: ['e'], payload }), {
    text: 'RUN e bytes=3 type=binary\n',
    body: payload,
  });
});

t.test('a payload may be as large as the limit, and no larger', async (t) => {
  const payload = Buffer.alloc(limits.bodyBytesMax);
  t.ok(encodeRequest({ verb: 'RUN', operands: ['e'], payload }));
  const over = { verb: 'RUN', operands: ['e'], payload: Buffer.alloc(limits.bodyBytesMax + 1) };
  t.throws(() => encodeRequest(over), { code: 'BODY_TOO_LARGE' });
});

t.test('a node that takes less is sent less on a line, and no body over its limit', async (t) => {
  const small = { lineBytesMax: 100, bodyBytesMax: 200, requestsInFlightMax: 1 };
  const spelled = (length: number, options: readonly (readonly [string, string])[] = []) =>
    encodeRequest({ verb: 'RUN', operands: ['e'], options, payload: `"${'x'.repeat(length - 2)}"` }, small);
  t.equal(spelled(60).text, `RUN e "${'x'.repeat(58)}"\n`);
  t.equal(spelled(61).text, `RUN e bytes=61\n"${'x'.repeat(59)}"\n`);
  t.ok(spelled(200));
  t.throws(() => spelled(201), { code: 'BODY_TOO_LARGE', message: /201 bytes; this node takes at most 200/ });
  t.throws(() => spelled(60, [['key', 'k'.repeat(50)]]), { code: 'LINE_TOO_LONG', message: /at most 100/ });
  const wide = { ...defaultNodeLimits, lineBytesMax: 1024 * 1024 };
  const payload = JSON.stringify('x'.repeat(defaultNodeLimits.lineBytesMax));
  t.match(encodeRequest({ verb: 'RUN', operands: ['e'], payload }, wide).text, /^RUN e bytes=/);
});

t.test('the limits of a node are those of its HELLO, and the defaults where it tells none', async (t) => {
  const told = { lineBytesMax: 1024, bodyBytesMax: 2048, requestsInFlightMax: 1 };
  t.strictSame(nodeLimitsOf(JSON.stringify({ server: 'rondo', limits: { ...told, more: 1 } })), told);
  for (const hello of [
    '',
    'x',
    'null',
    '1',
    '{}',
    '{"limits":null}',
    '{"limits":1}',
    '{"limits":{"bodyBytesMax":0,"lineBytesMax":"9","requestsInFlightMax":1.5}}',
  ]) {
    t.strictSame(nodeLimitsOf(hello), defaultNodeLimits, hello);
  }
});

t.test('nothing can break out of its line', async (t) => {
  for (const word of ['a b', 'a\nLEAVE', 'a\r', '', 'a\u0000', 'a\u2028b']) {
    const bad = { code: 'BAD_REQUEST' };
    t.throws(() => encodeRequest({ verb: 'STATUS', operands: [word] }), bad, encodeURI(word));
    t.throws(() => encodeRequest({ verb: 'RUN', operands: ['e'], options: [['key', word]] }), bad);
  }
  const long = { verb: 'RUN', operands: ['e'], options: [['key', 'k'.repeat(limits.lineBytesMax)] as const] };
  t.throws(() => encodeRequest(long), { code: 'LINE_TOO_LONG' });
});

t.test('addresses are read, and a wrong one is named', async (t) => {
  t.strictSame(parseAddressList('a:1, [::1]:7411,,a:1'), ['a:1', '[::1]:7411']);
  t.strictSame(parseClientAddress('[::1]:7411'), { host: '::1', port: 7411 });
  for (const text of ['a', 'a:', ':1', 'a:0', 'a:65536', '::1:7411', 'http://a:1', 'a b:1', 'a:1x']) {
    t.throws(
      () => parseClientAddress(text),
      { code: 'BAD_ADDRESS', message: new RegExp(`^${escaped(text)}`) },
      text,
    );
  }
  t.throws(() => parseAddressList(' , '), { code: 'BAD_ADDRESS' });
});

function escaped(text: string): string {
  return JSON.stringify(text).replace(/[[\]]/g, '\\$&');
}
