import fc from 'fast-check';
import t from 'tap';
import { defaultSubmitOptions, type SubmitOptions } from '../../src/core/commands.js';
import { limits } from '../../src/core/limits.js';
import { complete, type ParsedLine, parseLine } from '../../src/protocol/line-request.js';
import { optionSpecs } from '../../src/protocol/options.js';
import { verbSpecs } from '../../src/protocol/verbs.js';

const limit = { bodyBytesMax: limits.bodyBytesMax };
const parse = (line: string): ParsedLine => parseLine(line, limit);
const id = '0123456789ab-cdefg-1z';

function requestOf(line: string): unknown {
  const parsed = parse(line);
  return parsed.type === 'request' ? parsed.request : parsed;
}

function errorOf(line: string): string {
  const parsed = parse(line);
  return parsed.type === 'refusal' && !parsed.error.ok
    ? `${parsed.error.code} ${parsed.error.message}`
    : `no error: ${JSON.stringify(parsed)}`;
}

function optionsOf(words: string): SubmitOptions {
  const parsed = parse(`SUBMIT echo ${words} 1`);
  if (parsed.type !== 'request' || parsed.request.type !== 'submit')
    throw new Error(errorOf(`SUBMIT echo ${words} 1`));
  return parsed.request.options;
}

t.test('each verb becomes its request', async (t) => {
  const job = { job: id };
  const cases: [string, unknown][] = [
    ['HELLO', { type: 'hello' }],
    ['AUTH a=b==', { type: 'auth', token: 'a=b==' }],
    ['ping', { type: 'ping' }],
    ['HELP', { type: 'help', verb: null }],
    ['HELP run', { type: 'help', verb: 'run' }],
    ['QUIT', { type: 'quit' }],
    ['INFO', { type: 'info' }],
    ['NODES', { type: 'nodes' }],
    ['TASKS', { type: 'tasks' }],
    [`WAIT ${id}`, { type: 'wait', ...job, timeoutMs: null }],
    [`WAIT ${id} timeout=2m`, { type: 'wait', ...job, timeoutMs: 120_000 }],
    [`STATUS ${id}`, { type: 'status', ...job }],
    [`CANCEL key-${'v'.repeat(26)}`, { type: 'cancel', job: `key-${'v'.repeat(26)}` }],
    [`RETRY ${id}`, { type: 'retry', ...job }],
    ['JOBS', { type: 'jobs', state: null, task: null, limit: 100 }],
    ['JOBS state=failed task=a/b limit=1000', { type: 'jobs', state: 'failed', task: 'a/b', limit: 1000 }],
    ['SCHEDULES', { type: 'jobs', state: 'delayed', task: null, limit: 100, schedules: true }],
    ['DRAIN', { type: 'drain', node: null }],
    ['DRAIN node-1', { type: 'drain', node: 'node-1' }],
    ['RESUME node-1', { type: 'resume', node: 'node-1' }],
    ['LEAVE', { type: 'leave' }],
    ['LEAVE  ', { type: 'leave' }],
  ];
  for (const [line, request] of cases) t.strictSame(requestOf(line), request, line);
});

t.test('a job carries its arguments as the text they are', async (t) => {
  const submit = (args: string, wait = true) => ({
    type: 'submit',
    wait,
    task: 'echo',
    args,
    options: defaultSubmitOptions,
  });
  t.strictSame(requestOf('RUN echo'), submit('null'));
  t.strictSame(
    requestOf('SUBMIT echo {"a": 1e400, "a":9007199254740993}'),
    submit('{"a": 1e400, "a":9007199254740993}', false),
  );
  t.strictSame(requestOf('RUN echo "x=y bytes=5"'), submit('"x=y bytes=5"'));
  t.strictSame(requestOf('RUN echo -0'), submit('-0'));
  t.strictSame(requestOf('RUN echo "\\ud800\\u0000"'), submit('"\\ud800\\u0000"'));
  t.strictSame(requestOf('RUN echo {"__proto__":{"a":1}}'), submit('{"__proto__":{"a":1}}'));
  t.strictSame(requestOf('RUN echo [1,\r2]'), submit('[1, 2]'), 'no break of a line gets any further');
  const deep = '['.repeat(30_000) + ']'.repeat(30_000);
  t.strictSame(requestOf(`RUN echo ${deep}`), submit(deep));
});

