import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { start } from '../support/fake-node-client.js';
import { runCli, runShell } from '../support/run-cli.js';
import { type Script, type ScriptedRequest, startScriptedServer } from '../support/scripted-server.js';

const dir = mkdtempSync(join(tmpdir(), 'rondo-map-'));
t.teardown(() => rmSync(dir, { recursive: true }));

const payloadOf = ({ line }: ScriptedRequest): string => line.split(' ').at(-1) ?? '';
const echo: Script = (request) => `OK ${payloadOf(request)}`;
const linesOf = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

t.test('a line of input is a job, and its result a line of output in the same order', async (t) => {
  const early: (() => void)[] = [];
  const server = await startScriptedServer(
    (request) =>
      new Promise((resolve) => {
        early.push(() => resolve(`OK ${payloadOf(request)}`));
        if (early.length < 4) return;
        const inReverse = early.splice(0).reverse();
        setImmediate(() => inReverse.forEach((answer) => void answer()));
      }),
  );
  const input = 'a\n\n"c"\r\nd';
  const node = ['--node', server.address];
  const ordered = await runCli(['map', 'echo', ...node], { input });
  t.equal(ordered.code, 0);
  t.strictSame(linesOf(ordered.stdout), [
    { index: 0, ok: true, result: 'a' },
    { index: 1, ok: true, result: '' },
    { index: 2, ok: true, result: '"c"' },
    { index: 3, ok: true, result: 'd' },
  ]);
  t.match(ordered.stderr, /^rondo: 4 done, 0 failed; [0-9.]+ s, \d+ lines\/s\n$/);
  t.match(server.lines, [/^RUN echo ttl=0s "a"$/, /""$/, /"\\"c\\""$/, /"d"$/]);
  const unordered = await runCli(['map', 'echo', '-', '--unordered', '--results-only', '--quiet', ...node], {
    input,
  });
  t.strictSame(unordered, { code: 0, stdout: '"d"\n"\\"c\\""\n""\n"a"\n', stderr: '' });
  await server.close();
});

t.test('JSON lines go as they are, and a bad one fails alone', async (t) => {
  const server = await startScriptedServer(echo);
  const input = Buffer.concat([
    Buffer.from('{"n":1}\n\n{n:2}\n9007199254740993\n"'),
    Buffer.from([0xff]),
    Buffer.from('"\n'),
  ]);
  const args = ['map', 'echo', '--json-input', '--with-input', '--ttl', '5m', '--node', server.address];
  const { code, stdout } = await runCli(args, { input });
  t.equal(code, 1);
  t.strictSame(stdout.split('\n').slice(0, 4), [
    '{"index":0,"input":{"n":1},"ok":true,"result":{"n":1}}',
    '{"index":1,"input":"","ok":false,"error":{"name":"BAD_JSON","message":"the line is not JSON: it is empty"}}',
    '{"index":2,"input":"{n:2}","ok":false,"error":{"name":"BAD_JSON","message":"the line is not JSON: it goes wrong at line 1, column 2, near \\"n:2}\\""}}',
    '{"index":3,"input":9007199254740993,"ok":true,"result":9007199254740993}',
  ]);
  t.match(JSON.parse(stdout.split('\n')[4] ?? ''), { index: 4, input: null, error: { name: 'BAD_UTF8' } });
  t.strictSame(server.lines, ['RUN echo ttl=5m {"n":1}', 'RUN echo ttl=5m 9007199254740993']);
  await server.close();
});

t.test('every line of input has its line of output, a blank one too', async (t) => {
  const server = await startScriptedServer(echo);
  const args = ['map', 'echo', '--json-input', '--results-only', '--quiet', '--node', server.address];
  const { code, stdout, stderr } = await runCli(args, { input: '1\n\n3\n' });
  t.equal(code, 1);
  t.equal(stdout, '1\nnull\n3\n');
  t.equal(stderr, 'rondo: line 2 failed: BAD_JSON: the line is not JSON: it is empty\n');
  await server.close();
});

