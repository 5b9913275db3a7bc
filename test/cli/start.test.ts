import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { untilStopped } from '../../src/cli/commands/start.js';
import { rondoPath, runCli } from '../support/run-cli.js';
import { waitUntil } from '../support/wait-until.js';

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

const ofService = {
  RONDO_SERVICE_HOST: '10.0.0.1',
  RONDO_SERVICE_PORT: '7411',
  RONDO_SERVICE_PORT_CLIENT: '7411',
  RONDO_PORT: 'tcp://10.0.0.1:7411',
  RONDO_PORT_7411_TCP: 'tcp://10.0.0.1:7411',
  RONDO_PORT_7411_TCP_PROTO: 'tcp',
  RONDO_PORT_7411_TCP_PORT: '7411',
  RONDO_PORT_7411_TCP_ADDR: '10.0.0.1',
};

t.test(
  'what Kubernetes sets for a Service rondo, or rondo-client, keeps no node and no client from its work',
  async (t) => {
    const ofAnother = Object.entries(ofService).map(([key, value]) => [
      key.replace('RONDO_', 'RONDO_CLIENT_'),
      value,
    ]);
    const env = { ...ofService, ...Object.fromEntries(ofAnother) };
    const { code, stderr } = await runCli(['start', '--threads', 'x'], { env });
    t.equal(code, 2);
    t.match(stderr, /^rondo: --threads: /);
    t.match(await runCli(['nodes', '--node', '127.0.0.1:1'], { env }), { code: 1, stderr: /127\.0\.0\.1:1/ });
  },
);

t.test(
  'any other variable that begins with RONDO_ and is none is refused, with the one that was meant',
  async (t) => {
    const cases = [
      [
        'RONDO_CLIENT_PORT',
        /unknown environment variable `RONDO_CLIENT_PORT`; did you mean `RONDO_CLIENT`\?/,
      ],
      ['RONDO_LISTEN_SERVICE_PORT', /unknown environment variable `RONDO_LISTEN_SERVICE_PORT`/],
      ['RONDO_NO_HTTP', /did you mean `RONDO_HTTP=false`\?/],
      ['RONDO_NO_JOURNAL', /did you mean `RONDO_JOURNAL=false`\?/],
      ['RONDO_TAG', /did you mean `RONDO_TAGS`\?/],
    ] as const;
    for (const [variable, says] of cases) {
      const { code, stderr } = await runCli(['start'], { env: { [variable]: '1' } });
      t.equal(code, 2, variable);
      t.match(stderr, says);
    }
  },
);

t.test('a node whose output can not be written ends all the same', async (t) => {
  // As on a full disk, or on a terminal that was closed.
  const directory = mkdtempSync(join(tmpdir(), 'rondo-start-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const readyFile = join(directory, 'ready');
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [rondoPath, 'start', ...freePorts, '--ready-file', readyFile], {
    stdio: ['ignore', full, 'inherit'],
  });
  closeSync(full);
  setTimeout(() => child.kill('SIGKILL'), 15_000).unref();
  const ended = once(child, 'exit');
  await waitUntil('it is ready', () => existsSync(readyFile));
  child.kill('SIGTERM');
  t.same(await ended, [0, null]);
});

/** A node that is told to end, and what has come of it. */
class ToldNode {
  readonly signals = new EventEmitter();
  readonly calls: unknown[] = [];
  stop = (_: number): void => {};
  private readonly stopped = new Promise<number>((resolve) => {
    this.stop = resolve;
  });

  untilStopped(ready: Promise<void>): Promise<number> {
    const { calls, signals, stopped } = this;
    const node = { stopped, drainAndLeave: () => calls.push('drain'), stopNow: () => calls.push('stop') };
    return untilStopped(() => ready.then(() => node), signals, {
      exit: (code) => calls.push(code),
      raise: (signal) => calls.push(signal),
    });
  }

  /** What it did about this signal. */
  told(signal: NodeJS.Signals): unknown {
    this.signals.emit(signal, signal);
    return this.calls.pop() ?? null;
  }
}

t.test('the first signal drains, the next ends the node at once, any further one the process', async (t) => {
  const node = new ToldNode();
  const code = node.untilStopped(Promise.resolve());
  await setImmediate();
  t.equal(node.told('SIGTERM'), 'drain');
  t.equal(node.told('SIGINT'), 'stop');
  t.equal(node.told('SIGTERM'), 1);
  t.equal(node.told('SIGINT'), 1);
  node.stop(1);
  t.equal(await code, 1);
  t.strictSame(node.signals.eventNames(), []);
});

t.test('a terminal that closes, which is told more than once, never ends a node at once', async (t) => {
  const node = new ToldNode();
  void node.untilStopped(Promise.resolve());
  await setImmediate();
  t.equal(node.told('SIGHUP'), 'drain');
  t.equal(node.told('SIGHUP'), 'drain');
  t.equal(node.told('SIGTERM'), 'drain', 'the first that asks for its end');
  t.equal(node.told('SIGHUP'), 'drain');
  t.equal(node.told('SIGTERM'), 'stop');
  t.equal(node.told('SIGHUP'), null);
});

t.test(
  'a signal ends a node that is not up yet, and is not lost on one that has just told that it is',
  async (t) => {
    const early = new ToldNode();
    void early.untilStopped(new Promise(() => {}));
    t.equal(early.told('SIGTERM'), 'SIGTERM');
    t.strictSame(early.signals.eventNames(), []);
    const node = new ToldNode();
    let tell = (): void => {};
    void node.untilStopped(
      new Promise<void>((resolve) => {
        tell = resolve;
      }),
    );
    t.ok(node.signals.listenerCount('SIGTERM') > 0, 'it listens before it tells');
    tell();
    await setImmediate();
    t.equal(node.told('SIGTERM'), 'drain');
  },
);
