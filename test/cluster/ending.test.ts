import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { request, untilState, waitUntil } from '../support/cluster.js';
import { clusterFor } from '../support/cluster-for.js';
import { isRunning } from '../support/is-running.js';

t.test('a second signal ends a node and its programs at once, and the others find it dead', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-ending-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const [config, pidFile] = [join(directory, 'rondo.yaml'), join(directory, 'pid')];
  const script = `trap "" TERM INT; echo $$ > ${pidFile}; while :; do sleep 1; done`;
  const command = JSON.stringify(['/bin/sh', '-c', script]);
  writeFileSync(config, `abortGrace: 1h\ndrainTimeout: 1h\ncommands: {stubborn: {command: ${command}}}\n`);
  const cluster = await clusterFor(t, { nodes: 2, names: ['a', 'b'], args: ['--config', config] });
  const [a, b] = cluster.nodes;
  if (a === undefined || b === undefined) throw new Error('two nodes were started');
  t.match(await request(b, 'SUBMIT stubborn node=b {}'), /^OK /);
  const pid = await waitUntil('the program runs', () =>
    existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) || null : null,
  );
  b.kill('SIGTERM');
  await waitUntil('it drains', () => b.logs().includes('leaving: takes no new jobs'));
  const askedAtMs = performance.now();
  b.kill('SIGINT');
  t.same(await b.ended, { code: 1, signal: null });
  const tookMs = performance.now() - askedAtMs;
  t.ok(tookMs < 1_500, `it ended after ${Math.round(tookMs)} ms`);
  t.match(
    b.logs(),
    /"level":40.*"owned":1,"running":1,.*with 1 unfinished jobs that this node owns: other nodes hold them/,
  );
  await waitUntil('the program has ended', () => !isRunning(pid));
  await untilState([a], 'b', 'dead');
});

t.test('a node whose terminal is closed drains and leaves, however often it is told so', async (t) => {
  const cluster = await clusterFor(t, { nodes: 2, names: ['a', 'b'] });
  const [a, b] = cluster.nodes;
  if (a === undefined || b === undefined) throw new Error('two nodes were started');
  const job = (await request(a, 'SUBMIT sleep node=b 700')).split(' ')[1];
  await waitUntil('it runs', async () =>
    (await request(a, `STATUS ${job}`)).includes('"running"') ? true : null,
  );
  b.kill('SIGHUP');
  await waitUntil('it drains', () => b.logs().includes('leaving: takes no new jobs'));
  b.kill('SIGHUP');
  t.same(await b.ended, { code: 0, signal: null });
  t.equal(await request(a, `WAIT ${job}`), 'OK 700');
  await untilState([a], 'b', 'left');
});

t.test('a lone node that was killed goes on with its jobs, and calls them its own', async (t) => {
  const cluster = await clusterFor(t, { nodes: 1, names: ['a'] });
  const [a] = cluster.nodes;
  if (a === undefined) throw new Error('a node was started');
  for (let count = 0; count < 3; count++) t.match(await request(a, 'SUBMIT echo delay=1h 1'), /durable=yes$/);
  a.kill('SIGKILL');
  await a.ended;
  const again = await cluster.restart(a);
  await waitUntil('it has said so', () =>
    again.logs().includes('goes on with unfinished jobs of its own: 3'),
  );
  t.notMatch(again.logs(), /owner is gone/);
  t.notMatch(again.logs(), /"level":[45]0/, 'nothing is wrong');
});

t.test('a node leaves though the disk that it writes to hangs, and a second signal ends it', async (t) => {
  const cluster = await clusterFor(t, { nodes: 1, names: ['a'] });
  const [a] = cluster.nodes;
  if (a === undefined) throw new Error('a node was started');
  // What is written to a pipe that nobody reads never ends, as on a network disk whose server is gone.
  const directory = join(cluster.directory, 'b');
  mkdirSync(directory);
  t.equal(spawnSync('mkfifo', [join(directory, 'peers.json.new')]).status, 0);
  const b = await cluster.add('b');
  await cluster.untilAlive(2);
  // By then it writes down where the other one is.
  await new Promise((resolve) => setTimeout(resolve, 500));
  b.kill('SIGTERM');
  await untilState([a], 'b', 'left');
  await waitUntil('it lets go of its directory', () => !existsSync(join(directory, 'lock')));
  t.equal(b.child.exitCode, null, 'the system waits for the disk');
  b.kill('SIGTERM');
  t.same(await b.ended, { code: null, signal: 'SIGTERM' });
});
