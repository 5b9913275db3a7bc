import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findProgram, peersDirectory } from './peer-programs.js';

/** How packages of Debian can be installed here. */
export type DebianAccess = 'root' | 'sudo' | 'no rights' | 'no Debian';

const scriptPath = join(peersDirectory, 'install-debian-packages.sh');
/** The packages are small: who has no more than this for them has no network. */
const npmLimitMs = 120_000;
const waitingMs = 10_000;
/** A registry that is not there is known soon: its own defaults add up to many minutes. */
const npmPatience = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=20000'];
const errorLengthMax = 4_000;

export function debianAccess(): DebianAccess {
  if (findProgram('apt-get') === null) return 'no Debian';
  if (process.getuid?.() === 0) return 'root';
  if (findProgram('sudo') === null) return 'no rights';
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? 'sudo' : 'no rights';
}

/** Installs them where that is allowed; what has become of it shows in what is there then. Gives the errors that were printed. */
export async function installDebianPackages(
  packages: readonly string[],
  access: DebianAccess,
): Promise<string> {
  if (access !== 'root' && access !== 'sudo') return '';
  const command = [...(access === 'sudo' ? ['sudo', '-n'] : []), 'sh', scriptPath, ...packages];
  process.stderr.write(`Installing ${packages.join(', ')} (apt-get) ...\n`);
  return (await run(command, { onErrors: (text) => void process.stderr.write(text) })).errors;
}

/** Why a program is not there, and what to type. */
export function describeMissing(
  need: { readonly name: string; readonly debianPackage: string },
  access: DebianAccess,
  errors: string,
): string {
  const { name, debianPackage } = need;
  const command = `apt-get install --no-install-recommends ${debianPackage}`;
  if (access === 'no Debian')
    return `${name} isn't installed, and there is no apt-get here to install it: put it in PATH by hand`;
  if (access === 'no rights')
    return `${name} isn't installed, and that takes root's rights. Type: sudo ${command}`;
  const why = errorOf(errors, debianPackage);
  return `${name} isn't there${why === null ? '' : ` (${why})`}. Type, to see why: ${access === 'sudo' ? 'sudo ' : ''}${command}`;
}

/** The line of apt-get's that says what is wrong with this package, or with all of them. */
function errorOf(errors: string, debianPackage: string): string | null {
  const lines = errors.split('\n').filter((line) => line.startsWith('E: '));
  return (lines.find((line) => line.includes(debianPackage)) ?? lines[0] ?? '').slice(3) || null;
}

/** Installs the peers' npm packages where they aren't yet as their lock file says. Null, or why that failed and what to type. */
export async function installNpmPackages(
  directory = peersDirectory,
  signal?: AbortSignal,
): Promise<string | null> {
  if (isInstalled(directory)) return null;
  // What an interrupted installation left may look like a package and be half of one.
  if (packagesIn(join(directory, 'node_modules', '.package-lock.json')) === null)
    rmSync(join(directory, 'node_modules'), { recursive: true, force: true });
  // Not npm ci, as in setup.mjs: that refuses a lock file without the optional packages for other platforms.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', ...npmPatience];
  const tellWaiting = tellWaitingForRegistry();
  const { code, errors } = await run([...npmCommand(), ...args], {
    cwd: directory,
    timeout: npmLimitMs,
    signal,
  });
  clearInterval(tellWaiting);
  if (code === 0 && isInstalled(directory)) return null;
  const late = `npm install took more than ${npmLimitMs / 1_000} s`;
  const why = npmErrorOf(errors) ?? (code === null ? late : `exit code ${code}`);
  return `its npm packages could not be installed (${why}). Type, to see why: cd ${directory} && npm install --no-save`;
}

function tellWaitingForRegistry(): NodeJS.Timeout {
  const startedAtMs = Date.now();
  const limit = `at most ${npmLimitMs / 1_000} s`;
  process.stderr.write(
    `Installing the benchmark's npm packages (npm install), which waits for the registry, ${limit} ...\n`,
  );
  return setInterval(() => {
    const seconds = Math.round((Date.now() - startedAtMs) / 1_000);
    process.stderr.write(`    still waiting for the registry, after ${seconds} s, ${limit}\n`);
  }, waitingMs);
}

/** `npm error code ECONNREFUSED` is not what a reader wants; `npm error FetchError: request to ... failed` is. */
function npmErrorOf(errors: string): string | null {
  const lines = errors.split('\n').flatMap((line) => /^(?:npm )?error:? (.+)/i.exec(line)?.[1] ?? []);
  return lines.find((line) => /^\w*Error: /.test(line)) ?? lines[0] ?? null;
}

/** Under `npm run`, the very npm that was called, which needs no lookup in PATH. */
function npmCommand(): string[] {
  const path = process.env.npm_execpath ?? '';
  return basename(path) === 'npm-cli.js' ? [process.execPath, path] : ['npm'];
}

/** npm writes its own lock file last, when everything is in place. */
function isInstalled(directory: string): boolean {
  const wanted = packagesIn(join(directory, 'package-lock.json'));
  const present = packagesIn(join(directory, 'node_modules', '.package-lock.json'));
  if (wanted === null || present === null) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    const found = present[path];
    if (path === '' || (found === undefined && optional === true)) return true;
    return found?.version === version && existsSync(join(directory, path, 'package.json'));
  });
}

type Packages = Readonly<Record<string, { readonly version?: string; readonly optional?: boolean }>>;

function packagesIn(path: string): Packages | null {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { readonly packages?: Packages }).packages ?? null;
  } catch {
    return null;
  }
}

interface CommandOptions extends SpawnOptions {
  /** What it writes to standard error, as it comes; without it that is only gathered. */
  readonly onErrors?: (text: string) => void;
}

/** Its output goes to standard error, and its errors are given. */
async function run(
  [file = '', ...args]: readonly string[],
  { onErrors = () => {}, ...options }: CommandOptions,
): Promise<{ readonly code: number | null; readonly errors: string }> {
  let errors = '';
  try {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 2, 'pipe'] });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      onErrors(text);
      errors = (errors + text).slice(-errorLengthMax);
    });
    const [code] = await once(child, 'close');
    return { code: code as number | null, errors };
  } catch (error) {
    return { code: null, errors: `error: ${(error as Error).message}` };
  }
}
