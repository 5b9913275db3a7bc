import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createLogger } from '../../src/node/logging.js';

t.test('a warning that was held back says when it was, not only when it is written', async (t) => {
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
  for (nowMs of [0, 1_000, 2_000]) logger.log('warn', 'dan is dead');
  nowMs = 47_000;
  await logger.close();
  const lines = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines, [
    { msg: 'dan is dead' },
    { msg: 'dan is dead (2 more like this, the last 45s ago)', repeated: 2 },
  ]);
  const { time, lastAt } = lines[1];
  t.ok(Math.abs(Date.parse(time) - Date.parse(lastAt) - 45_000) < 1_000);
});
