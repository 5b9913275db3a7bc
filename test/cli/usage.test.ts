import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { configKeys } from '../../src/node/config-keys.js';
import { runCli, runShell } from '../support/run-cli.js';
import { freeAddress, startScriptedServer } from '../support/scripted-server.js';

const commands = [
  'start',
  'keygen',
  'submit',
  'run',
  'map',
  'status',
  'wait',
  'watch',
  'cancel',
  'retry',
  'jobs',
  'schedule',
  'schedules',
  'publish',
  'subscribe',
  'nodes',
  'tasks',
  'info',
  'drain',
  'resume',
  'leave',
  'simulate',
];
const printsJson = [
  'submit',
  'run',
  'status',
  'wait',
  'watch',
  'jobs',
  'schedule',
  'schedules',
  'subscribe',
  'nodes',
  'tasks',
  'info',
  'simulate',
];
const dir = mkdtempSync(join(tmpdir(), 'rondo-cli-'));
t.teardown(() => rmSync(dir, { recursive: true }));

t.test('every command has a help with an example of itself', async (t) => {
  const overview = await runCli(['--help']);
  t.equal(overview.code, 0);
  for (const command of commands) {
    t.match(overview.stdout, new RegExp(`^  ${command} `, 'm'), `${command} is listed`);
    const help = await runCli([command, '--help']);
    t.equal(help.code, 0);
    t.equal(help.stderr, '');
    t.match(
      help.stdout,
      new RegExp(`Examples:\n(.*\n)*  \\$ .*\\brondo ${command}\\b`),
      `${command} has an example`,
    );
    if (printsJson.includes(command)) t.match(help.stdout, /--json /, `${command} has --json`);
  }
  const listed = [...overview.stdout.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1]);
  t.strictSame(listed.sort(), [...commands, 'help'].sort(), 'nothing is listed that is not there');
});

t.test('help tells what an option is when it is not given, and what a failed line has', async (t) => {
  const jobs = await runCli(['jobs', '--help']);
  t.match(jobs.stdout.replace(/\s+/g, ' '), '--limit <n> at most so many (default: 100, at most 1000)');
  const map = await runCli(['map', '--help']);
  t.match(map.stdout, '{"index","ok":false,"id","error":{"name","message","attempts"}}');
});

t.test('a flag and its opposite together are a mistake, in either order', async (t) => {
  for (const [command, flags, name] of [
    ['submit echo', '--durable --no-durable', 'durable'],
    ['run echo', '--no-durable --durable', 'durable'],
    ['map echo', '--durable --no-durable', 'durable'],
    ['schedule echo @hourly', '--no-durable --durable', 'durable'],
    ['start', '--http 127.0.0.1:0 --no-http', 'http'],
    ['start', '--no-http --http 127.0.0.1:0', 'http'],
  ] as const) {
    const { code, stderr } = await runCli(`${command} ${flags}`.split(' '), {
      // A node that starts all the same would never end.
      onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), 10_000).unref(),
    });
    t.equal(code, 2, `${command} ${flags}`);
    t.match(stderr, `rondo: options '--${name}' and '--no-${name}' exclude each other: give one of them\n`);
  }
});

t.test('output that can not be written is told as that, and ends with 1', async (t) => {
  const server = await startScriptedServer(({ verb }) => (verb === 'RUN' ? 'OK 1' : 'OK []'));
  for (const command of ['nodes --json', 'map echo --quiet', 'keygen', '--help']) {
    const line = `echo 1 | rondo ${command} > /dev/full`;
    t.strictSame(
      await runShell(line, { env: { RONDO_NODE: server.address } }),
      { code: 1, stdout: '', stderr: 'rondo: cannot write the output: the disk is full\n' },
      command,
    );
  }
  await server.close();
});

t.test('start has every flag of a node', async (t) => {
  const { stdout } = await runCli(['start', '--help']);
  const listed = [...stdout.matchAll(/^ {2}(--[a-z-]+)/gm)].map((match) => match[1]);
  const wanted = [...configKeys.flatMap(({ flag }) => flag ?? []), '--config', '--no-http'];
  t.strictSame(listed.sort(), wanted.sort());
});

