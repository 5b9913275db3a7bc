import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { formatDuration } from '../../src/core/units.js';
import { durationOf } from '../../src/protocol/durations.js';
import { timestampOf } from '../../src/protocol/timestamps.js';

t.test('durations are read in their unit', async (t) => {
  t.equal(durationOf('250ms'), 250);
  t.equal(durationOf('30s'), 30_000);
  t.equal(durationOf('5m'), 300_000);
  t.equal(durationOf('2h'), 7_200_000);
  t.equal(durationOf('0ms'), 0);
  t.equal(durationOf('007s'), 7_000);
});

t.test('a duration is at most the limit', async (t) => {
  t.equal(durationOf(`${limits.durationMsMax}ms`), limits.durationMsMax);
  t.equal(durationOf(`${limits.durationMsMax + 1}ms`), 'a duration is at most 87600h');
  t.equal(durationOf(`${'9'.repeat(400)}h`), 'a duration is at most 87600h');
});

t.test('what is no duration is told so', async (t) => {
  for (const text of [
    '',
    '5',
    's',
    '-5s',
    '+5s',
    '1.5s',
    '1e3s',
    '5 s',
    '5S',
    '5d',
    '1000000000d',
    '5s\n',
    '٥s',
    'Infinityms',
  ]) {
    t.type(durationOf(text), 'string', JSON.stringify(text));
  }
});

t.test('a duration is written in the largest unit that fits', async (t) => {
  t.equal(formatDuration(0), '0ms');
  t.equal(formatDuration(1_500), '1500ms');
  t.equal(formatDuration(90_000), '90s');
  t.equal(formatDuration(7_200_000), '2h');
  t.equal(formatDuration(2.4), '2ms');
  for (const ms of [1, 999, 1_000, 60_000, 61_000, 3_600_000]) t.equal(durationOf(formatDuration(ms)), ms);
});

t.test('times need their zone, and to be days that there are', async (t) => {
  t.equal(timestampOf('1970-01-01T00:00:00Z', 0), 0);
  t.equal(timestampOf('1970-01-01T01:00+01:00', 0), 0);
  t.equal(timestampOf('1975-01-31T08:00:00.5Z', 0), Date.UTC(1975, 0, 31, 8, 0, 0, 500));
  for (const text of [
    '',
    '2030-01-31',
    '2030-01-31T08:00:00',
    '2030-02-30T08:00:00Z',
    '2030-00-10T08:00:00Z',
    '1969-12-31T23:59:59Z',
    '2030-01-31T25:00:00Z',
    '2030-01-31T08:60:00Z',
    '2030-01-31 08:00:00Z',
    '2030-01-31T08:00:00+99:00',
  ]) {
    t.match(timestampOf(text, 0), /^a time is ISO 8601 with its zone: /, text);
  }
});

t.test('a time may be over, and is at most as far away as a duration is long', async (t) => {
  const nowMs = Date.UTC(2030, 0, 1);
  t.equal(timestampOf('1970-01-01T00:00:00Z', nowMs), 0);
  const lastMs = nowMs + limits.durationMsMax;
  t.equal(timestampOf(new Date(lastMs).toISOString(), nowMs), lastMs);
  t.equal(timestampOf(new Date(lastMs + 1).toISOString(), nowMs), 'a time is at most 87600h from now');
});
