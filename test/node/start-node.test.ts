import type { ChildProcess } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connect } from '../../src/client/client.js';
import { loadConfig } from '../../src/node/config-load.js';
import type { RunningNode } from '../../src/node/running-node.js';
import { startNode } from '../../src/node/start-node.js';
import { unusedJournalWarnings } from '../../src/node/start-warnings.js';
import { countUnfinishedJobs } from '../../src/store/unfinished-jobs.js';
import { runCli } from '../support/run-cli.js';
import { waitUntil } from '../support/wait-until.js';

function directoryFor(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-node-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

function start(flags: Record<string, unknown>): Promise<RunningNode> {
  const free = { listen: '127.0.0.1:0', client: '127.0.0.1:0', http: false, logLevel: 'silent' };
  return startNode({ ...free, ...flags }, { HOME: '/nowhere' });
}

async function stop(node: RunningNode): Promise<void> {
  node.drainAndLeave();
  await node.stopped;
}

t.test('a start that fails early gives the data directory free', async (t) => {
  const directory = directoryFor(t);
  const data = join(directory, 'data');
  const config = join(directory, 'rondo.yaml');
  writeFileSync(config, 'commands: {echo: {command: [cat]}}');
  await t.rejects(start({ data, config }), { code: 'BAD_COMMAND' });
  t.notOk(existsSync(join(data, 'lock')));
  await stop(await start({ data }));
});

t.test('HELLO tells the limits that the node was given', async (t) => {
  const config = join(directoryFor(t), 'rondo.yaml');
  writeFileSync(config, 'limits: { lineBytes: 1KiB, bodyBytes: 1MiB, requestsInFlight: 7 }');
  const node = await start({ journal: false, config });
  const client = await connect({ nodes: [node.client] });
  const hello = await client.request({ verb: 'HELLO' });
  client.close();
  await stop(node);
  t.match(hello, { ok: true });
  t.match(JSON.parse(hello.ok ? hello.text : ''), {
    limits: { lineBytesMax: 1024, bodyBytesMax: 1024 * 1024, requestsInFlightMax: 7 },
  });
});

t.test(
  'whether a node keeps a journal is seen in NODES, INFO and the metrics, and a job gets copies as configured',
  async (t) => {
    const config = join(directoryFor(t), 'rondo.yaml');
    writeFileSync(config, 'jobs: { copies: 1 }');
    const http = '127.0.0.1:0';
    const kept = await start({ data: join(directoryFor(t), 'data'), config, http });
    const unkept = await start({ journal: false, http, join: [kept.peer] });
    const client = await connect({ nodes: [unkept.client] });
    const ask = async (verb: string, operands: string[] = []): Promise<string> => {
      const reply = await client.request({ verb, operands });
      return reply.ok ? reply.text : reply.message;
    };
    const rows = await waitUntil('they know each other', async () => {
      const found = JSON.parse(await ask('NODES'));
      return found.length === 2 ? found : null;
    });
    const journals = Object.fromEntries(
      rows.map(({ id, journal }: { id: string; journal: unknown }) => [id, journal]),
    );
    t.strictSame(journals, { [kept.id]: 'open', [unkept.id]: null });
    t.match(JSON.parse(await ask('INFO')), { journal: null, held: { unfinished: 0, finished: 0, bytes: 0 } });
    t.match(await ask('SUBMIT', ['echo']), / copies=2 durable=no$/);
    t.match(JSON.parse(await ask('INFO')), { held: { unfinished: 0, finished: 0 } });
    const single = await connect({ nodes: [kept.client] });
    const alone = await single.request({ verb: 'SUBMIT', operands: ['echo'] });
    t.match(alone, { ok: true, text: / copies=1 durable=yes$/ });
    const metrics = await (await fetch(`http://${kept.http}/metrics`)).text();
    t.match(metrics, /^rondo_journal\{state="open"\} 1$/m);
    t.match(metrics, /^rondo_journal\{state="failed"\} 0$/m);
    t.match(metrics, /^rondo_copies\{state="(un)?finished"\} 1$/m, 'the job of the other node');
    client.close();
    single.close();
    await stop(unkept);
    await stop(kept);
  },
);

t.test('a durable outcome is there after a restart, with the time at which the job ended', async (t) => {
  const data = join(directoryFor(t), 'data');
  const outcomeAt = async (node: RunningNode, job: string): Promise<string> => {
    const client = await connect({ nodes: [node.client] });
    await client.request({ verb: 'WAIT', operands: [job] });
    const reply = await client.request({ verb: 'STATUS', operands: [job] });
    client.close();
    return JSON.parse(reply.ok ? reply.text : '{}').finishedAt;
  };
  const first = await start({ data });
  const client = await connect({ nodes: [first.client] });
  const reply = await client.request({ verb: 'SUBMIT', operands: ['echo'], payload: '1' });
  client.close();
  const job = reply.ok ? (reply.text.split(' ')[0] ?? '') : '';
  const finishedAt = await outcomeAt(first, job);
  await stop(first);
  const second = await start({ data });
  t.equal(await outcomeAt(second, job), finishedAt);
  await stop(second);
});

t.test('a second start that fails leaves the ready file of the first alone', async (t) => {
  const directory = directoryFor(t);
  const readyFile = join(directory, 'ready.json');
  const data = join(directory, 'data');
  const node = await start({ data, readyFile });
  await t.rejects(start({ data, readyFile }), { code: 'DATA_DIR_IN_USE' });
  await t.rejects(start({ journal: false, listen: node.peer, readyFile }), { code: 'ADDRESS_IN_USE' });
  await t.rejects(start({ journal: false, client: node.client, readyFile }), { code: 'ADDRESS_IN_USE' });
  t.match(JSON.parse(readFileSync(readyFile, 'utf8')), { peer: node.peer, client: node.client });
  await stop(node);
  t.notOk(existsSync(readyFile));
});

t.test('a ready file that another node has written since stays', async (t) => {
  const readyFile = join(directoryFor(t), 'ready.json');
  const node = await start({ journal: false, readyFile });
  writeFileSync(readyFile, '{}');
  await stop(node);
  t.equal(readFileSync(readyFile, 'utf8'), '{}');
});

t.test('a ready file that a killed node left is removed once the ports are open', async (t) => {
  const readyFile = join(directoryFor(t), 'ready.json');
  writeFileSync(readyFile, '{}');
  const inTheWay = createServer();
  await new Promise<void>((resolve) => inTheWay.listen(0, '127.0.0.1', resolve));
  t.teardown(() => inTheWay.close());
  const { port } = inTheWay.address() as { port: number };
  const http = `127.0.0.1:${port}`;
  await t.rejects(start({ journal: false, readyFile, http }), { code: 'ADDRESS_IN_USE' });
  t.notOk(existsSync(readyFile));
});

t.test(
  'a ready file that can not be written fails the start before anything is opened, and leaves nothing beside it',
  async (t) => {
    const readyFile = join(directoryFor(t), 'ready.json');
    mkdirSync(readyFile);
    const inTheWay = createServer();
    await new Promise<void>((resolve) => inTheWay.listen(0, '127.0.0.1', resolve));
    t.teardown(() => inTheWay.close());
    const taken = `127.0.0.1:${(inTheWay.address() as { port: number }).port}`;
    const places = [readyFile, join(readyFile, 'missing', 'ready.json')];
    for (const place of places) {
      // A port that is taken would be found out first if any were opened.
      await t.rejects(start({ journal: false, readyFile: place, listen: taken }), {
        code: 'BAD_CONFIG',
        message: /can't be written/,
      });
    }
    t.notOk(existsSync(`${readyFile}.${process.pid}`));
  },
);

t.test('directories on the way to the data directory are made, for their owner alone', async (t) => {
  const data = join(directoryFor(t), 'one', 'two', 'three');
  await stop(await start({ data }));
  t.equal(statSync(join(data, '..')).mode & 0o777, 0o700);
});

t.test('a data directory where none can be made is refused, and not tried for ever', async (t) => {
  // In a process of its own: a loop in this one could not be ended.
  const args = [
    'start',
    '--listen',
    '127.0.0.1:0',
    '--client',
    '127.0.0.1:0',
    '--no-http',
    '--data',
    '/proc/x/y',
  ];
  const { code, stderr } = await runCli(args, {
    onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), 15_000).unref(),
  });
  t.equal(code, 1);
  t.match(stderr, /^rondo: the data directory \/proc\/x\/y .*; a new node may have another with --data/);
});

