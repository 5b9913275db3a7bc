import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { cronFault, nextTimeMs } from '../../src/protocol/cron.js';

const start = '2030-03-30T12:00:00.500Z';

/** The next times after `from`, as text. */
function times(cron: string, zone: string | null, from = start, count = 3): string[] {
  const found: string[] = [];
  for (let atMs = Date.parse(from); found.length < count; ) {
    const next = nextTimeMs(cron, zone, atMs);
    if (next === null) break;
    atMs = next;
    found.push(new Date(next).toISOString().replace('.000Z', ''));
  }
  return found;
}

t.test('five fields name minutes, six seconds, and nicknames what they say', async (t) => {
  t.same(times('*/20 * * * *', null), ['2030-03-30T12:20:00', '2030-03-30T12:40:00', '2030-03-30T13:00:00']);
  t.same(times('*/30 * * * * *', null, start, 2), ['2030-03-30T12:00:30', '2030-03-30T12:01:00']);
  t.same(times('@daily', null, start, 2), ['2030-03-31T00:00:00', '2030-04-01T00:00:00']);
  t.same(times('0 8 * * MON-FRI', null, start, 1), ['2030-04-01T08:00:00']);
  t.same(times('0 0 L 2 *', null, start, 2), ['2031-02-28T00:00:00', '2032-02-29T00:00:00']);
});

t.test('each time is after the one before, also where that is a time itself', async (t) => {
  t.same(times('* * * * *', null, '2030-01-01T00:00:00Z', 1), ['2030-01-01T00:01:00']);
});

t.test(
  'a time that a zone leaves out comes as soon as it can, and one that it has twice comes once',
  async (t) => {
    const zone = 'Europe/Berlin';
    t.same(times('30 2 * * *', zone, start, 2), ['2030-03-31T01:00:00', '2030-04-01T00:30:00']);
    t.same(times('30 2 * * *', zone, '2030-10-26T12:00:00Z', 2), [
      '2030-10-27T00:30:00',
      '2030-10-28T01:30:00',
    ]);
  },
);

t.test('the same question has the same answer, however often it is asked', async (t) => {
  const asked = [0, 1].map(() => times('7 3 * * *', 'Asia/Tokyo'));
  t.same(asked[0], asked[1]);
});

t.test(
  'of an expression that is wrong, the first field that is wrong is named, and what may stand there',
  async (t) => {
    const cases: [cron: string, why: RegExp][] = [
      ['60 * * * * *', /^"60" is no second: give 0 to 59/],
      ['0 5/10 * * * *', /^"5\/10" is no minute: .* steps \(\*\/2\)$/],
      ['* 24 * * *', /^"24" is no hour: give 0 to 23/],
      ['* 5-1 * * *', /^"5-1" is no hour: .* a range from lower to higher/],
      ['* * 32 13 *', /^"32" is no day of month: give 1 to 31 or L/],
      ['* * * 13 *', /^"13" is no month: give 1 to 12 or JAN to DEC/],
      ['* * * * XYZ', /^"XYZ" is no day of week: give 0 to 7 or SUN to SAT/],
      ['1,, * * * *', /^"1,," is no minute/],
      ['*/0 * * * *', /^"\*\/0" is no minute/],
      ['*  13 * 13 *', /^"13" is no month/],
    ];
    for (const [cron, why] of cases) t.match(cronFault(cron, null, Date.parse(start)), why, cron);
  },
);

t.test('what won’t do has no next time, and is told why', async (t) => {
  const cases: [cron: string, zone: string | null, why: RegExp][] = [
    ['', null, /it is empty: give minute, hour, day of month/],
    ['* * * *', null, /4 fields are too few: give minute, hour, day of month/],
    ['* * * * * * 2031', null, /7 fields are too many: give minute, hour, day of month/],
    ['2030-12-01T00:00:00', null, /^1 field is too few/],
    ['60 * * * *', null, /^"60" is no minute: give 0 to 59, \*, a list/],
    ['? * * * *', null, /\? has no fixed meaning/],
    ['@reboot', null, /no such nickname: give one of @yearly, /],
    ['@never', null, /no such nickname/],
    ['0 0 30 2 *', null, /no such day ever comes: give one that the month has/],
    ['* * * * *', 'Mars/Base', /no such time zone: give an IANA name like Europe\/Berlin/],
    ['* * * * *', '', /no such time zone/],
    ['* * * * *', `Europe/${'x'.repeat(limits.timeZoneLengthMax)}`, /no such time zone/],
    [`${'1,'.repeat(limits.cronLengthMax / 2)}1 * * * *`, null, /more than 128 characters/],
  ];
  for (const [cron, zone, why] of cases) {
    t.equal(nextTimeMs(cron, zone, Date.parse(start)), null, cron);
    t.match(cronFault(cron, zone, Date.parse(start)), why, cron);
  }
  t.equal(cronFault('@hourly', 'Europe/Berlin', Date.parse(start)), null);
  t.equal(nextTimeMs('* * * * *', null, 8_640_000_000_000_000), null, 'the end of time');
});
