import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type ClusterNode, startNode } from '../support/cluster-node.js';
import { type CliResult, runCli, runShell } from '../support/run-cli.js';
import { type Script, startScriptedServer } from '../support/scripted-server.js';
import { waitUntil } from '../support/wait-until.js';

const tasks = `
commands:
  lines:
    command: [sh, -c, 'printf "one\\ntwo\\nthree\\n"']
    stream: lines
  raw:
    command: [sh, -c, 'printf "a\\000b\\377"; printf "c\\n"']
    stream: bytes
  endless:
    command: [sh, -c, 'yes abcdefghijklmnopqrstuvwxyz']
    stream: bytes
`;

const modules: Readonly<Record<string, string>> = {
  count: `export default async function* (to, ctx) {
  for (let n = 1; n <= to; n++) { ctx.progress({ n }); yield { n }; }
  return to > 2 ? 'counted' : null;
}`,
  bytes: 'export default async () => new Uint8Array([0, 10, 255]);',
  failing:
    "export default async function* (to) { for (let n = 1; n <= to; n++) yield n; throw new Error('no further'); }",
  forever: `export default async function* (_, ctx) {
  yield 1;
  await new Promise((resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
}`,
};

let directory: string;
let node: ClusterNode;
let at: readonly string[];

t.before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rondo-cli-streams-'));
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(directory, `${name}.mjs`), text);
  const config = join(directory, 'rondo.yaml');
  writeFileSync(config, tasks);
  node = await startNode({ name: 'a', directory, args: ['--tasks', directory, '--config', config] });
  at = ['--node', node.client];
});

