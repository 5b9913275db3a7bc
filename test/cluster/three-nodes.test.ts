import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { MemberShown } from '../support/cluster.js';
import { waitUntil } from '../support/wait-until.js';

const file = 'config/three-nodes/a.yaml';
/** The commands of the file's comment, without the `#` before them. */
const commands = [...readFileSync(file, 'utf8').matchAll(/^# {5}(node bin\/rondo\.js .+)$/gm)].map(
  (match) => match[1] as string,
);
const startCommands = commands.filter((command) => command.includes(' start '));
const nodesCommand = commands.find((command) => command.includes(' nodes ')) ?? '';
const httpPorts = [7412, 7422, 7432];

const home = mkdtempSync(join(tmpdir(), 'rondo-three-nodes-'));
const running = new Set<ChildProcess>();
t.teardown(async () => {
  const children = [...running];
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
});

/** Runs one of the commands as a reader would, in a home of its own. */
function type(command: string): { readonly child: ChildProcess; readonly output: () => string } {
  const own = Object.entries(process.env).filter(([name]) => !/^(RONDO_|XDG_)/.test(name));
  const [, ...args] = command.split(' ');
  const child = spawn(process.execPath, args, {
    env: { ...Object.fromEntries(own), HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return { child, output: () => text };
}

async function names(): Promise<string[]> {
  const { child, output } = type(`${nodesCommand} --json`);
  await once(child, 'close');
  const members = JSON.parse(output()) as MemberShown[];
  return members.filter(({ state }) => state === 'alive').map(({ name }) => name);
}

t.test('the three files have the same comment', (t) => {
  const comments = ['a', 'b', 'c'].map((name) =>
    readFileSync(`config/three-nodes/${name}.yaml`, 'utf8')
      .replace(/^# Node [abc]/, '# Node')
      .split('\n\n', 1),
  );
  t.strictSame(comments[1], comments[0]);
  t.strictSame(comments[2], comments[0]);
  t.equal(startCommands.length, 3);
  t.end();
});

t.test('the three-node example starts as its comment says, and serves HTTP', async (t) => {
  const nodes = startCommands.map(type);
  await waitUntil('the three nodes know each other, or one has ended', async () => {
    const ended = nodes.find(({ child }) => child.exitCode !== null);
    // For one, because its port is in use: the ports of the example are fixed.
    if (ended !== undefined) return true;
    return (await names()).length === 3;
  });
  t.strictSame(
    nodes.filter(({ child }) => child.exitCode !== null).map(({ output }) => output()),
    [],
    'no node has ended',
  );
  t.strictSame((await names()).sort(), ['a', 'b', 'c']);
  for (const port of httpPorts) {
    for (const path of ['healthz', 'readyz', 'metrics'])
      t.equal((await fetch(`http://127.0.0.1:${port}/${path}`)).status, 200, `${port}/${path}`);
  }
});
