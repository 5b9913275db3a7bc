import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createLogger } from '../../src/node/logging.js';

/** What a log says in the end of these warnings, each at its moment. */
async function written(
  t: Test,
  warnings: readonly { readonly atMs: number; readonly text: string; readonly fields?: object }[],
): Promise<{ msg: string; time: string; lastAt: string }[]> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-logging-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'log');
  let nowMs = 0;
  const logger = await createLogger({
    level: 'info',
    pretty: false,
    descriptor: openSync(path, 'w'),
    nowMs: () => nowMs,
  });
  for (const { atMs, text, fields } of warnings) {
    nowMs = atMs;
    logger.log('warn', text, { ...fields });
  }
  nowMs = 47_000;
  await logger.close();
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

t.test('a warning that was held back says when it was, not only when it is written', async (t) => {
  const lines = await written(
    t,
    [0, 1_000, 2_000].map((atMs) => ({ atMs, text: 'dan is dead' })),
  );
  t.match(lines, [
    { msg: 'dan is dead' },
    { msg: 'dan is dead (2 more like this, the last 45s ago)', repeated: 2 },
  ]);
  const { time, lastAt } = lines[1] as (typeof lines)[number];
  t.ok(Math.abs(Date.parse(time) - Date.parse(lastAt) - 45_000) < 1_000);
});

t.test('the second death of a member is told when it dies, and so is that of a namesake', async (t) => {
  const lines = await written(t, [
    { atMs: 0, text: 'dan is dead', fields: { id: 'a', incarnation: 1 } },
    { atMs: 5_000, text: 'dan is dead', fields: { id: 'a', incarnation: 2 } },
    { atMs: 6_000, text: 'dan is dead', fields: { id: 'b', incarnation: 2 } },
  ]);
  t.strictSame(
    lines.map(({ msg }) => msg),
    ['dan is dead', 'dan is dead', 'dan is dead'],
    'none was held back',
  );
});