t.test('a line that is more than the node takes fails alone, and no other runs twice', async (t) => {
  const node = await start(t, { limits: { lineBytesMax: 1024, bodyBytesMax: 4096 } });
  const input = ['1', `"${'x'.repeat(2000)}"`, `"${'x'.repeat(5000)}"`, '4'].join('\n');
  const args = ['map', 'echo', '--json-input', '--node', node.address];
  const { code, stdout, stderr } = await runCli(args, { input });
  t.equal(code, 1);
  t.match(linesOf(stdout), [
    { index: 0, ok: true, result: 1 },
    { index: 1, ok: true },
    { index: 2, ok: false, error: { name: 'BODY_TOO_LARGE', message: /5002 bytes.* at most 4096/ } },
    { index: 3, ok: true, result: 4 },
  ]);
  t.match(stderr, /^rondo: 3 done, 1 failed; [^,]*, \d+ lines\/s\n$/, 'none was submitted again');
});

t.test('no more jobs are in flight than the window allows', async (t) => {
  let waiting: (() => void)[] = [];
  const server = await startScriptedServer(
    () =>
      new Promise((resolve) => {
        waiting.push(() => resolve('OK 1'));
        if (waiting.length < 5) return;
        const answers = waiting;
        waiting = [];
        setImmediate(() => answers.forEach((answer) => void answer()));
      }),
  );
  const input = 'x\n'.repeat(50);
  const { stdout } = await runCli(['map', 'echo', '--window', '5', '--node', server.address], { input });
  t.equal(linesOf(stdout).length, 50);
  t.equal(server.mostInFlight, 5);
  await server.close();
});

t.test('a failed line is told in its place, and the exit code says so', async (t) => {
  const failed = 'ERR JOB_FAILED {"id":"i","name":"Error","message":"no","attempts":2}';
  const server = await startScriptedServer((request) =>
    payloadOf(request) === '2'
      ? failed
      : payloadOf(request) === '3'
        ? 'ERR JOB_CANCELLED gone'
        : echo(request),
  );
  const args = ['map', 'echo', '--json-input', '--node', server.address];
  const { code, stdout } = await runCli(args, { input: '1\n2\n3\n' });
  t.equal(code, 1);
  t.strictSame(linesOf(stdout), [
    { index: 0, ok: true, result: 1 },
    { index: 1, ok: false, id: 'i', error: { name: 'Error', message: 'no', attempts: 2 } },
    { index: 2, ok: false, error: { name: 'JOB_CANCELLED', message: 'gone' } },
  ]);
  const bare = await runCli([...args, '--results-only'], { input: '1\n2\n' });
  t.equal(bare.stdout, '1\nnull\n');
  t.match(bare.stderr, /^rondo: line 2 failed: Error: no$/m);
  await server.close();
});

t.test('a busy node is asked again after the time it gives', async (t) => {
  let refusals = 3;
  const server = await startScriptedServer((request) =>
    refusals-- > 0 ? 'ERR BUSY retry-after=5ms the queue is full' : echo(request),
  );
  const { code, stdout } = await runCli(['map', 'echo', '--node', server.address], { input: 'a\nb\n' });
  t.equal(code, 0);
  t.equal(linesOf(stdout).length, 2);
  t.equal(server.lines.length, 5);
  await server.close();
});

t.test('when the node is lost, unfinished lines go to the next one and none is missing', async (t) => {
  let answered = 0;
  const first = await startScriptedServer((request) => {
    if (++answered > 100) request.socket.destroy();
    return echo(request);
  });
  const second = await startScriptedServer(echo);
  const input = Array.from({ length: 500 }, (_, index) => `${index}\n`).join('');
  const args = ['map', 'echo', '--json-input', '--node', `${first.address},${second.address}`];
  const { code, stdout, stderr } = await runCli(args, { input });
  t.equal(code, 0);
  t.strictSame(
    linesOf(stdout),
    Array.from({ length: 500 }, (_, index) => ({ index, ok: true, result: index })),
  );
  t.match(stderr, /was lost .*: \d+ unfinished lines are submitted again, and may run twice/);
  t.match(stderr, `going on at node ${second.address}`);
  t.match(stderr, /500 done, 0 failed, \d+ submitted again/);
  await first.close();
  await second.close();
});

