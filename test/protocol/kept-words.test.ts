import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { KnownHeads } from '../../src/protocol/known-heads.js';
import { parseLine } from '../../src/protocol/line-request.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('globalThis.gc') as () => void;

const lines = 200;
const payload = JSON.stringify('x'.repeat(60_000));

/** Bytes of heap that stay for each line as long as what `read` answers does. */
function keptPerLine(read: (line: string, n: number) => unknown): number {
  const kept: unknown[] = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < lines; n++) kept.push(read(`@a-tag-of-some-length SUBMIT a-task-with-a-long-name`, n));
  collect();
  return (process.memoryUsage().heapUsed - before) / kept.length;
}

const parse = (line: string, heads: KnownHeads | null = null) =>
  // As a socket brings it: text of one piece, of which V8 makes slices.
  parseLine(Buffer.from(line).toString(), { bodyBytesMax: limits.bodyBytesMax }, heads);

for (const option of [
  'key=a-key-of-some-length',
  'affinity=a-key-of-some-length',
  'node=a-node-with-a-long-name',
])
  t.test(`of a line, ${option} keeps no more than itself`, async (t) => {
    const bytes = keptPerLine((head, n) => {
      const parsed = parse(`${head} ${option}-${n} ${payload}`);
      return parsed.type === 'request' ? { ...parsed, request: null } : t.fail(parsed.type);
    });
    t.ok(bytes < 6_000, `${Math.round(bytes)} bytes`);
  });

t.test('what a connection remembers of its lines keeps none of their payloads', async (t) => {
  const bytes = keptPerLine((head, n) => {
    const heads = new KnownHeads();
    for (const priority of [1, 2, 2, 3, 3, n]) parse(`${head} priority=${priority} ${payload}`, heads);
    return heads;
  });
  t.ok(bytes < 12_000, `${Math.round(bytes)} bytes`);
});

t.test(
  'a payload of some size is of one piece with its line, and longer than what else is there',
  async (t) => {
    const bytes = keptPerLine((head) => parse(`${head} ${payload}`));
    t.ok(bytes > 60_000, `${Math.round(bytes)} bytes: the test would see what is kept`);
  },
);
