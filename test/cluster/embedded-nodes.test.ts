import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  Client,
  JobFailedError,
  type LogEntry,
  Node,
  NodeStartError,
  type TaskContext,
} from '../../src/index.js';
import { waitUntil } from '../support/wait-until.js';
import { repositoryRoot } from '../tidy/source-tree.js';

t.test('two nodes in one process form a cluster and run the tasks of each other', async (t) => {
  const logged: LogEntry[] = [];
  const a = await Node.start({
    name: 'a',
    tasks: {
      add: async (args: { a: number; b: number }, ctx: TaskContext) => ({
        sum: args.a + args.b,
        on: ctx.node,
      }),
    },
    onLog: (entry) => logged.push(entry),
  });
  const b = await Node.start({
    name: 'b',
    join: a.peer,
    tags: { zone: 'eu' },
    tasks: {
      shout: { run: (text: string) => text.toUpperCase(), concurrency: 1, timeout: '5s', retries: 1 },
      refuse: async () => Promise.reject(new RangeError('never')),
      count: async function* (to: number) {
        for (let n = 1; n <= to; n++) yield n;
        return to;
      },
    },
  });
  t.teardown(() => Promise.all([a.stop({ now: true }), b.stop({ now: true })]));
  const [ofA, ofB] = await Promise.all([a.client(), b.client()]);
  await waitUntil('they know each other', async () =>
    (await Promise.all([ofA.nodes(), ofB.nodes()])).every(
      (nodes) => nodes.filter(({ state }) => state === 'alive').length === 2,
    ),
  );
  const tasks = (await ofA.tasks()).filter(({ name }) => !['echo', 'sleep', 'fetch'].includes(name));
  t.strictSame(tasks, [
    { name: 'add', nodes: ['a'] },
    { name: 'count', nodes: ['b'] },
    { name: 'refuse', nodes: ['b'] },
    { name: 'shout', nodes: ['b'] },
  ]);
  t.strictSame(await ofA.run('add', { a: 1, b: 2 }), { sum: 3, on: 'a' });
  t.equal(await ofB.run('shout', 'hi'), 'HI');
  t.equal(await ofB.run('count', 3), 3);
  const anyOfA = await a.client<{ shout(text: string): string; echo(value: number): number }>();
  t.equal(await anyOfA.run('shout', 'from a'), 'FROM A', 'the client of one reaches the task of the other');
  t.equal(await anyOfA.run('echo', 1, { on: { zone: 'eu' } }), 1);
  const error: unknown = await ofB.run('refuse').catch((thrown: unknown) => thrown);
  t.ok(error instanceof JobFailedError);
  t.match(error, { attempts: 1, cause: { name: 'RangeError', message: 'never' } });

  await Promise.all([a.stop(), b.stop()]);
  await a.stopped;
  await t.rejects(
    ofA.run('add', { a: 1, b: 2 }),
    { name: 'UnavailableError' },
    'its clients are closed with it',
  );
  t.ok(logged.some(({ text }) => text === 'node a is ready'));
});

t.test('a node keeps its identity and its jobs in a data directory', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'rondo-embedded-'));
  t.teardown(() => rmSync(data, { recursive: true, force: true, maxRetries: 5 }));
  const options = { name: 'kept', data, tasks: { double: (n: number) => 2 * n } };
  const first = await Node.start(options);
  const job = await (await first.client()).submit('double', 21, { delay: '2s' });
  t.equal(job.durable, true);
  await first.stop();
  const second = await Node.start(options);
  t.teardown(() => second.stop({ now: true }));
  t.equal(second.id, first.id);
  t.equal(await (await second.client()).wait(job.id), 42);
  await second.stop();
});

t.test('a client needs the token of a node, and its own client has it', async (t) => {
  const node = await Node.start({ clientToken: 's3cret' });
  t.teardown(() => node.stop({ now: true }));
  t.equal(await (await node.client<{ echo(n: number): number }>()).run('echo', 1), 1);
  await t.rejects(
    Client.connect({ nodes: node.address }).then((client) => client.run('echo')),
    {
      name: 'UnauthorizedError',
    },
  );
  await t.rejects(Client.connect({ nodes: node.address, token: 'guess' }), { name: 'UnauthorizedError' });
  const client = await Client.connect({ nodes: node.address, token: 's3cret' });
  t.equal(await client.run('echo', 2), 2);
  await client.close();
  await node.stop();
  await node.stop();
  await node.stop({ now: true });
});

t.test('what no node can be started with is told by a typed error', async (t) => {
  const wrong: Record<string, [code: string, says: RegExp, options: object]> = {
    'a slip of the pen': ['BAD_CONFIG', /no option `nmae`/, { nmae: 'a' }],
    'an address that is none': ['BAD_CONFIG', /^`listen` is "nowhere"/, { listen: 'nowhere' }],
    'too many threads': ['BAD_CONFIG', /`threads` is 1000/, { threads: 1000 }],
    'a setting that there is not': ['BAD_CONFIG', /no setting `jobs.tll`/, { jobs: { tll: '1h' } }],
    'a setting out of range': ['BAD_CONFIG', /^`jobs.copies` is "99"/, { jobs: { copies: 99 } }],
    'beyond loopback without a key': ['NO_KEY', /keeps to loopback/, { listen: '0.0.0.0:0' }],
    'a task that is no function': ['BAD_CONFIG', /add is no function/, { tasks: { add: 5 } }],
    'a task with an empty name': ['BAD_CONFIG', /"" is no name/, { tasks: { '': () => 1 } }],
    'a task that is built in': ['BAD_CONFIG', /echo is built in/, { tasks: { echo: () => 1 } }],
    'a task option that is not known': [
      'BAD_CONFIG',
      /options.retires/,
      { tasks: { add: { run: () => 1, retires: 1 } } },
    ],
    'a directory that is not there': ['BAD_TASK_DIRECTORY', /\/nowhere/, { taskDirectories: ['/nowhere'] }],
  };
  for (const [what, [code, message, options]] of Object.entries(wrong)) {
    const error: unknown = await Node.start(options).then(
      (node) => node.stop({ now: true }),
      (thrown: unknown) => thrown,
    );
    t.ok(error instanceof NodeStartError, what);
    t.match(error, { code, message }, what);
  }
});

/** Ends with another code than 0 where a node has done to its process what is none of its business. */
const program = (data: string) => `
import { Node } from '${join(repositoryRoot, 'dist/src/index.js')}';
const endings = ['SIGTERM', 'SIGINT', 'SIGHUP', 'exit', 'beforeExit', 'uncaughtException', 'unhandledRejection', 'warning'];
const listeners = () => endings.map((event) => process.listenerCount(event)).join();
const before = listeners();
process.env.RONDO_NAME = 'from-the-environment';
const tasks = { add: ({ a, b }) => a + b };
const a = await Node.start({ tasks, http: '127.0.0.1:0', data: '${data}' });
const b = await Node.start({ join: a.peer, threads: 1 });
const client = await b.client();
while ((await client.nodes()).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
if ((await client.run('add', { a: 1, b: 2 })) !== 3) process.exitCode = 3;
if ((await client.run('echo', 5)) !== 5) process.exitCode = 4;
if (a.name === 'from-the-environment') process.exitCode = 5;
if (listeners() !== before) process.exitCode = 6;
await Promise.all([a.stop(), b.stop()]);
`;

t.test('a program ends by itself once its nodes are stopped, and they have written nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-program-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'program.mjs');
  writeFileSync(path, program(join(directory, 'data')));
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  t.equal(output, '');
  t.equal(code, 0);
});
