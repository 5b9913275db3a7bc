import t from 'tap';
import { parseReply, ReplyDecoder } from '../../src/client/reply-decoder.js';
import { RondoError } from '../../src/core/errors.js';

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

t.test('an error needs no message, and its code may be a new one', async (t) => {
  t.strictSame(parseReply('@a ERR NEVER_HEARD_OF'), {
    tag: 'a',
    reply: { ok: false, code: 'NEVER_HEARD_OF', message: '' },
  });
});

t.test('what is no reply is refused with what it was', async (t) => {
  for (const line of ['', 'HTTP/1.1 400 Bad Request', '@', '@1', '@1 OKAY', 'ERR', 'ERR lower case', 'ok']) {
    t.throws(() => parseReply(line), { code: 'BAD_REPLY' }, JSON.stringify(line));
  }
  t.throws(
    () => parseReply('HTTP/1.1 400'),
    new RondoError('BAD_REPLY', 'this is no reply of a node: "HTTP/1.1 400"'),
  );
});