t.test('when no other line could fare better, the run stops and says so', async (t) => {
  const server = await startScriptedServer(
    () => 'ERR UNKNOWN_TASK nobody offers "ehco"; TASKS lists what there is',
  );
  const stdin =
    'sleep 60 & SLEEPER=$!; (echo a; wait $SLEEPER) | rondo map ehco; CODE=$?; kill $SLEEPER; exit $CODE';
  const { code, stdout, stderr } = await runShell(stdin, { env: { RONDO_NODE: server.address } });
  t.equal(code, 1);
  t.equal(stdout, '');
  t.match(stderr, 'nobody offers "ehco" (UNKNOWN_TASK): `rondo tasks` lists what the nodes offer');
  await server.close();
});

t.test('what this version does not offer ends the run with one error, without a second try', async (t) => {
  const server = await startScriptedServer(
    () => 'ERR UNSUPPORTED this version keeps one copy of a job, in memory',
  );
  const args = ['map', 'echo', '--copies', '2', '--quiet', '--node', server.address];
  const { code, stdout, stderr } = await runCli(args, { input: '1\n2\n3\n' });
  t.equal(code, 1);
  t.equal(stdout, '');
  t.equal(stderr, 'rondo: this version keeps one copy of a job, in memory (UNSUPPORTED)\n');
  t.match(server.lines, [/"1"$/, /"2"$/, /"3"$/]);
  t.equal(server.lines.length, 3);
  await server.close();
});

t.test('a joblog lets a run go on where it stopped', async (t) => {
  const file = join(dir, 'input');
  const joblog = join(dir, 'joblog');
  writeFileSync(file, '0\n1\n2\n3\n');
  const cured = new Set(['0', '2']);
  const server = await startScriptedServer((request) =>
    cured.has(payloadOf(request))
      ? echo(request)
      : 'ERR JOB_FAILED {"id":"i","name":"Error","message":"no","attempts":1}',
  );
  const args = ['map', 'echo', file, '--json-input', '--joblog', joblog, '--node', server.address];
  t.equal((await runCli(args)).code, 1);
  const [header, ...entries] = linesOf(readFileSync(joblog, 'utf8')) as Record<string, unknown>[];
  t.strictSame(header, { joblog: 1, task: 'echo', input: file });
  t.match(entries[0], { index: 0, ok: true, seconds: Number, finishedAt: String });
  t.match(entries[1], { index: 1, ok: false, id: 'i', error: { name: 'Error', message: 'no' } });

  const refused = await runCli(args);
  t.equal(refused.code, 2);
  t.match(refused.stderr, /exists already: add --resume/);
  const other = await runCli(['map', 'sleep', ...args.slice(2), '--resume']);
  t.equal(other.code, 2);
  t.match(other.stderr, /is of task "echo" over/);

  // The line of 3 was cut off when the machine went down, so 3 never finished as far as anyone knows.
  const lines = readFileSync(joblog, 'utf8').trimEnd().split('\n');
  writeFileSync(joblog, `${lines.slice(0, -1).join('\n')}\n${lines.at(-1)?.slice(0, 9)}`);
  cured.add('1');
  const retried = await runCli([...args, '--resume-failed']);
  t.strictSame(linesOf(retried.stdout), [{ index: 1, ok: true, result: 1 }]);
  t.match(retried.stderr, /1 done, 0 failed, 3 left out/);
  cured.add('3');
  const resumed = await runCli([...args, '--resume']);
  t.equal(resumed.code, 0);
  t.strictSame(linesOf(resumed.stdout), [{ index: 3, ok: true, result: 3 }]);
  t.equal((await runCli([...args, '--resume'])).stdout, '', 'all is done');
  writeFileSync(joblog, 'something else\n');
  t.match((await runCli([...args, '--resume'])).stderr, /is no joblog/);
  t.equal(readFileSync(joblog, 'utf8'), 'something else\n');
  await server.close();
});

