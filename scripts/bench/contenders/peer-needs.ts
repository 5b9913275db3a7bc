import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, peersDirectory } from './peer-programs.js';

/** A program that a system needs, and what tells its version. */
export interface ProgramNeed {
  /** As it stands in the list of versions. */
  readonly name: string;
  /** In PATH, or with its path. */
  readonly program: string;
  readonly debianPackage: string;
  readonly versionArgs: readonly string[];
  /** Its first group is the version. */
  readonly versionPattern: RegExp;
  /** What it says of itself is wrong: the version is the package's, where it comes from one. */
  readonly asksPackage?: true;
}

export interface PeerNeeds {
  readonly programs: readonly ProgramNeed[];
  readonly npmPackages: readonly string[];
}

const runLimitMs = 20_000;

/** Debian's, whatever else stands in PATH: only that one has its packages. */
export const debianPython = '/usr/bin/python3';

const redisServer: ProgramNeed = {
  name: 'redis-server',
  program: 'redis-server',
  debianPackage: 'redis-server',
  versionArgs: ['--version'],
  versionPattern: /v=(\S+)/,
};

const gearmand: ProgramNeed = {
  name: 'gearmand',
  program: 'gearmand',
  debianPackage: 'gearman-job-server',
  versionArgs: ['--version'],
  versionPattern: /gearmand (\S+)/,
};

const beanstalkd: ProgramNeed = {
  name: 'beanstalkd',
  program: 'beanstalkd',
  debianPackage: 'beanstalkd',
  versionArgs: ['-v'],
  versionPattern: /beanstalkd (\S+)/,
};

const natsServer: ProgramNeed = {
  name: 'nats-server',
  program: 'nats-server',
  debianPackage: 'nats-server',
  versionArgs: ['--version'],
  versionPattern: /v(\d\S*)/,
};

const serf: ProgramNeed = {
  name: 'serf',
  program: 'serf',
  debianPackage: 'serf',
  versionArgs: ['version'],
  versionPattern: /(\d+\.\d\S*)/,
  // Debian's says 0.8.2-dev, whatever it is.
  asksPackage: true,
};

const dask: ProgramNeed = {
  name: 'Dask distributed',
  program: debianPython,
  debianPackage: 'python3-distributed',
  versionArgs: ['-c', 'import distributed; print(distributed.__version__)'],
  versionPattern: /^(\S+)/,
};

/** By the names of systems. */
export const peerNeeds: Readonly<Record<string, PeerNeeds>> = {
  gearman: { programs: [gearmand], npmPackages: [] },
  moleculer: { programs: [], npmPackages: ['moleculer', 'notepack.io'] },
  bullmq: { programs: [redisServer], npmPackages: ['bullmq', 'ioredis'] },
  beanstalkd: { programs: [beanstalkd], npmPackages: [] },
  nats: { programs: [natsServer], npmPackages: ['@nats-io/transport-node', '@nats-io/jetstream'] },
  dask: { programs: [dask], npmPackages: [] },
  piscina: { programs: [], npmPackages: ['piscina'] },
  serf: { programs: [serf], npmPackages: [] },
};

/** What the program itself says; null when it isn't there, or doesn't run. */
export async function programVersion(need: ProgramNeed): Promise<string | null> {
  const path = need.program.startsWith('/') ? need.program : findProgram(need.program);
  const output = path === null ? null : await outputOf(path, need.versionArgs);
  const version = output === null ? null : (need.versionPattern.exec(output)?.[1] ?? null);
  if (version === null || need.asksPackage === undefined) return version;
  const status = await outputOf('dpkg-query', ['--status', need.debianPackage]);
  return /^Version: (\S+)/m.exec(status ?? '')?.[1] ?? version;
}

/** Null when it fails. */
async function outputOf(file: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await promisify(execFile)(file, [...args], { timeout: runLimitMs });
    return `${stdout}${stderr}`;
  } catch {
    return null;
  }
}

/** What the installed package says; null when it isn't there. */
export function npmVersion(name: string): string | null {
  try {
    const path = join(peersDirectory, 'node_modules', name, 'package.json');
    return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version;
  } catch {
    return null;
  }
}
