import { spawnSync } from 'node:child_process';

/**
 * Imported first by a test file, it runs that file again in namespaces of its own: of networks, so that the machine's own is
 * untouched; of mounts, so that the names of networks are nobody else's; of processes, so that whatever ends the file
 * also ends all that it started. Nothing can be left over, not even by a crash. An ordinary user gets a namespace of users too.
 * Where the machine doesn't allow that, the file says so as its only test, left out.
 */
export const notRunPrefix = 'not run: ';

const insideVariable = 'TEST_NAMESPACES';
const administratorPaths = '/usr/sbin:/sbin';
const ownNamespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** `ip netns` keeps names in /run; a fresh one is seen by this file alone. */
const setUp = 'set -e; mount -t tmpfs tmpfs /run; ip link set lo up; exec "$@"';

const trial =
  'ip netns add one; ip link add two type bridge; ip link add three type veth peer name four netns one';

if (process.env[insideVariable] === undefined) {
  process.env.PATH = `${process.env.PATH ?? ''}:${administratorPaths}`;
  const fault = namespaceFault();
  if (fault === null)
    process.exit(runInside(process.execPath, ...process.execArgv, process.argv[1] as string));
  console.log(`TAP version 14\nok 1 - tests with networks of their own # SKIP ${notRunPrefix}${fault}\n1..1`);
  process.exit(0);
}

/** Why this machine gives no namespaces; null when it does. */
function namespaceFault(): string | null {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  const { error, status, stderr } = spawnSync('unshare', argumentsFor(['sh', '-ec', trial]), {
    encoding: 'utf8',
  });
  if (error === undefined && status === 0) return null;
  const reason = (error?.message ?? stderr).trim().split('\n').join('; ');
  return `network namespaces can't be made here (${reason})`;
}

function runInside(...command: string[]): number {
  const { status } = spawnSync('unshare', argumentsFor(command), {
    env: { ...process.env, [insideVariable]: 'yes' },
    stdio: 'inherit',
  });
  return status ?? 1;
}

function argumentsFor(command: readonly string[]): string[] {
  const asUser = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  return [...asUser, ...ownNamespaces, 'sh', '-c', setUp, 'sh', ...command];
}
