// Measures the line protocol alone, without a socket or a node: bytes to commands, and replies to bytes.
// Run: node dist/scripts/bench-lines.js
import { okReply } from '../src/core/reply.js';
import { defaultClientServerLimits } from '../src/net/line-server.js';
import { ByteBudget } from '../src/protocol/byte-budget.js';
import { helloText } from '../src/protocol/help.js';
import { LineSession } from '../src/protocol/line-session.js';

const roundMs = 1_500;
const chunkBytes = 64 * 1024;
const payload = JSON.stringify({ url: 'https://example.org/a/page', depth: 3, tags: ['x', 'y'] });
const asciiText = payload.padEnd(100);

const workloads: readonly (readonly [name: string, line: string])[] = [
  ['PING', 'PING\n'],
  ['@tag RUN, 100 bytes', `@t1 RUN echo ${asciiText}\n`],
  ['@tag SUBMIT with 3 options', `@t1 SUBMIT echo retries=3 timeout=30s priority=5 ${asciiText}\n`],
  ['@tag RUN, not ASCII', `@t1 RUN echo ${asciiText.replace('page', 'séite')}\n`],
  ['RUN with a body of 100 bytes', `RUN echo bytes=100\n${asciiText}\n`],
];

for (const [name, line] of workloads) {
  measure(line, 200);
  const { requests, ms } = measure(line, roundMs);
  console.log(
    `${name.padEnd(30)} ${Math.round((requests / ms) * 1_000)
      .toLocaleString('en')
      .padStart(12)} requests/s`,
  );
}

function measure(line: string, forMs: number): { requests: number; ms: number } {
  let seq = 0;
  let answered = 0;
  const session = new LineSession({
    limits: defaultClientServerLimits,
    tokenCheck: null,
    hello: helloText({}, { authRequired: false, limits: defaultClientServerLimits }),
    nextSeq: () => ++seq,
    ended: () => {},
    answered: () => {
      answered++;
    },
    receiving: new ByteBudget(defaultClientServerLimits.receivingBytesMax),
    refusedForRoom: () => {},
  });
  const stream = Buffer.from(line.repeat(Math.ceil((4 * chunkBytes) / line.length)));
  const result = okReply(asciiText);
  const startedAt = performance.now();
  for (let now = startedAt; now - startedAt < forMs; now = performance.now()) {
    for (let start = 0; start < stream.length; start += chunkBytes) {
      session.push(stream.subarray(start, start + chunkBytes));
      for (let next = session.next(); next !== null; next = session.next()) session.reply(next.seq, result);
      Buffer.from(session.takeOutput()?.data ?? '');
    }
  }
  return { requests: answered, ms: performance.now() - startedAt };
}
