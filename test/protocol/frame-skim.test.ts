import fc from 'fast-check';
import { pack } from 'msgpackr';
import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { skimFrame } from '../../src/protocol/frame-skim.js';
import { decodeFrame } from '../../src/protocol/peer-codec.js';
import { PeerFault } from '../../src/protocol/peer-fault.js';

const malformed = { code: 'FRAME_MALFORMED' };

function skim(...bytes: number[]): number {
  return skimFrame(Buffer.from(bytes), 0, bytes.length);
}

t.test('plain values of every type and width pass, and the kind comes out', (t) => {
  const plain = [null, true, false, 1, 200, 70_000, 2 ** 40, -1, -100, -40_000, 1.5, 'x', 'y'.repeat(40)];
  const long = ['z'.repeat(300), 'z'.repeat(70_000), Buffer.alloc(10), Buffer.alloc(70_000), [[1], []]];
  const frame = pack([19, ...plain, ...long, Array.from({ length: 20 }, () => 1)]);
  t.equal(skimFrame(frame, 0, frame.length), 19);
  t.equal(skim(0xdc, 0, 1, 5), 5, 'an array with a 16-bit count');
  t.equal(skim(0xdd, 0, 0, 0, 1, 6), 6, 'an array with a 32-bit count');
  t.end();
});

t.test('counts and lengths that lie are refused before anything is built', (t) => {
  const lies: readonly (readonly [name: string, bytes: readonly number[]])[] = [
    ['an array of 2^32-1', [0xdd, 0xff, 0xff, 0xff, 0xff, 1]],
    ['an array of 65,535', [0xdc, 0xff, 0xff, 1]],
    ['a short array', [0x93, 1, 2]],
    ['a string of 2^32-1', [0x92, 1, 0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ['a string of 65,535', [0x92, 1, 0xda, 0xff, 0xff, 0x61]],
    ['a short string', [0x92, 1, 0xa5, 0x61]],
    ['bytes of 2^32-1', [0x92, 1, 0xc6, 0xff, 0xff, 0xff, 0xff]],
    ['a length cut short', [0x92, 1, 0xdb, 0, 0]],
    ['a number cut short', [0x92, 1, 0xcf, 0, 0]],
    ['nested lies', [0x92, 1, 0x9f, 0x9f, 0x9f, 1]],
    ['bytes after the array', [0x91, 1, 0]],
  ];
  for (const [name, bytes] of lies) t.throws(() => skim(...bytes), malformed, name);
  t.end();
});

t.test('100 KB of nested arrays are refused at the depth limit', (t) => {
  t.throws(() => skimFrame(Buffer.alloc(100_000, 0x91), 0, 100_000), { ...malformed, message: /deep/ });
  const nested = (depth: number): Buffer =>
    Buffer.concat([Buffer.from([0x92, 1]), Buffer.alloc(depth - 2, 0x91), Buffer.from([0x90])]);
  t.equal(
    skimFrame(nested(limits.frameDepthMax), 0, limits.frameDepthMax + 1),
    1,
    'the deepest that is allowed',
  );
  t.throws(
    () => skimFrame(nested(limits.frameDepthMax + 1), 0, limits.frameDepthMax + 2),
    malformed,
    'one more',
  );
  t.end();
});

t.test('maps, extension types and unused tokens are refused, whatever they hold', (t) => {
  const polluting = pack([1, JSON.parse('{"__proto__":{"polluted":true}}')]);
  t.throws(() => decodeFrame(polluting, 0, polluting.length), malformed, '__proto__ as a key');
  t.equal(({} as { polluted?: boolean }).polluted, undefined);
  for (const value of [new Date(), new Map([[1, 2]]), undefined, new Error('x')]) {
    const frame = pack([1, value]);
    t.throws(() => skimFrame(frame, 0, frame.length), malformed, String(value));
  }
  const recordDefinition = [0x92, 1, 0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1];
  t.throws(() => skim(...recordDefinition), malformed, 'the definition of a record');
  for (const token of [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0x80, 0x81, 0xde, 0xdf]) {
    t.throws(() => skim(0x92, 1, token, ...Array<number>(20).fill(0)), malformed, token.toString(16));
  }
  t.end();
});

t.test('what is no array, is empty, or begins with no kind is refused', (t) => {
  t.throws(() => skim(5), malformed, 'a number');
  t.throws(() => skim(0xa1, 0x61), malformed, 'a string');
  t.throws(() => skim(0x90), malformed, 'an empty array');
  t.throws(
    () => skimFrame(Buffer.from([0xdc, 0, 0, 5]), 0, 3),
    malformed,
    'an empty array before other bytes',
  );
  t.throws(() => skim(0x91, 0xff), malformed, 'a kind of -1');
  t.throws(() => skim(0x91, 0xcc, 200), malformed, 'a kind of 200');
  t.throws(() => skim(0x91, 0xa1, 0x61), malformed, 'a kind that is a string');
  t.end();
});

t.test('only the given range is looked at', (t) => {
  const bytes = Buffer.from([0xff, 0x92, 7, 8, 0xff]);
  t.equal(skimFrame(bytes, 1, 4), 7);
  t.throws(() => skimFrame(bytes, 1, 3), malformed);
  t.end();
});

t.test('what passes can be decoded or is a fault, for any bytes', (t) => {
  const msgpackLike = fc.array(fc.oneof(fc.integer({ min: 0x90, max: 0xdf }), fc.nat(255)), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.nat(45), msgpackLike, (kind, rest) => {
      const bytes = Buffer.from([0x90 + Math.min(15, rest.length + 1), kind, ...rest]);
      try {
        decodeFrame(bytes, 0, bytes.length);
      } catch (error) {
        if (!(error instanceof PeerFault)) throw error;
      }
    }),
    { numRuns: 5_000 },
  );
  t.end();
});