for (const [what, put] of [
  ['a file', (path: string) => writeFileSync(path, '')],
  ['a link that leads nowhere', (path: string) => symlinkSync('nowhere', path)],
] as const) {
  t.test(`${what} in the place of the journal is refused at the start, and left as it is`, async (t) => {
    const data = join(directoryFor(t), 'data');
    mkdirSync(data);
    const journal = join(data, 'journal');
    put(journal);
    await t.rejects(start({ data }), {
      code: 'JOURNAL_NOT_A_DIRECTORY',
      message: `${journal} is not a directory, and the journal needs one in this place: move it away, choose another data directory with --data, or keep nothing with --no-journal`,
    });
    t.notOk(lstatSync(journal).isDirectory());
    t.notOk(existsSync(join(data, 'lock')), 'the directory is given free');
    rmSync(journal);
    await stop(await start({ data }));
  });
}

t.test(
  'a start without a journal warns of unfinished jobs in the one that is there, and leaves it alone',
  async (t) => {
    const home = directoryFor(t);
    const data = join(home, '.local/share/rondo/rondo/a');
    const kept = await start({ data });
    const client = await connect({ nodes: [kept.client] });
    for (const options of [[['delay', '1h'] as const], [['delay', '2h'] as const], []])
      await client.request({ verb: 'SUBMIT', operands: ['echo'], options, payload: '1' });
    client.close();
    const warned = async (flags: Record<string, unknown>): Promise<string[]> => {
      const { config } = await loadConfig({ flags: { name: 'a', ...flags }, env: { HOME: home }, cwd: home });
      return (await unusedJournalWarnings(config)).map(({ text }) => text);
    };
    t.strictSame(await warned({ journal: false }), [], 'a process that has it goes on with them');
    await stop(kept);
    const file = join(data, 'journal/data.mdb');
    const before = readFileSync(file);
    t.strictSame(await warned({ journal: false }), [
      `The journal in ${data} has 2 unfinished jobs, and this node, which keeps none (--no-journal), leaves that alone: ` +
        'start it with its journal to go on there, or remove the directory if nobody needs it',
    ]);
    t.strictSame(await warned({}), [], 'a node that goes on with them');
    t.strictSame(await warned({ journal: false, name: 'b' }), [], 'a node that never had any');
    t.strictSame(readFileSync(file), before);
    t.notOk(existsSync(join(data, 'lock')));
    t.equal(countUnfinishedJobs(data, 1), 1, 'no more are counted than is asked for');

    const args = ['start', '--name', 'a', '--listen', '127.0.0.1:0', '--client', '127.0.0.1:0', '--no-http'];
    let child: ChildProcess | null = null;
    const { stdout } = await runCli([...args, '--no-journal'], {
      env: { HOME: home },
      onStart: (started) => {
        child = started;
      },
      onStdout: (text) => {
        if (text.includes('is ready')) child?.kill('SIGTERM');
      },
    });
    t.match(stdout, /"level":40,.*"jobs":2,"msg":"The journal in .* has 2 unfinished jobs/);
    writeFileSync(file, 'broken');
    t.strictSame(
      await warned({ journal: false }),
      [],
      'one that is broken keeps nobody from a start without it',
    );
  },
);
