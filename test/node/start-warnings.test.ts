import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { generateKey } from '../../src/net/cluster-key.js';
import { loadConfig } from '../../src/node/config-load.js';
import { startWarnings } from '../../src/node/start-warnings.js';

const directory = mkdtempSync(join(tmpdir(), 'rondo-warnings-'));
t.teardown(() => rmSync(directory, { recursive: true }));

async function warningsFor(flags: Record<string, unknown>): Promise<string[]> {
  const { config } = await loadConfig({ flags, env: {}, cwd: directory });
  return startWarnings(config, { PATH: process.env.PATH }).map(({ text }) => text);
}

t.test('a program that is not there is told at the start, not first by its jobs', async (t) => {
  const program = join(directory, 'program');
  writeFileSync(program, '#!/bin/sh\n');
  const config = join(directory, 'rondo.yaml');
  writeFileSync(
    config,
    `commands:
  found: { command: [sh, -c, 'true'] }
  near: { command: [./program] }
  lost: { command: [no-such-program] }
  hidden: { command: [sh], env: { PATH: /nowhere } }
`,
  );
  const says = async (): Promise<string[]> => warningsFor({ config });
  t.match(await says(), [/program of the task near/, /no-such-program of the task lost/, /task hidden/]);
  chmodSync(program, 0o755);
  t.match(await says(), [/no-such-program of the task lost can't be run/, /task hidden/]);
  t.equal((await says()).length, 2);
});

t.test('a directory that is not there is told at the start, and not its program', async (t) => {
  const config = join(directory, 'cwd.yaml');
  writeFileSync(config, 'commands:\n  count: { command: [wc, -w], cwd: nowhere }\n');
  t.strictSame(await warningsFor({ config }), [
    `The directory ${directory}/nowhere of the task count is not there: its jobs will fail`,
  ]);
});

t.test('a key that others can read is told', async (t) => {
  const keyFile = join(directory, 'rondo.key');
  writeFileSync(keyFile, generateKey(), { mode: 0o600 });
  t.strictSame(await warningsFor({ keyFile }), []);
  chmodSync(keyFile, 0o644);
  t.match(await warningsFor({ keyFile }), [/rondo\.key can be read by other users .* chmod 600/]);
});
