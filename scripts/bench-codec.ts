/**
 * How long the peer codec takes for the messages of the hot path, each way, validation included.
 * Run it with: node dist/scripts/bench-codec.js
 */
import type { PeerMessage } from '../src/core/messages.js';
import { FrameDecoder } from '../src/protocol/frame-decoder.js';
import { decodeFrame, encodeMessage } from '../src/protocol/peer-codec.js';

const key = { job: '0123456789ab-cdefg-1z', epoch: 1, attempt: 1 };
const rumours = [
  { type: 'suspect', node: '0123456789ab', incarnation: 1_048_577, accuser: 'ba9876543210' },
] as const;
const messages: readonly (readonly [name: string, message: PeerMessage])[] = [
  [
    'run, 100 bytes of arguments',
    {
      type: 'run',
      key,
      task: 'echo',
      args: 'x'.repeat(100),
      priority: 0,
      timeoutMs: 60_000,
      isolate: false,
      session: 1,
    },
  ],
  [
    'ran, 100 bytes of result',
    { type: 'ran', seq: 70_000, key, outcome: { type: 'done', result: 'x'.repeat(100) } },
  ],
  ['ran_ack', { type: 'ran_ack', seq: 70_000 }],
  ['grant', { type: 'grant', window: 64 }],
  ['ping', { type: 'ping', seq: 70_000, rumours: [] }],
  ['ack with a rumour', { type: 'ack', seq: 70_000, rumours }],
];
const framesPerChunk = 256;
const rounds = 2_000;

console.log(
  `${'message'.padEnd(30)} ${'bytes'.padStart(6)} ${'encode'.padStart(10)} ${'decode'.padStart(10)}`,
);
for (const [name, message] of messages) {
  const frame = Buffer.from(encodeMessage(message));
  const chunk = Buffer.concat(Array.from({ length: framesPerChunk }, () => frame));
  const encodeUs = microsecondsEach(() => {
    for (let index = 0; index < framesPerChunk; index++) encodeMessage(message);
  });
  const decodeUs = microsecondsEach(() => {
    // A new buffer each time, as a socket gives them.
    new FrameDecoder().feed(chunk.subarray(), (bytes, start, end) => {
      decodeFrame(bytes, start, end);
      return true;
    });
  });
  console.log(
    `${name.padEnd(30)} ${String(frame.length).padStart(6)} ${encodeUs.toFixed(2).padStart(7)} µs ${decodeUs.toFixed(2).padStart(7)} µs`,
  );
}

/** The median of some runs, after warming up, per frame. */
function microsecondsEach(chunkOfFrames: () => void): number {
  const runs = Array.from({ length: 6 }, () => {
    const startedAtMs = performance.now();
    for (let round = 0; round < rounds / 5; round++) chunkOfFrames();
    return ((performance.now() - startedAtMs) * 1_000) / ((rounds / 5) * framesPerChunk);
  });
  return runs.slice(1).sort((a, b) => a - b)[2] ?? 0;
}
