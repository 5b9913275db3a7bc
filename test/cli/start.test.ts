import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { untilStopped } from '../../src/cli/commands/start.js';
import { runCli } from '../support/run-cli.js';

const freePorts = ['--listen', '127.0.0.1:0', '--client', '127.0.0.1:0', '--no-http', '--no-journal'];

for (const place of ['missing', 'file']) {
  t.test(`a task directory that is none (${place}) is told, and ends the process`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'rondo-start-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'file'), '');
    const { code, stderr } = await runCli(['start', ...freePorts, '--tasks', join(directory, place)], {
      // One that never ends would otherwise only show as a test that takes too long.
      onStart: (child) => void setTimeout(() => child.kill('SIGKILL'), 10_000).unref(),
    });
    t.equal(code, 2);
    t.match(stderr, /^rondo: [^\n]*rondo-start-[^\n]*\n$/);
  });
}

t.test('the variables of the clients, of fault finding and of command tasks are no mistake', async (t) => {
  const env = {
    RONDO_DEBUG: '1',
    RONDO_NODE: '127.0.0.1:1',
    RONDO_TOKEN: 'x',
    RONDO_JOB_ID: 'x',
    RONDO_ATTEMPT: '1',
    RONDO_TASK: 'x',
    RONDO_NODE_NAME: 'x',
  };
  const { code, stderr } = await runCli(['start', '--threads', 'x'], { env });
  t.equal(code, 2);
  t.match(stderr, /^rondo: --threads: /);
});

t.test('the first signal drains, the next ends the node at once, any further one the process', async (t) => {
  const signals = new EventEmitter();
  const calls: unknown[] = [];
  let stop = (_: number): void => {};
  const node = {
    stopped: new Promise<number>((resolve) => {
      stop = resolve;
    }),
    drainAndLeave: () => calls.push('drain'),
    stopNow: () => calls.push('stop'),
  };
  const code = untilStopped(node, signals, (exitCode) => calls.push(exitCode));
  signals.emit('SIGTERM');
  t.strictSame(calls, ['drain']);
  signals.emit('SIGINT');
  t.strictSame(calls, ['drain', 'stop']);
  signals.emit('SIGTERM');
  signals.emit('SIGINT');
  t.strictSame(calls, ['drain', 'stop', 1, 1]);
  stop(1);
  t.equal(await code, 1);
  t.strictSame([signals.listenerCount('SIGTERM'), signals.listenerCount('SIGINT')], [0, 0]);
});
