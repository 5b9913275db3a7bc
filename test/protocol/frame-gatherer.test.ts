import fc from 'fast-check';
import { Packr } from 'msgpackr';
import t from 'tap';
import { FrameGatherer } from '../../src/protocol/frame-gatherer.js';
import { frameKinds } from '../../src/protocol/frame-kinds.js';
import { encodeMessage, fieldsAfterKind } from '../../src/protocol/peer-codec.js';
import { messages } from './peer-samples.js';

const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false });

t.test('every message is written as the packer packs it', async (t) => {
  const gatherer = new FrameGatherer(64 * 1024);
  const frames: Buffer[] = [];
  for (const message of messages) {
    const frame = encodeMessage(message);
    if (frame.length > 16 * 1024) continue;
    t.ok(gatherer.append(frameKinds[message.type], fieldsAfterKind(message)), message.type);
    frames.push(Buffer.from(frame));
    t.equal(gatherer.size, Buffer.concat(frames).length);
  }
  t.ok(gatherer.take().equals(Buffer.concat(frames)));
  t.ok(frames.length > 30);
});

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(
    -0,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    -32,
    -33,
    -128,
    -129,
    -32_768,
    -32_769,
  ),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const values = fc.array(fc.oneof(scalar, fc.array(fc.oneof(scalar, fc.array(scalar, { maxLength: 20 })))), {
  maxLength: 20,
});

t.test('text that was cut within a character is UTF-8 all the same', async (t) => {
  for (const text of ['\ud83d', `${'x'.repeat(60)}\ud83d`, `\ude00${'ü'.repeat(200)}`]) {
    const gatherer = new FrameGatherer(1_024);
    t.ok(gatherer.append(1, [text]));
    t.strictSame(packr.unpack(gatherer.take().subarray(4)), [1, Buffer.from(text).toString()]);
  }
});

t.test('whatever the values are, they are written as the packer packs them, or not at all', async () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 16, max: 20_000 }), (fields, capacity) => {
      const packed = packr.pack([7, ...fields]);
      const gatherer = new FrameGatherer(capacity);
      if (!gatherer.append(7, fields)) return gatherer.size === 0;
      return gatherer.take().subarray(4).equals(packed) && gatherer.take().readUInt32BE(0) === packed.length;
    }),
    { numRuns: 3_000 },
  );
});

t.test('one that does not fit leaves what was written as it is', async (t) => {
  const gatherer = new FrameGatherer(100);
  t.ok(gatherer.append(1, ['first']));
  const first = Buffer.from(gatherer.take());
  t.notOk(gatherer.append(1, ['x'.repeat(40), 'y'.repeat(40)]));
  t.notOk(gatherer.append(1, [Array.from({ length: 70_000 }, () => 1)]));
  t.ok(gatherer.take().equals(first));
  t.ok(gatherer.append(1, ['more']));
});
