import t from 'tap';
import { ReplyDecoder } from '../../src/client/reply-decoder.js';
import { RondoError } from '../../src/core/errors.js';
import { limits } from '../../src/core/limits.js';

const dialogue = Buffer.from(
  '@0 OK\n@1 OK {"a":"é\u{1f600}"}\r\nOK pong\n@2 ERR BUSY retry-after=50ms the queue is full\n',
);
const replies = [
  { tag: '0', reply: { ok: true, text: '' } },
  { tag: '1', reply: { ok: true, text: '{"a":"é\u{1f600}"}' } },
  { tag: null, reply: { ok: true, text: 'pong' } },
  { tag: '2', reply: { ok: false, code: 'BUSY', message: 'retry-after=50ms the queue is full' } },
];

t.test('replies are the same whatever the chunks', async (t) => {
  t.strictSame(new ReplyDecoder().push(dialogue), replies, 'whole');
  const byteAtATime = new ReplyDecoder();
  t.strictSame(
    [...dialogue].flatMap((byte) => byteAtATime.push(Buffer.from([byte]))),
    replies,
    'a byte at a time',
  );
  for (let at = 1; at < dialogue.length; at++) {
    const decoder = new ReplyDecoder();
    const cut = [...decoder.push(dialogue.subarray(0, at)), ...decoder.push(dialogue.subarray(at))];
    t.strictSame(cut, replies, `cut at ${at}`);
  }
});

t.test('half a reply is no reply', async (t) => {
  t.strictSame(new ReplyDecoder().push(Buffer.from('@1 OK {"a"')), []);
});

t.test('a line may be as long as the limit, and no longer', async (t) => {
  const line = `@1 OK ${'x'.repeat(94)}`;
  t.equal(new ReplyDecoder(line.length).push(Buffer.from(`${line}\n`)).length, 1);
  const bad = { code: 'BAD_REPLY' };
  t.throws(() => new ReplyDecoder(line.length - 1).push(Buffer.from(`${line}\n`)), bad, 'in one piece');
  const decoder = new ReplyDecoder(10);
  decoder.push(Buffer.from('@1 OK xxxx'));
  t.throws(() => decoder.push(Buffer.from('x')), bad, 'without a line break');
});

const read = (text: string) => new ReplyDecoder().push(Buffer.from(text));

t.test('an error needs no message, and its code may be a new one', async (t) => {
  t.strictSame(read('@a ERR NEVER_HEARD_OF\n'), [
    { tag: 'a', reply: { ok: false, code: 'NEVER_HEARD_OF', message: '' } },
  ]);
});

t.test('what is no reply is refused with what it was', async (t) => {
  for (const line of [
    '',
    'HTTP/1.1 400 Bad Request',
    '@',
    '@1',
    '@1 OKAY',
    'ERR',
    'ERR lower case',
    'ok',
    '*',
  ]) {
    t.throws(() => read(`${line}\n`), { code: 'BAD_REPLY' }, JSON.stringify(line));
  }
  t.throws(
    () => read('HTTP/1.1 400\n'),
    new RondoError('BAD_REPLY', 'this is no reply of a node: "HTTP/1.1 400"'),
  );
});

const streamed = Buffer.concat([
  Buffer.from('@r * state {"id":"a"}\n@r * data {"n":1}\n@r * data bytes=5 type=binary\n'),
  Buffer.from([10, 0, 255, 10, 64]),
  Buffer.from(
    '\n@s * message bytes=0 type=binary topic=a.b\n\n@r * news\n@r OK bytes=3 type=binary\nOK\n\n@s OK 2\n',
  ),
]);
const told = [
  { tag: 'r', item: { kind: 'state', text: '{"id":"a"}', bytes: null } },
  { tag: 'r', item: { kind: 'data', text: '{"n":1}', bytes: null } },
  { tag: 'r', item: { kind: 'data', text: '', bytes: Buffer.from([10, 0, 255, 10, 64]) } },
  { tag: 's', item: { kind: 'message', text: 'topic=a.b', bytes: Buffer.alloc(0) } },
  { tag: 'r', item: { kind: 'news', text: '', bytes: null } },
  { tag: 'r', reply: { ok: true, text: '', bytes: Buffer.from('OK\n') } },
  { tag: 's', reply: { ok: true, text: '2' } },
];

t.test('items and bodies are the same whatever the chunks', async (t) => {
  t.strictSame(new ReplyDecoder().push(streamed), told, 'whole');
  const byteAtATime = new ReplyDecoder();
  t.strictSame(
    [...streamed].flatMap((byte) => byteAtATime.push(Buffer.from([byte]))),
    told,
    'a byte at a time',
  );
  for (let at = 1; at < streamed.length; at++) {
    const decoder = new ReplyDecoder();
    const cut = [...decoder.push(streamed.subarray(0, at)), ...decoder.push(streamed.subarray(at))];
    t.strictSame(cut, told, `cut at ${at}`);
  }
});

t.test('bytes are handed on as a copy, which holds on to nothing else that was read', async (t) => {
  const chunk = Buffer.concat([
    Buffer.from('@1 OK bytes=20000 type=binary\n'),
    Buffer.alloc(20_000, 7),
    Buffer.from('\n'),
  ]);
  const [first] = new ReplyDecoder().push(chunk);
  t.ok(first !== undefined && 'reply' in first && first.reply.ok);
  const bytes = first !== undefined && 'reply' in first && first.reply.ok ? first.reply.bytes : undefined;
  chunk.fill(0);
  t.equal(
    bytes?.every((byte) => byte === 7),
    true,
  );
});

t.test('bytes over the limit, or without a line break after them, are refused', async (t) => {
  const bad = { code: 'BAD_REPLY' };
  const max = limits.bodyBytesMax + limits.lineBytesMax;
  t.strictSame(read(`@1 OK bytes=${max} type=binary\n`), []);
  t.throws(() => read(`@1 OK bytes=${max + 1} type=binary\n`), bad);
  const roomy = new ReplyDecoder();
  roomy.expectBodies(2 * limits.bodyBytesMax);
  t.strictSame(roomy.push(Buffer.from(`@1 OK bytes=${max + 1} type=binary\n`)), [], 'the node may give more');
  t.throws(() => read('@1 * data bytes=2 type=binary\nabc\n'), bad);
});
