import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

/** Where the clients in other languages live. */
export const exampleClients = fileURLToPath(new URL('../../../examples/clients', import.meta.url));

/** The clients of the examples, each by the command that runs it. */
export const exampleCommands: Readonly<Record<string, readonly string[]>> = {
  'rondo_client.py': ['python3', join(exampleClients, 'rondo_client.py')],
  'rondo.sh': ['bash', '--norc', join(exampleClients, 'rondo.sh')],
};

export interface ExampleRun {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface ExampleOptions {
  /** Addresses of nodes, with commas between. */
  readonly nodes: string;
  readonly token?: string;
  readonly input?: Buffer;
  readonly onStart?: (child: ChildProcess) => void;
  /** Each time that something is printed: all of it until then. */
  readonly onStdout?: (printed: string) => void;
}

/** Runs a client as a user's shell would, and waits for its end. */
export function runExample(
  name: string,
  args: readonly string[],
  options: ExampleOptions,
): Promise<ExampleRun> {
  const command = exampleCommands[name];
  if (command === undefined) throw new Error(`there is no client ${name}`);
  return runIt([...command, ...args], options);
}

/** Runs a program in Python that imports `rondo_client`. */
export function runPython(program: string, options: ExampleOptions): Promise<ExampleRun> {
  return runIt(['python3', '-X', 'dev', '-c', program], options);
}

/** Sources the client in bash and goes on with these lines. */
export function runBash(program: string, options: ExampleOptions): Promise<ExampleRun> {
  return runIt(['bash', '--norc', '-c', `source '${join(exampleClients, 'rondo.sh')}'; ${program}`], options);
}

/** Fails with what to do where a client's language is not on this machine. */
export function checkLanguages(t: Test): void {
  for (const language of ['bash', 'python3']) {
    const { status } = spawnSync(language, ['--version']);
    t.equal(status, 0, `${language} is there: bash scripts/install-debian-packages.sh installs it`);
  }
}

function runIt([command, ...args]: readonly string[], options: ExampleOptions): Promise<ExampleRun> {
  const { nodes, token, input, onStart, onStdout } = options;
  const child = spawn(command as string, args, {
    env: {
      PATH: process.env.PATH ?? '',
      PYTHONPATH: exampleClients,
      PYTHONDONTWRITEBYTECODE: '1',
      RONDO_NODE: nodes,
      ...(token !== undefined && { RONDO_TOKEN: token }),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const printed: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed.push(chunk);
    onStdout?.(Buffer.concat(printed).toString());
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  onStart?.(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout: Buffer.concat(printed), stderr }));
  });
}
