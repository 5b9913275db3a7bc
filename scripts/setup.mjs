// Makes a fresh clone ready to run: installs the packages when they are missing or older than the lock
// file, and builds when any source is newer than the last build. Every npm script starts with it, so that
// one command is enough on a machine that has only Node and npm.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeMajorMin = 20;
const installStamp = join(root, 'node_modules', '.rondo-installed');
const buildStamp = join(root, 'dist', '.rondo-built');

const nodeMajor = Number(process.versions.node.split('.')[0]);
if (nodeMajor < nodeMajorMin) {
  fail(`Rondo needs Node ${nodeMajorMin} or newer; this is Node ${process.versions.node}.`);
}
if (modifiedMs(installStamp) < modifiedMs(join(root, 'package-lock.json'))) {
  step('Installing packages (npm ci)', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(installStamp, '');
}
const sources = ['src', 'test', 'scripts', 'tsconfig.json', 'package-lock.json'];
if (modifiedMs(buildStamp) < Math.max(...sources.map((name) => newestMs(join(root, name))))) {
  step('Building (tsc)', process.execPath, [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.json',
  ]);
  writeFileSync(buildStamp, '');
}

/** Runs one step with its output on standard error, so that a script's own output stays clean. */
function step(title, command, args) {
  const startedAt = Date.now();
  process.stderr.write(`${title} ...\n`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) fail(`${title} failed${error ? `: ${error.message}` : ''}. The output above says why.`);
  process.stderr.write(`${title} done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`);
}

function modifiedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function newestMs(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
