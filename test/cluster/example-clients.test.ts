import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startBash } from '../support/bash-session.js';
import { type Cluster, type ClusterNode, requestJson, startCluster, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import {
  checkLanguages,
  exampleClients,
  exampleCommands,
  runBash,
  runExample,
  runPython,
} from '../support/example-clients.js';
import { testTasks } from '../support/hold-job.js';
import { matchesTour, parseTour } from '../support/tour.js';
import { repositoryRoot } from '../tidy/source-tree.js';

t.setTimeout(120_000);

const readme = readFileSync(join(exampleClients, 'README.md'), 'utf8');
const exampleTasks = join(repositoryRoot, 'examples/tasks');
const withTasks = ['--tasks', exampleTasks, '--tasks', testTasks];

let cluster: Cluster;
let a: ClusterNode;
let b: ClusterNode;

t.before(async () => {
  // Values of 32 KiB: what is on its way to a client at once is a few dozen of them.
  const flood = 'export default async function* flood(n, ctx) { for (let i = 0; i < n; i++) {';
  const directory = t.testdir({
    'flood.mjs': `${flood} ctx.progress(i); yield 'x'.repeat(32768); } return n; }`,
  });
  cluster = await startCluster({ nodes: 2, names: ['a', 'b'], args: [...withTasks, '--tasks', directory] });
  [a, b] = cluster.nodes as [ClusterNode, ClusterNode];
});
t.teardown(() => cluster.stop());

t.test('the languages of the clients are on this machine', (t) => {
  checkLanguages(t);
  t.end();
});

for (const name of Object.keys(exampleCommands)) {
  const run = (...args: string[]) => runExample(name, args, { nodes: a.client });

  t.test(`${name} runs a job and prints its result`, async (t) => {
    const { code, stdout, stderr } = await run('run', 'where', 'node=b', '{"n":[1,"ü"]}');
    t.strictSame([code, stdout.toString()], [0, '{"node":"b","args":{"n":[1,"ü"]}}\n'], stderr);
  });

  t.test(`${name} sends and gets JSON that is longer than a line may be`, async (t) => {
    const file = join(t.testdir({ 'long.json': JSON.stringify(['y'.repeat(200_000)]) }), 'long.json');
    const { stdout, stderr } = await run('run', 'echo', 'type=json', `@${file}`);
    t.equal(stdout.toString().trim(), readFileSync(file, 'utf8'), stderr);
  });

  t.test(`${name} sends and gets raw bytes`, async (t) => {
    const bytes = Buffer.concat([Buffer.from('\n\0\r\nOK '), randomBytes(300_000)]);
    const { code, stdout, stderr } = await runExample(name, ['run', 'echo', '@-'], {
      nodes: a.client,
      input: bytes,
    });
    t.equal(code, 0, stderr);
    t.ok(stdout.equals(bytes), 'the same bytes, and nothing else');
  });

  t.test(`${name} submits a job, and waits for it and cancels it at another node`, async (t) => {
    const { stdout } = await run('submit', 'countdown', '{"from":2}');
    const there = (...args: string[]) => runExample(name, args, { nodes: b.client });
    const id = stdout.toString().trim();
    t.equal((await there('wait', id)).stdout.toString(), '"lift-off"\n');
    t.match(JSON.parse((await there('status', id)).stdout.toString()), { id, state: 'done' });
    const sleep = (await run('submit', 'sleep', '60000')).stdout.toString().trim();
    const { code, stderr } = await there('cancel', sleep);
    t.equal(code, 0, stderr);
    const ended = await run('wait', sleep);
    t.equal(ended.code, 1);
    t.match(ended.stderr, 'JOB_CANCELLED');
  });

  t.test(`${name} prints what a job yields, then its result, and its states apart from that`, async (t) => {
    const streamed = await run('run', 'countdown', 'stream=yes', '{"from":3}');
    t.equal(streamed.stdout.toString(), '3\n2\n1\n"lift-off"\n');
    t.match(streamed.stderr, /^state .*"running"[\s\S]*^progress [\s\S]*^state .*"done"/m);
    const id = (await run('submit', 'countdown', '{"from":2}')).stdout.toString().trim();
    const watched = await runExample(name, ['watch', id], { nodes: b.client });
    t.equal(watched.stdout.toString(), '2\n1\n"lift-off"\n');
  });

  t.test(`${name} tells of errors and of wrong usage, by its exit code too`, async (t) => {
    const faults: [args: string[], code: number, stderr: RegExp][] = [
      [['run', 'sleep', '"long"'], 1, /JOB_FAILED .*BadArguments/],
      [['run', 'nobody-offers-this', '1'], 1, /UNKNOWN_TASK/],
      [['run', 'echo', 'retires=1', '1'], 1, /BAD_OPTION/],
      [['wait', '000000000000-00000-1'], 1, /NOT_FOUND/],
      [['fly'], 2, /fly|run TASK/],
      [[], 2, /^$|run TASK/],
    ];
    for (const [args, code, expected] of faults) {
      const ended = await run(...args);
      t.equal(ended.code, code, args.join(' '));
      t.match(ended.stderr, expected);
    }
    const help = await run('--help');
    t.equal(help.code, 0);
    for (const command of ['run', 'submit', 'wait', 'watch', 'publish', 'subscribe'])
      t.match(help.stdout.toString(), new RegExp(`^  ${command} `, 'm'));
  });

  t.test(`${name} goes to the next node where one is not there`, async (t) => {
    const nodes = `127.0.0.1:1,${b.client}`;
    const { code, stdout, stderr } = await runExample(name, ['run', 'echo', '1'], { nodes });
    t.strictSame([code, stdout.toString()], [0, '1\n'], stderr);
    const none = await runExample(name, ['run', 'echo', '1'], { nodes: '127.0.0.1:1,127.0.0.1:2' });
    t.equal(none.code, 1);
    t.match(none.stderr, /no node answers/);
  });

  t.test(`${name} shows its token to a node that asks for one`, async (t) => {
    const config = join(t.testdir({ 'rondo.yaml': 'clientToken: s3cret\n' }), 'rondo.yaml');
    const guarded = await clusterFor(t, { nodes: 0 });
    const node = await guarded.add('guarded', ['--config', config]);
    const withToken = await runExample(name, ['run', 'echo', '1'], { nodes: node.client, token: 's3cret' });
    t.equal(withToken.stdout.toString(), '1\n', withToken.stderr);
    for (const token of [undefined, 'guess']) {
      const refused = await runExample(name, ['run', 'echo', '1'], {
        nodes: node.client,
        ...(token !== undefined && { token }),
      });
      t.equal(refused.code, 1);
      t.match(refused.stderr, 'UNAUTHORIZED');
    }
  });

  t.test(`${name} gets the result of a job whose node is killed, and the job is one`, async (t) => {
    const three = await clusterFor(t, { nodes: 3, names: ['a', 'b', 'c'], args: withTasks });
    const [first, second] = three.nodes as [ClusterNode, ClusterNode];
    const nodes = `${first.client},${second.client}`;
    const running = runExample(name, ['run', 'sleep', 'node=c', '1500'], { nodes });
    await waitUntil('the job runs', async () =>
      (await requestJson<{ state: string }[]>(second, 'JOBS')).some(({ state }) => state === 'running'),
    );
    first.kill('SIGKILL');
    const { code, stdout, stderr } = await running;
    t.strictSame([code, stdout.toString()], [0, '1500\n'], stderr);
    t.equal((await requestJson<unknown[]>(second, 'JOBS')).length, 1);
  });
}

t.test('rondo_client.py follows a job on without a gap or a double when its node is killed', async (t) => {
  const three = await clusterFor(t, { nodes: 3, names: ['a', 'b', 'c'], args: withTasks });
  const [first, second, third] = three.nodes as [ClusterNode, ClusterNode, ClusterNode];
  // The node that the client talks to neither owns the job nor runs it.
  const submit = ['submit', 'countdown', 'node=c', '{"from":40,"everyMs":50}'];
  const submitted = await runExample('rondo_client.py', submit, { nodes: third.client });
  let isKilled = false;
  const { code, stdout, stderr } = await runExample(
    'rondo_client.py',
    ['watch', submitted.stdout.toString().trim()],
    {
      nodes: `${first.client},${second.client}`,
      onStdout: (printed) => {
        if (isKilled || printed.split('\n').length < 5) return;
        isKilled = true;
        first.kill('SIGKILL');
      },
    },
  );
  t.ok(isKilled);
  t.equal(code, 0, stderr);
  const numbers = Array.from({ length: 40 }, (_, index) => String(40 - index));
  t.strictSame(stdout.toString().trim().split('\n'), [...numbers, '"lift-off"']);
});

t.test('a reader of rondo_client.py that is slow holds the task back', async (t) => {
  const program = `
import asyncio
from rondo_client import Client
async def main():
    async with Client() as client, Client() as other:
        job, left, seen = None, 0, -1
        async for kind, value in client.stream("flood", 1500):
            if kind == "data" and job is not None:
                left += 1
                while left == 1:  # Until the task stands still.
                    progress = (await other.status(job))["progress"]
                    if progress == seen:
                        print("held back at", progress)
                        break
                    seen = progress
                    await asyncio.sleep(1.0)
            elif kind == "state":
                job = value["id"]
            elif kind == "missed":
                print("missed")
            elif kind == "result":
                print(left, value)
asyncio.run(main())`;
  const { code, stdout, stderr } = await runPython(program, { nodes: a.client });
  t.equal(code, 0, stderr);
  const [held, ...rest] = stdout.toString().trim().split('\n');
  const at = Number(/^held back at (\d+)$/.exec(held ?? '')?.[1]);
  t.ok(at < 1_000, `the task stood at ${held} of 1500`);
  t.strictSame(rest, ['1500 1500'], 'and nothing is missing');
});

t.test(
  'rondo_client.py shares one connection between all calls, and ends a stream that is left early',
  async (t) => {
    const program = `
import asyncio
from rondo_client import Client
async def main():
    async with Client() as client:
        results = await asyncio.gather(*(client.run("echo", n) for n in range(2000)))
        print(results == list(range(2000)), len(client._wires))
        async for kind, value in client.stream("countdown", {"from": 1000, "everyMs": 50}):
            if kind == "data":
                print(kind, value, len(client._wires))
                break
        while len(client._wires) > 1:
            await asyncio.sleep(0.01)
        try:
            await asyncio.wait_for(client.run("sleep", 60000), 0.1)
        except asyncio.TimeoutError:
            print(await client.run("echo", "still there"), len(client._wires))
asyncio.run(main())`;
    const { code, stdout, stderr } = await runPython(program, { nodes: a.client });
    t.equal(code, 0, stderr);
    t.strictSame(stdout.toString().trim().split('\n'), ['True 1', 'data 1000 2', 'still there 1']);
    t.notMatch(stderr, /never (retrieved|awaited)|Unclosed|ResourceWarning/);
  },
);

t.test('what a job of rondo_client.py raises says what went wrong', async (t) => {
  const program = `
import asyncio
from rondo_client import Client, JobFailed, RondoError
async def attempt(call):
    try:
        await call
    except JobFailed as error:
        print("failed", error.name, error.reason, error.attempts)
    except RondoError as error:
        print(error.code)
async def main():
    async with Client() as client:
        await attempt(client.run("sha256", 5, retries=0))
        await attempt(client.run("echo", b"x" * (17 << 20)))
        await attempt(client.run("two words", 1))
        await attempt(client.run("echo", 1, key="a\\nLEAVE"))
        job = await client.submit("sleep", 60000, ttl=60, on={}, copies=2)
        print(job.copies, job.durable)
        await attempt(client.wait(job.id, timeout=0.05))
        await client.cancel(job.id)
asyncio.run(main())`;
  const { code, stdout, stderr } = await runPython(program, { nodes: a.client });
  t.equal(code, 0, stderr);
  t.strictSame(stdout.toString().trim().split('\n'), [
    'failed TypeError sha256 takes the path of a file 1',
    'BODY_TOO_LARGE',
    'BAD_OPTION',
    'BAD_OPTION',
    '2 True',
    'TIMEOUT',
  ]);
});

t.test('rondo.sh is a library of functions, which leave the shell as it was', async (t) => {
  const program = `
    count_sockets() { find /proc/$$/fd -lname 'socket:*' | wc -l; }
    before=$(count_sockets)
    id=$(rondo_submit echo '"from bash"') && rondo_wait "$id" timeout=30s
    rondo_run nobody-offers-this 2>/dev/null || echo "code $?"
    rondo_run echo "$(printf '{\\n"lines": 2}')"
    rondo_wait $'x\\nLEAVE' 2>/dev/null || echo "code $?"
    [ "$before" = "$(count_sockets)" ] && echo "no connection is left open"`;
  const { code, stdout, stderr } = await runBash(program, { nodes: a.client });
  t.equal(code, 0, stderr);
  const printed = stdout.toString().trim().split('\n');
  t.strictSame(printed, ['"from bash"', 'code 1', '{"lines":2}', 'code 2', 'no connection is left open']);
});

t.test('the commands of examples/clients/README.md print what stands there', async (t) => {
  const steps = parseTour(readme);
  t.ok(steps.length > 5, 'there are some');
  const env = {
    PATH: process.env.PATH,
    LC_ALL: 'C.UTF-8',
    PYTHONDONTWRITEBYTECODE: '1',
    RONDO_NODE: a.client,
  };
  const bash = startBash({ directory: repositoryRoot, env, lineTimeoutMs: 30_000 });
  t.teardown(() => bash.end());
  for (const { line, command, expected } of steps) {
    const printed = await bash.type(command);
    t.ok(matchesTour(expected, printed), `line ${line}: ${command}`, { found: printed, wanted: expected });
  }
});

t.test('the program of examples/clients/README.md prints what it says', async (t) => {
  const program = /^```python program\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? '';
  const expected = [...program.matchAll(/^ *print\(.*\) {2}# (.*)$/gm)].flatMap(([, text]) =>
    (text as string).split(' | '),
  );
  t.ok(expected.length > 5, 'there is something');
  const { stdout, stderr } = await runPython(program.replaceAll('127.0.0.1:7411', a.client), { nodes: '' });
  t.strictSame(stdout.toString().trim().split('\n'), expected, stderr);
});
