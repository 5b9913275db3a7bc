import t from 'tap';
import type { PeerMessage } from '../../src/core/messages.js';
import { frameBytes } from '../../src/protocol/frame-size.js';
import { encodeMessage } from '../../src/protocol/peer-codec.js';
import { memberOf, messages } from './peer-samples.js';

t.test('the length that is told of a frame is the one that it has', async (t) => {
  for (const message of messages) t.equal(frameBytes(message), encodeMessage(message).length, message.type);
});

t.test('also where a number, a text or a list needs a longer prefix', async (t) => {
  const wholes = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52];
  const lengths = [1, 15, 16, 31, 32, 63, 64, 127, 255, 256, 1_000];
  const samples: PeerMessage[] = [
    ...wholes.map((seq): PeerMessage => ({ type: 'ran_ack', seq })),
    ...lengths.map(
      (length): PeerMessage => ({
        type: 'sync',
        members: Array(length).fill(memberOf()),
        answerWanted: false,
      }),
    ),
    ...lengths.map(
      (length): PeerMessage => ({
        type: 'progress',
        key: { job: 'x', epoch: 1, attempt: 1 },
        value: 'é'.repeat(length),
      }),
    ),
    ...[255, 256, 65_536].map(
      (length): PeerMessage => ({
        type: 'progress',
        key: { job: 'x', epoch: 1, attempt: 1 },
        value: 'a'.repeat(length),
      }),
    ),
  ];
  for (const message of samples)
    t.equal(frameBytes(message), encodeMessage(message).length, JSON.stringify(message).slice(0, 80));
});
