// Makes a fresh clone ready to run: installs the packages when what stands in node_modules is not what the lock
// file asks for, and builds when any source differs from those of the last build. Every npm script starts with
// it, so that one command is enough on a machine that has only Node and npm. It is safe to interrupt (nothing
// counts as done before it is) and to start twice at once (the second waits). `--no-build` only installs.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeMajorMin = 20;
const lockWaitMs = 300_000;
const sourceDirectories = ['src', 'test', 'scripts'];
/** Read as they stand, and left out of the build by tsconfig.json: to wait for their outputs would be to build each time. */
const fixtures = join(root, 'test', 'fixtures', sep);
const dist = join(root, 'dist');
const lockPath = join(dist, '.rondo-setup.lock');
const installedLockPath = join(root, 'node_modules', '.package-lock.json');
const stampPath = join(dist, '.rondo-built');

if (Number(process.versions.node.split('.')[0]) < nodeMajorMin) {
  fail(`Rondo needs Node ${nodeMajorMin} or newer; this is Node ${process.versions.node}.`);
}
const unlock = lock();
try {
  if (!isInstalled()) install();
  if (!process.argv.includes('--no-build')) build();
} finally {
  unlock();
}

/**
 * npm writes node_modules/.package-lock.json last, when everything is in place: it agrees with the lock file only
 * after an installation that ran to its end.
 */
function isInstalled() {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const present = packagesOf(installedLockPath);
  if (wanted === null)
    fail('package-lock.json is missing or not JSON. Restore it: git checkout package-lock.json');
  if (present === null) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const found = present[path];
    // Optional packages are mostly builds for other platforms, which npm leaves out.
    if (found === undefined) return optional === true;
    return found.version === version && existsSync(join(root, path, 'package.json'));
  });
}

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}

/**
 * Not `npm ci`: that refuses a lock file which leaves out optional packages for other platforms, as npm itself writes
 * it behind a registry that doesn't serve them. With --no-save the lock file is followed and never changed.
 */
function install() {
  // What an interrupted first installation left may look like a package and be half of one.
  if (packagesOf(installedLockPath) === null)
    rmSync(join(root, 'node_modules'), { recursive: true, force: true });
  const npmArguments = [
    'install',
    '--no-save',
    '--include=dev',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  // Under `npm run`, the very npm that was called, which needs no lookup in PATH.
  const npmPath = process.env.npm_execpath ?? '';
  const [command, ...args] =
    basename(npmPath) === 'npm-cli.js'
      ? [process.execPath, npmPath, ...npmArguments]
      : ['npm', ...npmArguments];
  step('Installing packages (npm install)', command, args);
  if (!isInstalled()) fail('npm reported success, but node_modules is not what package-lock.json asks for.');
}

function build() {
  const sources = sourceDirectories
    .flatMap((name) => filesUnder(join(root, name)))
    .filter((path) => !path.startsWith(fixtures));
  const typescript = sources.filter((path) => /\.c?ts$/.test(path) && !path.endsWith('.d.ts'));
  const fingerprint = fingerprintOf([
    ...sources,
    join(root, 'tsconfig.json'),
    join(root, 'package-lock.json'),
  ]);
  const outputs = new Set(typescript.map(outputOf));
  const isComplete = [...outputs].every((path) => existsSync(path));
  if (isComplete && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === fingerprint) return;

  rmSync(stampPath, { force: true });
  // The compiler's own record of what it wrote is wrong once somebody has removed part of it.
  if (!isComplete) rmSync(join(dist, '.tsbuildinfo'), { force: true });
  removeOrphans(outputs);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  step('Building (tsc)', process.execPath, [tsc, '-p', 'tsconfig.json']);
  writeFileSync(`${stampPath}.new`, fingerprint);
  renameSync(`${stampPath}.new`, stampPath);
}

/** Compiled files whose source is gone would still be found by whatever lists a directory. */
function removeOrphans(outputs) {
  for (const directory of sourceDirectories) {
    for (const path of filesUnder(join(dist, directory))) {
      if (
        !outputs.has(
          path.replace(/(?:\.js\.map|\.d\.ts)$/, '.js').replace(/(?:\.cjs\.map|\.d\.cts)$/, '.cjs'),
        )
      )
        rmSync(path, { force: true });
    }
  }
}

function outputOf(source) {
  return join(dist, source.slice(root.length + 1).replace(/\.(c?)ts$/, '.$1js'));
}

function fingerprintOf(paths) {
  const hash = createHash('sha256');
  for (const path of [...paths].sort()) {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

/** Packages that stand beside sources, as the benchmark's peers do, are nobody's sources. */
function filesUnder(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

/** Two installations in one directory at once destroy each other's work, so the lock file names the process at work. */
function lock() {
  mkdirSync(dist, { recursive: true });
  const deadlineMs = Date.now() + lockWaitMs;
  for (let told = false; ; told = true) {
    try {
      const file = openSync(lockPath, 'wx');
      writeFileSync(file, String(process.pid));
      closeSync(file);
      const release = () => rmSync(lockPath, { force: true });
      process.on('exit', release);
      return release;
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`${lockPath} can't be written: ${error.message}`);
    }
    if (isAbandoned()) {
      rmSync(lockPath, { force: true });
      continue;
    }
    if (Date.now() > deadlineMs)
      fail(`Another setup holds ${lockPath} for too long. End it, or remove the file.`);
    if (!told) process.stderr.write('Waiting for another setup of this checkout to end ...\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}

/** True when the process that took the lock is gone; an empty file is one that is being written right now. */
function isAbandoned() {
  try {
    const pid = Number(readFileSync(lockPath, 'utf8'));
    if (pid === 0) return Date.now() - statSync(lockPath).mtimeMs > 5_000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Runs one step with its output on standard error, so that a script's own output stays clean. */
function step(title, command, args) {
  const startedAtMs = Date.now();
  process.stderr.write(`${title} ...\n`);
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error?.code === 'ENOENT') fail(`${title} failed: ${command} is not in PATH. Install it and try again.`);
  if (error !== undefined) fail(`${title} failed: ${error.message}`);
  if (signal !== null) fail(`${title} was ended by ${signal}. Run the same command again to go on.`);
  if (status !== 0) fail(`${title} failed with exit code ${status}. The output above says why.`);
  process.stderr.write(`${title} done in ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s\n`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