t.test(
  'a reader that has seen enough ends the run quietly, not with 0, and it can be gone on with',
  async (t) => {
    const joblog = join(dir, 'head-joblog');
    const input = Array.from({ length: 20_000 }, (_, index) => `${index}\n`).join('');
    const server = await startScriptedServer(echo);
    const line = `rondo map echo --json-input --joblog ${joblog} | head -n 1; exit \${PIPESTATUS[0]}`;
    const { code, stdout, stderr } = await runShell(line, { input, env: { RONDO_NODE: server.address } });
    t.strictSame(
      { code, stdout, stderr },
      { code: 141, stdout: '{"index":0,"ok":true,"result":0}\n', stderr: '' },
    );
    const noted = readFileSync(joblog, 'utf8');
    t.equal(noted.at(-1), '\n', 'no line is cut off');
    t.ok(linesOf(noted).length > 1);
    t.ok(linesOf(noted).length < 20_000);
    await server.close();
  },
);

t.test('when the last node is gone, what is finished is printed and the rest can be resumed', async (t) => {
  const file = join(dir, 'lost-input');
  const joblog = join(dir, 'lost-joblog');
  writeFileSync(file, '0\n1\n');
  const server = await startScriptedServer((request) => {
    if (payloadOf(request) === '0') return echo(request);
    void server.close();
    return null;
  });
  const args = [
    'map',
    'echo',
    file,
    '--json-input',
    '--window',
    '1',
    '--joblog',
    joblog,
    '--node',
    server.address,
  ];
  const { code, stdout, stderr } = await runCli(args);
  t.equal(code, 1);
  t.strictSame(linesOf(stdout), [{ index: 0, ok: true, result: 0 }]);
  t.match(stderr, /no node answers at/);
  t.match(stderr, /go on later with the same command and --resume/);
});

t.test('Ctrl-C submits no more lines, waits for those in flight, and ends with 130', async (t) => {
  let finish = (_: string): void => {};
  let interrupt = (): void => {};
  const server = await startScriptedServer(
    () =>
      new Promise((resolve) => {
        finish = resolve;
        interrupt();
      }),
  );
  const { code, stdout, stderr } = await runCli(['map', 'echo', '--window', '1', '--node', server.address], {
    input: 'a\nb\n',
    onStart: (child) => {
      interrupt = () => void child.kill('SIGINT');
    },
    onStderr: (text) => {
      if (text.includes('waiting for 1 lines in flight')) finish('OK "late"');
    },
  });
  t.equal(code, 130);
  t.strictSame(linesOf(stdout), [{ index: 0, ok: true, result: 'late' }]);
  t.match(stderr, /1 done, 0 failed/);
  await server.close();
});

t.test('a terminal gets a bar on standard error, and a clean one when it is done', async (t) => {
  const file = join(dir, 'bar-input');
  writeFileSync(file, 'a\nb\n');
  const server = await startScriptedServer(echo);
  const out = join(dir, 'bar-output');
  const line = `script -qec "$(declare -f rondo); rondo map echo ${file} > ${out}" /dev/null`;
  const env = { RONDO_NODE: server.address, SHELL: '/bin/bash' };
  const { code, stdout } = await runShell(line, { env });
  t.equal(code, 0);
  t.match(stdout, /░|█/);
  t.match(stdout, /2 done, 0 failed/);
  t.equal(linesOf(readFileSync(out, 'utf8')).length, 2);
  await server.close();
});

t.test('a hundred thousand lines go through in order', async (t) => {
  const server = await startScriptedServer(echo);
  const count = 100_000;
  const input = Array.from({ length: count }, (_, index) => `${index}\n`).join('');
  const args = ['map', 'echo', '--json-input', '--results-only', '--node', server.address];
  const { code, stdout, stderr } = await runCli(args, { input });
  t.equal(code, 0);
  t.ok(stdout === input, 'each result is in its place');
  t.match(stderr, /100000 done, 0 failed/);
  t.ok(server.mostInFlight <= 1_001);
  t.comment(stderr.trim());
  await server.close();
});