t.test('the variables that the help of start tells are the ones that are read', async (t) => {
  const { stdout } = await runCli(['start', '--help']);
  const text = stdout.replace(/\s+/g, ' ');
  const told = new Map(
    [...text.matchAll(/(--[a-z-]+) is (RONDO_[A-Z_]+)/g)].map(([, flag, name]) => [flag, name]),
  );
  const read = ['RONDO_CONFIG', ...configKeys.flatMap(({ env }) => env ?? [])];
  for (const [, flag = ''] of stdout.matchAll(/^ {2}(--[a-z-]+)/gm)) {
    const named = told.get(flag) ?? flag.replace('--', 'RONDO_').replaceAll('-', '_').toUpperCase();
    t.ok(read.includes(named), `${flag} is ${named}`);
  }
});

t.test('each fault of a configuration is told in a line of its own', async (t) => {
  const config = join(dir, 'faults.yaml');
  writeFileSync(config, 'threads: many\nconcurrency: lots\n');
  const { code, stderr } = await runCli(['start', '--config', config]);
  t.equal(code, 2);
  t.match(stderr, /^rondo: .*yaml:1: `threads` .*\nrondo: .*yaml:2: `concurrency` .*\n$/);
});

t.test('the version is the one of the package', async (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  t.strictSame(await runCli(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

t.test('wrong usage ends with 2 and says what would be right', async (t) => {
  const wrong: [string[], RegExp][] = [
    [[], /Usage: rondo/],
    [['nodse'], /Did you mean nodes\?/],
    [['nodes', '--jsno'], /Did you mean --json\?/],
    [['submit'], /missing required argument 'task'/],
    [['submit', 'a b'], /A name is 1 to 64/],
    [['submit', 'a', '1', '2'], /too many arguments/],
    [['submit', 'a', '--timeout', '5'], /a duration is a whole number with its unit: 250ms/],
    [['submit', 'a', '--retries', '1001'], /whole number from 0 to 1000/],
    [['submit', 'a', '--priority', 'NaN'], /whole number/],
    [['submit', 'a', '--on', 'zone'], /"zone" has no "=": write it as KEY=VALUE/],
    [['submit', 'a', '--on', 'zone=a=b'], /KEY=VALUE/],
    [['submit', 'a', '--key', 'a b'], /without spaces/],
    [['submit', 'a', '--at', 'tomorrow'], /a time is ISO 8601 with its zone/],
    [['submit', 'a', '--at', '2030-01-31'], /a time is ISO 8601 with its zone/],
    [['submit', 'a', '--at', '9999-12-31T00:00:00Z'], /a time is at most 87600h from now/],
    [['submit', 'a', '--route', 'broadcats'], /Allowed choices/],
    [['status', 'x\nLEAVE'], /is no job id/],
    [
      ['wait', 'key-k1'],
      /"key-k1" is no job id: .* begins with key-, and submitting with the same --key again prints it/,
    ],
    [['nodes', '--node', 'localhost'], /"localhost" is not an address: it has no port/],
    [['nodes', '--key-file', join(dir, 'none')], /cannot read the key file .*: there is no such file/],
    [['map', 'a', join(dir, 'none')], /cannot read .*: there is no such file/],
    [['map', 'a', dir], /it is a directory/],
    [['map', 'a', '--joblog', dir], /is a directory: name a file/],
    [['submit', 'a', '--at', '1'], /2030-01-31T08:00:00Z/],
    [['map', 'a', '--resume'], /--resume needs the --joblog/],
    [['map', 'a', '--key', 'k'], /unknown option '--key'/],
    [['jobs', '--limit', '1001'], /from 1 to 1000/],
  ];
  for (const [args, says] of wrong) {
    const { code, stdout, stderr } = await runCli(args);
    t.equal(code, 2, args.join(' ').slice(0, 40).replace('\n', ' '));
    t.equal(stdout, '');
    t.match(stderr, says);
    t.notMatch(stderr, /\n {4}at /, 'no stack');
  }
});

t.test('bad JSON is told with its place before anything is sent', async (t) => {
  const server = await startScriptedServer(() => 'OK');
  const file = join(dir, 'bad.json');
  writeFileSync(file, '{\n  "a": tru\n}');
  const quoting = /in a shell, put JSON in single quotes/;
  const wrong: [string, RegExp][] = [
    ['{a:1}', /line 1, column 2, near "a:1}"/],
    ['{a:1}', quoting],
    ['hello', quoting],
    ['', /it is empty/],
    ['{"a":', /it ends too early/],
    [`@${file}`, /bad\.json is not JSON: it goes wrong at line 2, column 8/],
    ['-', /standard input is not JSON: it goes wrong at line 1, column 5/],
  ];
  for (const command of ['submit', 'run']) {
    for (const [argument, says] of wrong) {
      const result = await runCli([command, 'echo', argument, '--node', server.address], { input: '[1, x]' });
      t.equal(result.code, 2);
      t.match(result.stderr, says);
    }
  }
  t.strictSame(server.lines, []);
  t.equal(
    (await runCli(['submit', 'echo', '-'], { input: Buffer.from([0x22, 0xff, 0x22]) })).stderr,
    'rondo: standard input is not UTF-8 text, and so no JSON; --binary sends its bytes as they are\n',
  );
  t.match(
    (await runCli(['submit', 'echo', '@none.json'])).stderr,
    /cannot read none\.json: there is no such file/,
  );
  await server.close();
});

t.test('where no node answers, it says how to get one', async (t) => {
  const [first, second] = [await freeAddress(), await freeAddress()];
  t.strictSame(await runCli(['nodes'], { env: { RONDO_NODE: first } }), {
    code: 1,
    stdout: '',
    stderr: `rondo: no node answers at ${first} (connection refused): start one with \`rondo start\`, or name another with --node\n`,
  });
  const { stderr } = await runCli(['nodes', '--node', `${first},${second}`], {
    env: { RONDO_NODE: '1.1.1.1:1' },
  });
  t.match(
    stderr,
    `no node answers at ${first} (connection refused), ${second} (connection refused):`,
    'the flag goes before the environment',
  );
});

t.test('a new key goes to a file that only its owner can read, and over none that exists', async (t) => {
  const file = join(dir, 'rondo.key');
  const made = await runCli(['keygen', file]);
  t.equal(made.code, 0);
  t.equal(made.stdout, '');
  t.match(made.stderr, `start each with --key-file ${file}`);
  t.equal(statSync(file).mode & 0o777, 0o600);
  const key = readFileSync(file, 'utf8');
  const again = await runCli(['keygen', file]);
  t.equal(again.code, 2);
  t.match(again.stderr, /it exists already; nothing was changed/);
  t.equal(readFileSync(file, 'utf8'), key);
  const printed = await runCli(['keygen']);
  t.equal(printed.stdout.length, key.length);
  t.not(printed.stdout, key);
  t.equal((await runCli(['keygen', join(dir, 'none', 'key')])).code, 2);
});

t.test('the key in a file becomes the token of the client', async (t) => {
  const server = await startScriptedServer(() => 'OK []');
  const file = join(dir, 'client.key');
  await runCli(['keygen', file]);
  const { clientTokenOf, parseKeys } = await import('../../src/net/cluster-key.js');
  const [key] = parseKeys(readFileSync(file, 'utf8'));
  await runCli(['nodes', '--node', server.address, '--key-file', file]);
  await runCli(['nodes', '--node', server.address], { env: { RONDO_KEY_FILE: file } });
  await runCli(['nodes', '--node', server.address], { env: { RONDO_TOKEN: 's3cret' } });
  const token = key === undefined ? '' : clientTokenOf(key);
  t.strictSame(
    server.lines.filter((line) => line !== 'NODES'),
    [`AUTH ${token}`, `AUTH ${token}`, 'AUTH s3cret'],
  );
  await server.close();
});
