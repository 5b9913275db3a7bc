import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterNode, rondoPath } from '../../../../test/support/cluster-node.js';
import { type Pace, rounded } from '../../contender-process.js';
import { tellFigure } from '../../figures.js';
import { benchJob } from '../../target.js';
import { type Setting, settingOf, slots, startNodes } from './settings.js';

const linesOfAll = 100_000;

/** e: `rondo map noop FILE > RESULTS` with a job on each line, over two nodes, from the start of the command to its end. */
export async function measureMap(settingName: string, { isQuick }: Pace): Promise<void> {
  const setting = settingOf(settingName);
  const lines = isQuick ? linesOfAll / 10 : linesOfAll;
  const directory = mkdtempSync(join(tmpdir(), 'rondo-map-'));
  const cluster = await startNodes(setting, { nodes: 2, names: ['front', 'worker'], args: slots });
  try {
    const [front] = cluster.nodes as [ClusterNode];
    await mapLines({ directory, front, setting, lines: lines / 5 });
    const seconds = await mapLines({ directory, front, setting, lines });
    const value = rounded(lines / seconds);
    tellFigure({ workload: 'e', row: '100000 lines', metric: 'rate', unit: 'jobs/s', value });
  } finally {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Map {
  readonly directory: string;
  readonly front: ClusterNode;
  readonly setting: Setting;
  readonly lines: number;
}

/** Gives the seconds that it took; rejects unless every line has its answer, in order. */
async function mapLines({ directory, front, setting, lines }: Map): Promise<number> {
  const input = join(directory, 'jobs.ndjson');
  const output = join(directory, 'answers.ndjson');
  const jobs = Array.from({ length: lines }, (_, n) => `${JSON.stringify(benchJob(n))}\n`);
  writeFileSync(input, jobs.join(''));
  const copies = setting.options === '' ? [] : ['--copies', '1', '--no-durable'];
  const args = [
    'map',
    'noop',
    input,
    '--json-input',
    '--results-only',
    '--quiet',
    '--node',
    front.client,
    ...copies,
  ];
  const file = openSync(output, 'w');
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [rondoPath, ...args], { stdio: ['ignore', file, 'inherit'] });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - startedAtMs) / 1_000;
  process.off('exit', endWithUs);
  closeSync(file);
  const answers = Array.from({ length: lines }, (_, n) => `{"ok":true,"n":${n}}\n`).join('');
  if (code !== 0 || readFileSync(output, 'utf8') !== answers)
    throw new Error(`rondo map ended with ${code}, and its answers are not those to its lines`);
  return seconds;
}
