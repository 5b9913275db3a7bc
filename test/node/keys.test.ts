import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { generateKey } from '../../src/net/cluster-key.js';
import { loadConfig } from '../../src/node/config-load.js';
import { loadKeys } from '../../src/node/keys.js';

const directory = mkdtempSync(join(tmpdir(), 'rondo-keys-'));
t.teardown(() => rmSync(directory, { recursive: true }));

async function faultOf(flags: Record<string, unknown>, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { config } = await loadConfig({ flags, env, cwd: directory });
  try {
    loadKeys(config);
  } catch (error) {
    return (error as Error).message;
  }
  return 'it was taken';
}

t.test('a key file that can not be had is told with why, and what to do about just that', async (t) => {
  const keyFile = join(directory, 'rondo.key');
  t.match(
    await faultOf({ keyFile }),
    /rondo\.key can't be read: there is no such file; make one with `rondo keygen/,
  );
  mkdirSync(keyFile);
  t.match(await faultOf({ keyFile }), /rondo\.key can't be read: it is a directory/);
  rmSync(keyFile, { recursive: true });
  writeFileSync(keyFile, 'no key');
  t.match(await faultOf({ keyFile }), /^the key file \/.*\/rondo\.key can't be used: it is not rondo-key-1:/);
});

t.test('a key file that this user may not read is there, and is not to be made anew', async (t) => {
  const keyFile = join(directory, 'of-another.key');
  writeFileSync(keyFile, generateKey());
  chmodSync(keyFile, 0o000);
  chmodSync(directory, 0o755);
  // Root may read everything.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  const fault = await faultOf({ keyFile });
  if (isRoot) process.seteuid?.(0);
  t.match(fault, /of-another\.key can't be read: this user may not read it; give it to the user/);
  t.notMatch(fault, /keygen/);
});

t.test('a key of the environment that is none is told as such, and no file is spoken of', async (t) => {
  t.equal(
    await faultOf({}, { RONDO_KEY: 'x' }),
    "RONDO_KEY can't be used: it is not rondo-key-1: and 32 bytes in base64url; make a key with: rondo keygen",
  );
});