t.test('tags are 1 to 32 of the characters allowed', async (t) => {
  t.match(parse(`@${'a'.repeat(32)} PING`), { type: 'request', tag: 'a'.repeat(32) });
  t.match(parse('@__proto__ PING'), { type: 'request', tag: '__proto__' });
  for (const tag of ['', 'a'.repeat(33), 'a.b', 'ä', '@']) {
    t.match(parse(`@${tag} PING`), { type: 'refusal', tag: null, error: { code: 'BAD_REQUEST' } }, tag);
  }
});

t.test('each option is read', async (t) => {
  const cases: [string, Partial<SubmitOptions>][] = [
    ['priority=-3', { priority: -3 }],
    ['priority=-0', { priority: 0 }],
    ['delay=250ms', { delayMs: 250 }],
    ['delay=30s', { delayMs: 30_000 }],
    ['at=2030-01-31T08:00:00Z', { atMs: Date.UTC(2030, 0, 31, 8) }],
    ['at=2030-01-31T08:00:00.250+02:00', { atMs: Date.UTC(2030, 0, 31, 6, 0, 0, 250) }],
    ['timeout=2h', { timeoutMs: 7_200_000 }],
    ['retries=0', { retries: 0 }],
    ['backoff=0ms', { backoffMs: 0 }],
    ['key=a=b,c', { key: 'a=b,c' }],
    ['route=least-loaded', { route: 'least-loaded' }],
    ['affinity=u7', { affinity: 'u7', route: 'affinity' }],
    ['route=affinity affinity=u7', { affinity: 'u7', route: 'affinity' }],
    [
      'on=gpu=yes on=__proto__=toString',
      {
        on: [
          ['gpu', 'yes'],
          ['__proto__', 'toString'],
        ],
      },
    ],
    ['node=a.b:c/d_e-1', { node: 'a.b:c/d_e-1' }],
    ['copies=2', { copies: 2 }],
    ['durable=yes', { durable: true }],
    ['durable=no', { durable: false }],
    ['ttl=5m', { ttlMs: 300_000 }],
  ];
  for (const [words, options] of cases)
    t.strictSame(optionsOf(words), { ...defaultSubmitOptions, ...options }, words);
  t.strictSame(defaultSubmitOptions.on, [], 'the defaults stay as they are');
});

t.test('each bound holds at its value and not one beyond', async (t) => {
  const bounds: [good: string, bad: string][] = [
    ['priority=1000000', 'priority=1000001'],
    ['priority=-1000000', 'priority=-1000001'],
    ['retries=1000', 'retries=1001'],
    ['retries=0', 'retries=-1'],
    ['copies=16', 'copies=17'],
    ['copies=1', 'copies=0'],
    ['delay=87600h', 'delay=87601h'],
    ['delay=0ms', 'delay=24000000000h'],
    ['timeout=1ms', 'timeout=0ms'],
    [`key=${'k'.repeat(256)}`, `key=${'k'.repeat(257)}`],
    [`affinity=${'k'.repeat(256)}`, `affinity=${'k'.repeat(257)}`],
    [`node=${'n'.repeat(64)}`, `node=${'n'.repeat(65)}`],
    [`on=${'n'.repeat(64)}=v`, `on=${'n'.repeat(65)}=v`],
    [onTags(32), onTags(33)],
    ['at=2028-02-29T00:00:00Z', 'at=2030-02-29T00:00:00Z'],
    ['at=2030-01-01T00:00Z', 'at=9999-12-31T23:59:59Z'],
    ['at=1970-01-01T00:00Z', 'at=1969-12-31T23:59:59Z'],
  ];
  for (const [good, bad] of bounds) {
    t.ok(optionsOf(good), good.slice(0, 40));
    t.match(errorOf(`SUBMIT echo ${bad} 1`), /^BAD_OPTION /, bad.slice(0, 40));
  }
  t.match(requestOf('JOBS limit=1'), { limit: 1 });
  t.match(errorOf('JOBS limit=0'), /^BAD_OPTION /);
  t.match(errorOf('JOBS limit=1001'), /^BAD_OPTION /);
  t.match(requestOf(`RUN ${'t'.repeat(64)}`), { type: 'submit' });
  t.match(errorOf(`RUN ${'t'.repeat(65)}`), /^BAD_REQUEST /);
});

function onTags(count: number): string {
  return Array.from({ length: count }, (_, index) => `on=k${index}=v`).join(' ');
}

