import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { own } from '../../scripts/bench/contenders/own.js';
import { dataPrefix } from '../../scripts/bench/directories.js';
import type { Contender, WorkloadId } from '../../scripts/bench/figures.js';
import { workloads } from '../../scripts/bench/figures.js';
import { runMeasurement } from '../../scripts/bench/measurement.js';
import { planOf, runPlan } from '../../scripts/bench/rounds.js';
import { choose, listing } from '../../scripts/bench/selection.js';
import { isRunning } from '../support/is-running.js';

const told = { workload: 'a', row: 'x', metric: 'rate', unit: 'jobs/s', value: 7 };
const tells = `console.log('@' + ${JSON.stringify(JSON.stringify(told))});`;

/** Its process runs this program. */
function contender(name: string, program: string, workloads: readonly WorkloadId[] = ['a']): Contender {
  const command = () => ({ file: process.execPath, args: ['-e', program] });
  return { system: name, name, settings: '', workloads, command };
}

const options = { limitMs: 20_000, dataDirectory: tmpdir(), signal: new AbortController().signal };

function commandOf(program: string): ReturnType<Contender['command']> {
  return contender('x', program).command('a', true);
}

t.test('each round has everybody once for each workload, and another one begins', async (t) => {
  const contenders = [
    contender('x', '', ['a', 'b']),
    contender('y', '', ['a']),
    contender('z', '', ['a', 'b']),
  ];
  const plan = planOf({ contenders, workloads: ['a', 'b', 'c'], rounds: 3 });
  const shown = [1, 2, 3].map((round) =>
    plan
      .filter((planned) => planned.round === round)
      .map(({ workload, contender: { name } }) => workload + name)
      .join(' '),
  );
  t.strictSame(shown, ['ax ay az bx bz', 'ay az ax bz bx', 'az ax ay bx bz']);
});

t.test('a measurement that fails is told with its last words, and ends no other', async (t) => {
  const contenders = [
    contender('fails', `${tells} console.error('no port'); process.exit(3);`),
    contender('is silent', ''),
    contender('is well', `console.log('log'); ${tells}`),
    contender('is not there', ''),
  ];
  const missing: Contender = {
    ...(contenders[3] as Contender),
    command: () => ({ file: '/nowhere/x', args: [] }),
  };
  const plan = planOf({ contenders: [...contenders.slice(0, 3), missing], workloads: ['a'], rounds: 1 });
  const lines: string[] = [];
  const { measurements, figures } = await runPlan(plan, {
    ...options,
    isQuick: true,
    tell: (line) => lines.push(line),
  });
  t.match(
    measurements.map(({ failure }) => failure),
    [/^it ended with 3: no port$/, /^it told no figure/, null, /^it could not be started, .*ENOENT/],
  );
  t.strictSame(
    figures.map(({ contender: name, value }) => `${name} ${value}`),
    ['fails 7', 'is well 7'],
  );
  t.match(lines[0], /^\[1 of 4, .* left\] a: fails: /);
  t.match(lines[1], /FAILED: it ended with 3/);
});

t.test('one that takes too long is ended, with all that it has started', async (t) => {
  const program = `
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    ${tells.replace('7', '" + child.pid + "')}
    process.on('SIGTERM', () => process.exit(1));
    setInterval(() => {}, 1000);`;
  const outcome = await runMeasurement(commandOf(program), { ...options, limitMs: 1_000 });
  t.match(outcome, { failure: 'it took more than 1 s' });
  const [{ value: pid } = { value: 0 }] = outcome.figures;
  t.ok(pid > 0);
  t.notOk(isRunning(pid), 'its child is gone');
});

t.test('one that leaves a process behind has failed, and that process is ended', async (t) => {
  const program = `
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    child.unref();
    ${tells.replace('7', '" + child.pid + "')}`;
  const outcome = await runMeasurement(commandOf(program), options);
  t.match(outcome.failure, /^it left processes behind: \d+: /);
  t.notOk(isRunning(outcome.figures[0]?.value ?? 0));
});

t.test(
  'a contender ends by itself when nobody is left who waits for it, and takes the data of the run away',
  async (t) => {
    const data = mkdtempSync(join(tmpdir(), dataPrefix));
    t.teardown(() => rmSync(data, { recursive: true, force: true }));
    const path = fileURLToPath(new URL('../../scripts/bench/contenders/ceiling.js', import.meta.url));
    const child = spawn(process.execPath, [path, 'b', 'bare', '--quick'], {
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
      env: { ...process.env, TMPDIR: data },
    });
    const ended = once(child, 'exit');
    child.disconnect();
    t.strictSame(await ended, [130, null]);
    t.notOk(existsSync(data));
  },
);

t.test(
  'a run whose terminal or whose reader goes away ends what it has started, and removes its data',
  async (t) => {
    for (const [how, code] of [
      ['SIGHUP', 130],
      ['closed', 141],
    ] as const) {
      const data = t.testdir();
      const args = ['--only', 'ceiling', '--workload', 'b', '--quick', '--data', data];
      const child = spawn(process.execPath, ['dist/scripts/bench.js', ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = once(child, 'exit');
      for await (const text of child.stderr
        .setEncoding('utf8')
        .iterator({ destroyOnReturn: how === 'closed' }))
        if (/^\[1 of /m.test(text as string)) break;
      if (how === 'SIGHUP') child.kill(how);
      t.strictSame(await ended, [code, null], how);
      t.strictSame(readdirSync(data), [], how);
    }
  },
);

t.test('what cannot be read as a figure is a failure', async (t) => {
  t.match((await runMeasurement(commandOf("console.log('@{broken')"), options)).failure, /could not be read/);
});

t.test('the bare processes are always there, and a quick run says what it leaves out', async (t) => {
  const choice = choose(own, { only: 'rondo', workload: undefined, isQuick: true });
  if (typeof choice === 'string') throw new Error(choice);
  t.strictSame([...new Set(choice.contenders.map(({ system }) => system))].sort(), ['ceiling', 'rondo']);
  t.strictSame(choice.workloads, ['a', 'b', 'c', 'd', 'k']);
  t.strictSame(choice.leftOut, [
    'workloads e, f, g, h, i, j, l',
    'Rondo, memory, two copies',
    'Rondo, journals, ttl=0s',
  ]);
  t.notOk(choice.isWhole);
  t.ok(
    (choose(own, { only: undefined, workload: undefined, isQuick: false }) as { isWhole: boolean }).isWhole,
  );
  const some = choose(own, { only: undefined, workload: 'l, a', isQuick: true });
  t.match(some, { workloads: ['a', 'l'], leftOut: [], isWhole: false });
});

t.test('the list names every contender with its workloads and how it runs', async (t) => {
  const all = Object.keys(workloads) as WorkloadId[];
  const list = listing({ contenders: own, workloads: all });
  for (const { name, settings } of own) {
    t.match(list, `  ${name} (`);
    t.match(list, settings);
  }
  t.match(list, '  k  ready, and idle (also in a quick run)');
  const some = listing({ contenders: own.slice(0, 1), workloads: ['b'] });
  t.notMatch(some, own[1]?.name ?? '');
  t.notMatch(some, '  k  ready');
});
