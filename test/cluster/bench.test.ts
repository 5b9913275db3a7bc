import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { settings, startPair } from '../../scripts/bench/contenders/rondo/settings.js';
import { type Figure, readFigures } from '../../scripts/bench/figures.js';

t.setTimeout(120_000);

interface End {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(program: string, ...args: string[]): Promise<End> {
  const child = spawn(process.execPath, [`dist/scripts/bench/contenders/${program}.js`, ...args]);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

async function figuresOf(program: string, workload: string, setting: string): Promise<readonly Figure[]> {
  const { code, stdout, stderr } = await run(program, workload, setting, '--quick');
  if (code !== 0) throw new Error(`${program} ${workload} ${setting} ended with ${code}: ${stderr}`);
  const figures = readFigures(stdout);
  for (const figure of figures) {
    t.equal(figure.workload, workload);
    t.ok(Number.isFinite(figure.value), `${figure.row}, ${figure.metric}: ${figure.value} ${figure.unit}`);
  }
  return figures;
}

function rowsOf(figures: readonly Figure[]): string[] {
  // p99.9 is told only of many jobs, which is how fast the machine is.
  return figures.filter(({ metric }) => metric !== 'p99.9').map(({ row, metric }) => `${row}, ${metric}`);
}

t.test('Rondo and the bare relay are measured in the same rows, so that they can be compared', async (t) => {
  for (const workload of ['a', 'b'])
    t.strictSame(
      rowsOf(await figuresOf('rondo', workload, 'memory-1')),
      rowsOf(await figuresOf('ceiling', workload, 'bare')),
      workload,
    );
});

t.test('durable jobs are measured taken, and run', async (t) => {
  const rows = rowsOf(await figuresOf('rondo', 'd', 'durable-2'));
  t.ok(rows.includes('enqueue, rate'));
  t.ok(rows.includes('end to end, rate'));
  t.ok(rows.includes('end to end, one at a time, p99'));
});

t.test('a map is measured by the command, and CPU-bound work by its right hashes', async () => {
  await figuresOf('rondo', 'e', 'memory-1');
  await figuresOf('rondo', 'l', 'memory-1');
});

t.test('nothing is measured under the name of a promise that was not reached', async (t) => {
  const promise = settings['durable-2'].promise;
  await t.rejects(startPair({ ...settings['memory-2'], promise }), {
    message: /^a job is to be taken with "copies=2 durable=yes", .*copies=2 durable=no$/,
  });
});

t.test('a workload or a setting that there is not is refused', async (t) => {
  t.match(await run('rondo', 'z', 'memory-1'), {
    code: 2,
    stderr: /there is no workload "z" here, only a, b/,
  });
  t.match(await run('rondo', 'a', 'memory-9'), {
    code: 1,
    stderr: /there is no setting "memory-9", only memory-1/,
  });
});

t.test(
  'a run that is interrupted ends what it has started, removes its data and writes nothing',
  async (t) => {
    const directory = t.testdir({});
    const args = ['dist/scripts/bench.js', '--only', 'rondo', '--quick', '--data', directory];
    const child = spawn(process.execPath, [...args, '--write', `${directory}/page`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // The second measurement is Rondo's: by then there are nodes with their data below the directory.
    const deadlineMs = Date.now() + 60_000;
    while (processesNaming(directory).length < 3 && Date.now() < deadlineMs)
      await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    t.equal(code, 130, stderr);
    t.match(stderr, /bench: interrupted; nothing was written\n$/);
    t.equal(stdout, '');
    t.strictSame(readdirSync(directory), []);
    t.strictSame(processesNaming(directory), []);
  },
);

/** Of `rondo start`: its ready file is below. Of the command itself: its arguments name it. */
function processesNaming(directory: string): string[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return command.includes(directory) ? [command] : [];
    } catch {
      return []; // It ended while we looked.
    }
  });
}
