import { spawnSync } from 'node:child_process';

/**
 * Imported first by a test file, it runs that file again in a namespace of mounts of its own, so that the file systems that it mounts
 * are seen by it alone, and are gone with it. An ordinary user gets a namespace of users too. Where the machine doesn't allow
 * that, the file fails and says so.
 */
const insideVariable = 'TEST_MOUNTS';

if (process.env[insideVariable] === undefined) {
  const asUser = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const command = [process.execPath, ...process.execArgv, process.argv[1] as string];
  const { error, status, signal } = spawnSync('unshare', [...asUser, '--mount', '--', ...command], {
    env: { ...process.env, [insideVariable]: 'yes' },
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  if (signal !== null) throw new Error(`ended by ${signal}`);
  process.exit(status ?? 1);
}