t.test('what an option can not be is BAD_OPTION, with the reason', async (t) => {
  const values = ['priority=', 'priority=1.5', 'priority=1e3', 'priority=NaN', 'delay=5', 'delay=5d', 'delay=-5s', 'delay=1.5s',
    'at=2030-01-31', 'at=2030-01-31T08:00:00', 'at=2030-13-01T00:00:00Z', 'at=tomorrow', 'key=', 'key=ü', 'route=toString',
    'affinity=', 'on=gpu', 'on==v', 'on=k=', 'node=', 'node=a=b', 'durable=maybe', 'type=xml', 'type=json',
    'retries=99999999999999999999', `delay=${'9'.repeat(1000)}h`]; // biome-ignore format: a list
  for (const value of values) t.match(errorOf(`RUN echo ${value} 1`), /^BAD_OPTION /, value.slice(0, 40));
  t.match(errorOf('RUN echo retries=1 delay=1s retries=1 1'), 'BAD_OPTION retries= is given twice');
  t.match(errorOf('RUN echo on=a=1 on=a=2 1'), /^BAD_OPTION on=a=... is given twice/);
  t.match(errorOf('RUN echo delay=1s at=2030-01-31T08:00:00Z 1'), /^BAD_OPTION delay= and at= exclude/);
  t.match(errorOf('RUN echo route=affinity 1'), /^BAD_OPTION route=affinity needs/);
  t.match(errorOf('RUN echo route=round-robin affinity=k 1'), /^BAD_OPTION affinity= and route=round-robin/);
  t.match(errorOf('JOBS state=asleep'), /^BAD_OPTION /);
  t.match(errorOf('NODES state=alive'), 'BAD_OPTION NODES has no options');
  t.match(errorOf('WAIT timeout=1s'), /^BAD_REQUEST WAIT needs its id/);
});

t.test('an unknown option or verb names the nearest known one', async (t) => {
  t.match(
    errorOf('RUN echo prioritty=1 1'),
    /^BAD_OPTION RUN has no option "prioritty". Did you mean priority\?/,
  );
  t.match(errorOf('RUN echo whatever=1 1'), /^BAD_OPTION RUN has no option "whatever". It has /);
  t.match(
    errorOf('RUN echo limit=1 1'),
    /^BAD_OPTION RUN has no option "limit"/,
    'an option of another verb',
  );
  t.match(errorOf('RUNN echo 1'), /^UNKNOWN_VERB no verb "RUNN". Did you mean RUN\?/);
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    t.match(errorOf(name), /^UNKNOWN_VERB /, name);
    t.match(errorOf(`RUN echo ${name}=1 1`), /^BAD_OPTION /, name);
    t.match(requestOf(`RUN ${name}`), { type: 'submit', task: name }, name);
  }
});

t.test('a refused line still says where its body ends', async (t) => {
  const after = (line: string): unknown => {
    const parsed = parse(line);
    return parsed.type === 'refusal' ? parsed.after : parsed.type;
  };
  t.strictSame(after('NOSUCH'), { type: 'go_on' });
  t.strictSame(after('NOSUCH x bytes=7'), { type: 'skip', bytes: 7 });
  t.strictSame(after('@!! RUN echo bytes=0'), { type: 'skip', bytes: 0 });
  t.strictSame(after('RUN echo retries=x bytes=7'), { type: 'skip', bytes: 7 });
  t.strictSame(after('RUN echo bytes=7 [1]'), { type: 'skip', bytes: 7 });
  t.equal(after('PUBLISH news bytes=7'), 'announcement');
  t.strictSame(after('PUBLISH news.* bytes=7'), { type: 'skip', bytes: 7 });
  t.strictSame(after('NOSUCH {"a": " bytes=7 "}'), { type: 'go_on' });
  for (const bad of ['bytes=', 'bytes=-1', 'bytes=1e3', 'bytes=many', 'bytes=1 bytes=1', 'bytes=0x10']) {
    t.strictSame(after(`RUN echo ${bad}`), { type: 'close' }, bad);
  }
  t.equal(after(`RUN echo bytes=${limits.bodyBytesMax}`), 'announcement');
  t.strictSame(after(`RUN echo bytes=${limits.bodyBytesMax + 1}`), { type: 'close' });
  t.match(errorOf(`RUN echo bytes=${limits.bodyBytesMax + 1}`), /^BODY_TOO_LARGE /);
  t.match(errorOf(`RUN echo bytes=${'9'.repeat(40)}`), /^BODY_TOO_LARGE /);
  t.match(errorOf(`NOSUCH bytes=${'9'.repeat(400)}`), /^BODY_TOO_LARGE /);
});

