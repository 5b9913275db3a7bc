import { spawnSync } from 'node:child_process';

/**
 * Runs the program again in namespaces of its own: of networks, so that the machine's own is untouched; of mounts, so that
 * the names of networks are nobody else's; of processes, so that whatever ends the program also ends all that it started. Nothing
 * can be left over, not even by a crash. An ordinary user gets a namespace of users too.
 */
const insideVariable = 'TEST_NAMESPACES';
const administratorPaths = '/usr/sbin:/sbin';
const ownNamespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** `ip netns` keeps names in /run; a fresh one is seen by this program alone. */
const setUp = 'set -e; mount -t tmpfs tmpfs /run; ip link set lo up; exec "$@"';

const trial =
  'ip netns add one; ip link add two type bridge; ip link add three type veth peer name four netns one';

/** Whether this process has them already. */
export function isInNamespaces(): boolean {
  return process.env[insideVariable] !== undefined;
}

/** Why this machine gives no namespaces; null when it does. */
export function namespaceFault(): string | null {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  const { error, status, stderr } = spawnSync('unshare', argumentsFor(['sh', '-ec', trial]), {
    env: environment(),
    encoding: 'utf8',
  });
  if (error === undefined && status === 0) return null;
  const reason = (error?.message ?? stderr).trim().split('\n').join('; ');
  return `network namespaces can't be made here (${reason})`;
}

/** Runs this process's program there, with its arguments; gives its exit code. */
export function runInNamespaces(): number {
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status } = spawnSync('unshare', argumentsFor(command), {
    env: { ...environment(), [insideVariable]: 'yes' },
    stdio: 'inherit',
  });
  return status ?? 1;
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:${administratorPaths}` };
}

function argumentsFor(command: readonly string[]): string[] {
  const asUser = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  return [...asUser, ...ownNamespaces, 'sh', '-c', setUp, 'sh', ...command];
}
