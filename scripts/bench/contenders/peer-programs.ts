import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The peers' npm packages and what else they are measured with; this file runs as dist/scripts/bench/contenders/peer-programs.js. */
export const peersDirectory = fileURLToPath(new URL('../../../../scripts/bench/peers/', import.meta.url));

export const host = '127.0.0.1';

/** A program that was started for a measurement, and is ready. */
export interface Program {
  readonly name: string;
  readonly pid: number;
  readonly child: ChildProcess;
  /** From its start until it was ready. */
  readonly readyMs: number;
}

export interface ServerOptions {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It is ready when this port takes connections, or when this shows in what it prints. */
  readonly ready: number | RegExp;
  /** Each line that it prints. */
  readonly onLine?: (line: string) => void;
}

const readyLimitMs = 20_000;
const lookIntervalMs = 2;
const logLengthMax = 4_000;

const running = new Set<ChildProcess>();
const directories = new Set<string>();
let isEnding = false;

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const directory of directories) removeDirectory(directory);
});

/** Ends whatever this process has started, and removes what that has written. */
export async function endPrograms(): Promise<void> {
  isEnding = true;
  // Workers before their servers, which they would miss.
  const children = [...running].reverse();
  const ends = children.map((child) => once(child, 'exit'));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(ends);
  for (const directory of directories) removeDirectory(directory);
}

/** Starts a server, tells its command on standard error, and resolves when it is ready. */
export async function startServer(options: ServerOptions): Promise<Program> {
  const { name, file, args, env = {} } = options;
  process.stderr.write(`${[file, ...args].map(quoted).join(' ')}\n`);
  const startedAtMs = performance.now();
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    cwd: dataDirectory(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = { tail: '' };
  readOutput(child, log, options.onLine);
  const ready =
    typeof options.ready === 'number'
      ? untilListening(child, options.ready)
      : untilPrinted(child, options.ready, log);
  await untilReady(name, child, ready, log);
  return { name, pid: child.pid as number, child, readyMs: performance.now() - startedAtMs };
}

/** Runs a role of a contender's file in a process of its own, and resolves when that has called `tellReady`. */
export async function startRole(
  file: string,
  role: string,
  ...args: readonly (string | number)[]
): Promise<Program> {
  const startedAtMs = performance.now();
  const child = fork(file, [role, ...args.map(String)], { stdio: ['ignore', 2, 2, 'ipc'] });
  await untilReady(role, child, once(child, 'message'), { tail: '' });
  return { name: role, pid: child.pid as number, child, readyMs: performance.now() - startedAtMs };
}

/** Called by a role once it can do its work. It ends with the process that has started it. */
export function tellReady(): void {
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}

/** A directory for what a program writes. It goes when this process ends. */
export function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-bench-'));
  directories.add(directory);
  return directory;
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Where the program is, or null. Servers are often where only root's PATH leads. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  return null;
}

export function programPath(name: string): string {
  const path = findProgram(name);
  if (path === null) throw new Error(`${name} isn't installed`);
  return path;
}

/** One of the peers' npm packages, by the few of its names that are needed here. */
export function peerPackage<Package>(name: string): Package {
  return createRequire(join(peersDirectory, 'package.json'))(name) as Package;
}

async function untilReady(
  name: string,
  child: ChildProcess,
  ready: Promise<unknown>,
  log: { readonly tail: string },
): Promise<void> {
  running.add(child);
  const ended = new Promise<never>((_, reject) => {
    child.once('error', (error) => {
      running.delete(child);
      reject(error);
    });
    child.once('exit', (code, signal) => {
      running.delete(child);
      if (isEnding) return;
      reject(new Error(`${name} ended with ${signal ?? code} ${log.tail}`));
    });
  });
  // Once it was ready nobody waits for its end, and a measurement without it means nothing.
  let isReady = false;
  ended.catch((error: Error) => {
    if (isReady) fail(error);
  });
  const limit = new AbortController();
  const late = delay(readyLimitMs, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`${name} was not ready within ${readyLimitMs / 1_000} s ${log.tail}`);
  });
  try {
    await Promise.race([ready, ended, late]);
    isReady = true;
  } finally {
    late.catch(() => {});
    limit.abort();
  }
}

function fail(error: Error): void {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

function readOutput(child: ChildProcess, log: { tail: string }, onLine?: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log.tail = (log.tail + text).slice(-logLengthMax);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (onLine !== undefined) for (const line of lines) onLine(line);
    });
  }
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  while (child.exitCode === null && !(await isListening(port))) await delay(lookIntervalMs);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function untilPrinted(child: ChildProcess, pattern: RegExp, log: { readonly tail: string }): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (pattern.test(log.tail)) resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
  });
}

function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  directories.delete(directory);
}

function quoted(word: string): string {
  return /^[\w./:=,@+-]+$/.test(word) ? word : `'${word}'`;
}