t.test('a body becomes the arguments', async (t) => {
  const completed = (line: string, bytes: Buffer, isText = true): unknown => {
    const parsed = parse(line);
    return parsed.type === 'announcement' ? complete(parsed.verb, parsed.body, bytes, isText) : parsed;
  };
  t.match(completed('RUN echo bytes=9 priority=2', Buffer.from('[1,\r\n"é"]')), {
    task: 'echo',
    args: '[1, "é"]',
    options: { priority: 2 },
  });
  t.strictSame(completed('RUN echo bytes=2 type=binary', Buffer.from([0xff, 0])), {
    type: 'submit',
    wait: true,
    task: 'echo',
    args: new Uint8Array([0xff, 0]),
    options: defaultSubmitOptions,
  });
  t.match(completed('RUN echo bytes=2', Buffer.from([0xff, 0]), false), { ok: false, code: 'BAD_UTF8' });
  t.match(completed('RUN echo bytes=2', Buffer.from('{]')), { ok: false, code: 'BAD_JSON' });
  t.match(completed('RUN echo bytes=0', Buffer.alloc(0)), { ok: false, code: 'BAD_JSON' });
});

t.test('the table is sound: every option of a verb exists, and every example is a request', async (t) => {
  for (const verb of verbSpecs.values()) {
    t.strictSame(
      verb.options.filter((name) => !optionSpecs.has(name)),
      [],
      verb.name,
    );
    if (verb.build !== null) t.equal(parse(verb.example).type, 'request', verb.example);
  }
});

t.test('no line throws, and every refusal is one line', async () => {
  const word = fc.constantFrom(
    'RUN',
    'SUBMIT',
    'WAIT',
    '@t',
    'echo',
    'bytes=3',
    'on=a=b',
    'delay=1s',
    '{"a":1}',
    '=',
    '  ',
    id,
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(word, fc.string(), fc.string({ unit: 'binary' })), { maxLength: 8 }),
      (words) => {
        const parsed = parse(words.join(' ').replaceAll('\n', ''));
        return parsed.type !== 'refusal' || parsed.error.ok || !/[\n\r]/.test(parsed.error.message);
      },
    ),
    { numRuns: 5_000 },
  );
});

t.test('after= names jobs, up to a limit, each once', async (t) => {
  const ids = Array.from(
    { length: limits.afterMax + 1 },
    (_, index) => `0123456789ab-cdefg-${index.toString(36)}`,
  );
  t.same(optionsOf(`after=${id}`).after, [id]);
  t.same(optionsOf(`after=${ids.slice(1).join()}`).after, ids.slice(1));
  t.match(errorOf(`SUBMIT echo after=${ids.join()} 1`), /^BAD_OPTION after=: .* it names at most 64 jobs$/);
  t.match(errorOf(`SUBMIT echo after=${id},${id} 1`), /^BAD_OPTION after=: .* a job is named twice$/);
  for (const wrong of ['', ',', `${id},`, 'x'])
    t.match(errorOf(`RUN echo after=${wrong} 1`), /^BAD_OPTION after=: .* is no job id/);
});

t.test('SCHEDULE is a job with a cron expression, and has no other time', async (t) => {
  const parsed = requestOf('SCHEDULE echo cron=30_8_*_*_MON-FRI zone=Europe/Berlin retries=2 key=k {"a":1}');
  const options = { cron: '30 8 * * MON-FRI', timeZone: 'Europe/Berlin', retries: 2, key: 'k' };
  t.match(parsed, { type: 'submit', wait: false, task: 'echo', args: '{"a":1}', options });
  t.match(requestOf('SCHEDULE echo cron=@hourly'), { options: { cron: '@hourly', timeZone: null } });
  t.match(errorOf('SCHEDULE echo'), /^BAD_OPTION SCHEDULE needs cron=/);
  t.match(errorOf('SCHEDULE echo zone=Europe/Berlin 1'), /^BAD_OPTION SCHEDULE needs cron=/);
  t.match(errorOf('SCHEDULE echo cron=99_*_*_*_* 1'), /^BAD_OPTION cron=: .* "99" is no minute: /);
  t.match(errorOf('SCHEDULE echo cron=@hourly zone=Mars/Base 1'), /^BAD_OPTION zone=: "Mars\/Base" won't do/);
  t.match(errorOf('SCHEDULE echo zone= cron=@hourly 1'), /^BAD_OPTION zone=: "" won't do: .* IANA name/);
  for (const option of ['delay=1s', 'at=2030-01-31T08:00:00Z', `after=${id}`]) {
    t.match(errorOf(`SCHEDULE echo cron=@hourly ${option}`), /^BAD_OPTION SCHEDULE has no option/);
  }
  t.match(errorOf('SUBMIT echo cron=@hourly 1'), /^BAD_OPTION SUBMIT has no option "cron"/);
});
