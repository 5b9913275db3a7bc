import { pack, unpack } from 'msgpackr';
import t from 'tap';
import { goodbyeReasons, type Hello } from '../../src/core/hello.js';
import { limits } from '../../src/core/limits.js';
import { incarnationMax } from '../../src/core/member.js';
import { foreignProtocol } from '../../src/protocol/frame-foreign.js';
import { decodeFrame, encodeGoodbye, encodeHello, type PeerFrame } from '../../src/protocol/peer-codec.js';
import { explainRefusal, judgeHello } from '../../src/protocol/peer-hello.js';
import { helloOf, nodeB } from './peer-samples.js';

function decodeValues(values: unknown): PeerFrame {
  const bytes = pack(values);
  return decodeFrame(bytes, 0, bytes.length);
}

const other: Partial<Hello> = { node: nodeB, instance: 'vvvvv', name: 'b' };

t.test('a hello comes back as it was, and the longest fits what is read before it is accepted', (t) => {
  const longest = helloOf({
    cluster: 'c'.repeat(64),
    name: 'n'.repeat(64),
    incarnation: incarnationMax,
    address: `${`${'h'.repeat(62)}.`.repeat(4).slice(0, 251)}h:65535`,
  });
  for (const hello of [helloOf(), longest]) {
    const frame = encodeHello(hello);
    t.strictSame(decodeFrame(frame, 4, frame.length), { type: 'hello', hello });
    t.ok(frame.length <= limits.helloBytesMax);
  }
  t.end();
});

t.test('every goodbye reason comes back, and a newer one is no fault', (t) => {
  for (const reason of goodbyeReasons) {
    const frame = encodeGoodbye(reason);
    t.same(decodeFrame(frame, 4, frame.length), { type: 'goodbye', reason });
  }
  t.same(decodeValues([1, 100]), { type: 'goodbye', reason: null });
  t.end();
});

t.test('a hello with a wrong field is refused', (t) => {
  const values = unpack(encodeHello(helloOf()).subarray(4)) as unknown[];
  t.equal(decodeValues([...values, 'added by a newer node']).type, 'hello');
  const wrong: readonly (readonly [field: number, value: unknown])[] = [
    [1, 'rodno'],
    [2, 0],
    [3, 0],
    [4, 'two words'],
    [4, 'line\nbreak'],
    [5, 'short'],
    [6, 'TOOBIG'],
    [7, incarnationMax + 1],
    [7, Number.NaN],
    [8, '\0'],
    [9, 'nowhere'],
  ];
  for (const [field, value] of wrong) {
    t.throws(
      () => decodeValues(values.with(field, value)),
      { code: 'FIELD_INVALID' },
      `field ${field}: ${value}`,
    );
  }
  t.end();
});

t.test('a link is refused on both sides alike, and the words say what to do', (t) => {
  const cases: readonly (readonly [changes: Partial<Hello>, refusal: string | null, words: RegExp])[] = [
    [other, null, /./],
    [{ instance: 'vvvvv' }, null, /./],
    [{ ...other, versionMax: 9 }, null, /./],
    [{ ...other, versionMin: 2, versionMax: 3 }, 'version_mismatch', /upgrade/],
    [{ ...other, cluster: 'test' }, 'wrong_cluster', /"test".*"main"|"main".*"test"/],
    [{}, 'self_link', /own address/],
  ];
  for (const [changes, refusal, words] of cases) {
    const theirs = helloOf(changes);
    t.equal(judgeHello(helloOf(), theirs), refusal);
    t.equal(judgeHello(theirs, helloOf()), refusal);
    if (refusal === null) continue;
    t.match(explainRefusal(refusal as 'self_link', helloOf(), theirs), words);
    t.match(explainRefusal(refusal as 'self_link', theirs, helloOf()), words);
  }
  t.end();
});

t.test('other protocols are told by their first bytes', (t) => {
  t.equal(foreignProtocol(Buffer.from('GET / HTT')), 'HTTP');
  t.equal(foreignProtocol(Buffer.from('POST /x H')), 'HTTP');
  t.equal(foreignProtocol(Buffer.from([0x16, 3, 1, 2, 0, 1])), 'TLS');
  t.equal(foreignProtocol(Buffer.from([0x15, 3, 3, 0, 2, 2])), 'TLS');
  t.equal(foreignProtocol(Buffer.from('PING\n')), 'the line protocol');
  t.equal(foreignProtocol(Buffer.from('@1 submit')), 'the line protocol');
  t.equal(foreignProtocol(encodeHello(helloOf()).subarray(0, 8)), null);
  t.equal(foreignProtocol(Buffer.from([0xff, 0xff, 0xff, 0xff])), null);
  t.end();
});
