import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const rondoPath = fileURLToPath(new URL('../../../bin/rondo.js', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly input?: string | Buffer;
  readonly env?: Record<string, string>;
  readonly onStart?: (child: ChildProcess) => void;
  readonly onStdout?: (text: string) => void;
  readonly onStderr?: (text: string, child: ChildProcess) => void;
}

/** Runs `rondo` as a user's shell would, with no settings of the surrounding environment, and waits for its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return runCommand(process.execPath, [rondoPath, ...args], options);
}

/** Runs a line of shell in which `rondo` is the command. */
export function runShell(line: string, options: CliOptions = {}): Promise<CliResult> {
  const command = `rondo() { "${process.execPath}" "${rondoPath}" "$@"; }; export -f rondo; ${line}`;
  return runCommand('bash', ['--norc', '-c', command], options);
}

function runCommand(command: string, args: readonly string[], options: CliOptions): Promise<CliResult> {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH ?? '', TERM: 'xterm', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  options.onStart?.(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    options.onStdout?.(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    options.onStderr?.(stderr, child);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}
