import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './wait-until.js';

/** A daemon started from the command line, on free ports of the loopback address unless said otherwise. */
export interface ClusterNode {
  readonly name: string;
  readonly id: string;
  readonly pid: number;
  /** `host:port`, as are `client` and `http`. */
  readonly peer: string;
  readonly client: string;
  /** What its clients say with AUTH; null on loopback, where it asks for nothing. */
  readonly token: string | null;
  readonly http: string | null;
  readonly child: ChildProcess;
  readonly dataDirectory: string;
  /** From the start of the process until its ready file was there. */
  readonly readyMs: number;
  /** Resolves when the process has ended, however it did. */
  readonly ended: Promise<NodeEnd>;
  kill(signal: NodeJS.Signals): void;
  /** Asks it to leave and waits until it has; ends it the hard way when it takes too long. */
  stop(): Promise<NodeEnd>;
  /** The last of what it wrote to standard output and error. */
  logs(): string;
}

export interface NodeEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartNodeOptions {
  readonly name: string;
  /** Ready files and the node's data live here. */
  readonly directory: string;
  readonly listen?: string;
  readonly client?: string;
  readonly token?: string;
  readonly join?: readonly string[];
  readonly args?: readonly string[];
  /** A command that runs it, `ip netns exec NAME` for one. It must not fork: signals are for the node. */
  readonly within?: readonly string[];
  /** Another build of `rondo` than this one. */
  readonly program?: string;
}

/** The command a user types, in a checkout that is built. */
export const rondoPath = fileURLToPath(new URL('../../../bin/rondo.js', import.meta.url));

const readyTimeoutMs = 15_000;
const stopTimeoutMs = 15_000;
const logLengthMax = 256 * 1024;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a node and waits until it is ready; rejects with what it wrote when it ends before that. */
export async function startNode(options: StartNodeOptions): Promise<ClusterNode> {
  const startedAtMs = performance.now();
  const { name, directory } = options;
  const readyFile = join(directory, `${name}.ready.json`);
  const dataDirectory = join(directory, name);
  rmSync(readyFile, { force: true });
  const [command, ...args] = [
    ...[...(options.within ?? []), process.execPath, options.program ?? rondoPath, 'start'],
    ...startArguments(options, readyFile, dataDirectory),
  ];
  const child = spawn(command as string, args, {
    env: environmentWithoutRondo(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-logLengthMax);
    });
  }
  const ended = endOf(child);
  const ready = await untilReady(child, { name, readyFile, ended, logs: () => log });
  return {
    ...ready,
    token: options.token ?? null,
    child,
    dataDirectory,
    ended,
    readyMs: performance.now() - startedAtMs,
    kill: (signal) => void child.kill(signal),
    stop: () => stopChild(child, ended),
    logs: () => log,
  };
}

function startArguments(options: StartNodeOptions, readyFile: string, dataDirectory: string): string[] {
  const { name, listen = '127.0.0.1:0', client = '127.0.0.1:0', join: seeds = [], args = [] } = options;
  const argument = [
    ...['--name', name, '--listen', listen, '--client', client, '--http', '127.0.0.1:0'],
    ...['--ready-file', readyFile],
    ...seeds.flatMap((seed) => ['--join', seed]),
  ];
  if (!args.includes('--data') && !args.includes('--no-journal')) argument.push('--data', dataDirectory);
  return [...argument, ...args];
}

/** What the person at the keyboard has set for a cluster of their own must not reach this one. */
function environmentWithoutRondo(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RONDO_')));
}

function endOf(child: ChildProcess): Promise<NodeEnd> {
  return new Promise((resolve) => {
    child.once('error', () => {
      running.delete(child);
      resolve({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
}

interface ReadyFacts {
  readonly name: string;
  readonly id: string;
  readonly pid: number;
  readonly peer: string;
  readonly client: string;
  readonly http: string | null;
}

interface Starting {
  readonly name: string;
  readonly readyFile: string;
  readonly ended: Promise<NodeEnd>;
  logs(): string;
}

async function untilReady(
  child: ChildProcess,
  { name, readyFile, ended, logs }: Starting,
): Promise<ReadyFacts> {
  let end: NodeEnd | null = null;
  void ended.then((how) => {
    end = how;
  });
  try {
    const ready = await waitUntil(
      `node ${name} is ready`,
      () => end ?? (JSON.parse(readFileSync(readyFile, 'utf8')) as ReadyFacts),
      { timeoutMs: readyTimeoutMs, everyMs: 5 },
    );
    if ('peer' in ready) return ready;
    throw new Error(`it ended with ${JSON.stringify(end)}`);
  } catch (error) {
    await stopChild(child, ended, 0);
    throw new Error(`node ${name} did not start: ${(error as Error).message}\n${logs()}`, { cause: error });
  }
}

async function stopChild(
  child: ChildProcess,
  ended: Promise<NodeEnd>,
  graceMs = stopTimeoutMs,
): Promise<NodeEnd> {
  child.kill('SIGTERM');
  child.kill('SIGCONT');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  const end = await ended;
  clearTimeout(timer);
  return end;
}