t.teardown(async () => {
  await node.stop();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** With standard output as bytes, which a shell writes in hexadecimal. */
function hex(line: string): Promise<CliResult> {
  return runShell(`${line} --node ${node.client} | od -An -tx1 | tr -d ' \\n'; exit \${PIPESTATUS[0]}`);
}

/** Lines of JSON. */
function parsedLines({ stdout }: CliResult): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function submit(t: Test, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['submit', ...args, ...at]);
  t.equal(code, 0, stderr);
  return stdout.trim();
}

t.test('run prints what a job yields, a line each, and then its result', async (t) => {
  t.strictSame(await runCli(['run', 'count', '3', ...at]), {
    code: 0,
    stdout: '{"n":1}\n{"n":2}\n{"n":3}\n"counted"\n',
    stderr: '',
  });
  t.equal(
    (await runCli(['run', 'count', '2', ...at])).stdout,
    '{"n":1}\n{"n":2}\n',
    'a result of null is not printed',
  );
  t.equal((await runCli(['run', 'count', '0', ...at])).stdout, 'null\n', 'but where nothing was yielded');
  t.equal((await runCli(['run', 'lines', ...at])).stdout, '"one"\n"two"\n"three"\n', 'lines of a program');
  const json = parsedLines(await runCli(['run', 'count', '3', '--json', ...at]));
  t.match(json, [
    { type: 'data', value: { n: 1 }, attempt: 1 },
    { type: 'data', value: { n: 2 } },
    { type: 'data', value: { n: 3 } },
    { ok: true, result: 'counted' },
  ]);
});

t.test('bytes are written as they are, yielded or as a result', async (t) => {
  t.match(await hex('rondo run raw'), { code: 0, stdout: '610062ff630a' });
  t.match(await hex('rondo run bytes'), { code: 0, stdout: '000aff' });
  const id = await submit(t, 'bytes');
  t.match(await hex(`rondo wait ${id}`), { code: 0, stdout: '000aff' });
  const json = await runCli(['wait', id, '--json', ...at]);
  t.strictSame(parsedLines(json), [{ id, ok: true, base64: 'AAr/' }]);
  const mapped = await runShell(`echo 1 | rondo map bytes --quiet --node ${node.client}`);
  t.strictSame(parsedLines(mapped), [{ index: 0, ok: true, base64: 'AAr/' }]);
  const alone = await runShell(`echo 1 | rondo map bytes --results-only --quiet --node ${node.client}`);
  t.equal(alone.stdout, '"AAr/"\n');
});

t.test('--binary sends what is in a file, or on standard input, as bytes', async (t) => {
  const file = join(directory, 'any bytes');
  writeFileSync(file, Buffer.from([0, 10, 255]));
  t.match(await hex(`rondo run echo '@${file}' --binary`), { code: 0, stdout: '000aff' });
  t.match(await hex(`printf '\\377\\000' | rondo run echo - --binary`), { code: 0, stdout: 'ff00' });
  const id = await submit(t, 'echo', `@${file}`, '--binary');
  t.match(await hex(`rondo wait ${id}`), { code: 0, stdout: '000aff' });
  const plain = await runCli(['run', 'echo', `@${file}`, ...at]);
  t.match(plain, { code: 2, stdout: '' });
  t.match(plain.stderr, 'any bytes is not UTF-8 text, and so no JSON; --binary sends its bytes as they are');
  for (const argument of [['{"a":1}'], []])
    t.match(await runCli(['run', 'echo', ...argument, '--binary', ...at]), {
      code: 2,
      stderr: 'rondo: --binary is for bytes: give them as @FILE, or on standard input with -\n',
    });
});

t.test('--binary publishes bytes, and has a schedule submit them', async (t) => {
  const server = await startScriptedServer(({ verb, body }) => {
    sent.push([verb, body?.toString('latin1')]);
    return verb === 'PUBLISH' ? 'OK 1' : 'OK 0c4k2jq9t1vb-7h2pa-1 copies=1 durable=no';
  });
  const sent: unknown[] = [];
  const input = Buffer.from([0, 255]);
  const node = ['--node', server.address];
  t.match(await runCli(['publish', 'room.1', '-', '--binary', ...node], { input }), {
    code: 0,
    stdout: '1\n',
  });
  await runCli(['schedule', 'echo', '@hourly', '-', '--binary', ...node], { input });
  t.strictSame(server.lines, [
    'PUBLISH room.1 bytes=2 type=binary',
    'SCHEDULE echo cron=@hourly bytes=2 type=binary',
  ]);
  t.strictSame(sent, [
    ['PUBLISH', '\u0000\u00ff'],
    ['SCHEDULE', '\u0000\u00ff'],
  ]);
  await server.close();
});

t.test('a job that fails in the middle is told after what it yielded', async (t) => {
  const failed = await runCli(['run', 'failing', '2', '--retries', '0', ...at]);
  t.match(failed, { code: 1, stdout: '1\n2\n' });
  t.match(failed.stderr, /failed after 1 attempt: Error: no further/);
});

t.test('an attempt that yields anew is told, and fails the command', async (t) => {
  const args = ['run', 'failing', '2', '--retries', '1', '--backoff', '1ms', ...at];
  const plain = await runCli(args);
  t.match(plain, { code: 1, stdout: '1\n2\n1\n2\n' });
  t.match(plain.stderr, 'rondo: attempt 2 yields anew');
  const json = await runCli([...args, '--json']);
  t.strictSame(
    parsedLines(json).map(({ attempt }) => attempt),
    [1, 1, 2, 2, undefined],
    'JSON has the attempt',
  );
  t.equal(json.stderr, '');
});

t.test('watch prints what a job yields, and on standard error where it is', async (t) => {
  const id = await submit(t, 'count', '3');
  const plain = await runCli(['watch', id, ...at]);
  t.match(plain, { code: 0, stdout: '{"n":1}\n{"n":2}\n{"n":3}\n"counted"\n' });
  t.match(plain.stderr, /^progress \{"n":3\}$/m);
  t.match(plain.stderr, /^done/m);
  const events = parsedLines(await runCli(['watch', id, '--json', ...at]));
  t.match(events[0], { type: 'state', id, attempt: 1, owner: 'a' });
  t.match(
    events.filter(({ type }) => type === 'data').map(({ value }) => value),
    [{ n: 1 }, { n: 2 }, { n: 3 }],
  );
  t.match(events.at(-1), { type: 'outcome', id, ok: true, result: 'counted' });
  const failed = await runCli(['watch', await submit(t, 'failing', '1', '--retries', '0'), '--json', ...at]);
  t.equal(failed.code, 1);
  t.match(parsedLines(failed).at(-1), { type: 'outcome', ok: false, error: { message: 'no further' } });
  t.match(await runCli(['watch', 'nonsense', ...at]), { code: 2, stdout: '' });
  const unknown = await runCli(['watch', '000000000000-00000-1', ...at]);
  t.match(unknown, { code: 1, stdout: '' });
  t.match(unknown.stderr, /NOT_FOUND/);
});

t.test('a reader that goes away ends run with 141, and the job where that is wanted', async (t) => {
  const line = (flags: string): string =>
    `rondo run endless ${flags} --node ${node.client} | head -c 100 | wc -c; exit \${PIPESTATUS[0]}`;
  const left = await runShell(line(''));
  t.match(left, { code: 141, stdout: /^ *100$/m });
  const id = /job (\S+) goes on/.exec(left.stderr)?.[1] ?? '';
  t.equal((await runCli(['cancel', id, ...at])).code, 0);
  const cancelled = await runShell(line('--cancel-on-interrupt'));
  t.match(cancelled, { code: 141, stderr: /is cancelled/ });
});

t.test('Ctrl-C ends run with 130 in the middle of what a job yields', async (t) => {
  const interrupted = await runCli(['run', 'forever', '--cancel-on-interrupt', ...at], {
    onStart: (child) => child.stdout?.once('data', () => child.kill('SIGINT')),
  });
  t.match(interrupted, { code: 130, stdout: '1\n', stderr: /is cancelled/ });
});

t.test('publish prints how many have got it, subscribe what was published', async (t) => {
  const lines: string[] = [];
  const script: Script = ({ verb, line, tag, socket }) => {
    if (verb === 'NODES') return 'OK []';
    lines.push(line);
    if (verb === 'PUBLISH') return 'OK 3';
    const told = [
      '* subscribed {"topics":["room.*"]}',
      '* message {"topic":"room.1","data":{"a":1}}',
      '* message bytes=2 type=binary topic=room.2\nhi',
    ];
    for (const each of told) socket.write(`@${tag} ${each}\n`);
    const timer = setInterval(() => socket.write(`@${tag} * message {"topic":"room.1","data":2}\n`), 300);
    socket.on('close', () => clearInterval(timer));
    return null;
  };
  const server = await startScriptedServer(script);
  t.teardown(() => server.close());
  const there = ['--node', server.address];
  t.strictSame(await runCli(['publish', 'room.1', '{"a":1}', ...there]), {
    code: 0,
    stdout: '3\n',
    stderr: '',
  });
  const untilTwo = (args: readonly string[]): Promise<CliResult> => {
    let printed = '';
    let stop = (): void => {};
    return runCli(['subscribe', ...args, ...there], {
      onStart: (child) => {
        stop = () => void child.kill('SIGINT');
      },
      onStdout: (text) => {
        printed += text;
        if (printed.split('\n').length === 3) stop();
      },
    });
  };
  t.strictSame(await untilTwo(['room.*', 'news', '--replay', '5']), {
    code: 0,
    stdout: 'room.1 {"a":1}\nroom.2 hi\n',
    stderr: '',
  });
  t.strictSame(parsedLines(await untilTwo(['room.*', '--json'])), [
    { topic: 'room.1', data: { a: 1 } },
    { topic: 'room.2', base64: 'aGk=' },
  ]);
  t.strictSame(lines, ['PUBLISH room.1 {"a":1}', 'SUBSCRIBE room.* news replay=5', 'SUBSCRIBE room.*']);
  const first = await runShell(`rondo subscribe room.1 --node ${server.address} | head -1`);
  t.equal(first.stdout, 'room.1 {"a":1}\n');
  for (const wrong of [
    ['publish', 'room.*', '1'],
    ['publish', 'a b', '1'],
    ['subscribe', 'a..b'],
    ['subscribe'],
  ])
    t.equal((await runCli([...wrong, ...there])).code, 2, wrong.join(' '));
});

t.test('a subscription that its node ends is a failure', async (t) => {
  const server = await startScriptedServer(() => 'ERR SLOW_SUBSCRIBER too much was waiting');
  t.teardown(() => server.close());
  const ended = await runCli(['subscribe', 'news', '--node', server.address]);
  t.match(ended, { code: 1, stdout: '', stderr: 'rondo: too much was waiting (SLOW_SUBSCRIBER)\n' });
});

t.test('a terminal shows where a job is, and its values without what would command it', async (t) => {
  const erasing = JSON.stringify('\u001b[2J');
  const server = await startScriptedServer(({ tag, socket }) => {
    const state = '{"id":"0c4k2jq9t1vb-7h2pa-1","state":"running","attempt":1,"owner":"a","executor":"a"}';
    socket.write(`@${tag} * state ${state}\n@${tag} * progress {"n":7}\n`);
    setTimeout(() => {
      socket.write(
        `@${tag} * data ${erasing}\n@${tag} * data bytes=4 type=binary\n\u001b[2J\n@${tag} OK null\n`,
      );
    }, 400);
    return null;
  });
  t.teardown(() => server.close());
  const { stdout } = await runShell(
    `script -qec "$(declare -f rondo); rondo run x --node ${server.address}" /dev/null`,
  );
  t.match(stdout, 'running on a, attempt 1: {"n":7}');
  t.notMatch(stdout.replaceAll('\u001b[K', ''), '\u001b', 'but for what clears the line');
  await waitUntil('all is closed', async () => server.openCount === 0);
});
