import { spawnSync } from 'node:child_process';

/** Runs lines of `ip` at once, in a host's namespace or (null) in the test's own. Throws with what `ip` says. */
export function ip(host: string | null, lines: readonly string[]): void {
  const where = host === null ? [] : ['-n', host];
  run('ip', [...where, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** Runs `tc` in a host's namespace or (null) in the test's own, and gives what it prints. */
export function tc(host: string | null, ...args: string[]): string {
  return run('tc', [...(host === null ? [] : ['-n', host]), ...args]);
}

let netemKnown: boolean | null = null;

/** Whether the kernel has `sch_netem`. */
export function hasNetem(): boolean {
  netemKnown ??=
    spawnSync('tc', ['qdisc', 'replace', 'dev', 'lo', 'root', 'netem', 'loss', '0%']).status === 0;
  if (netemKnown) spawnSync('tc', ['qdisc', 'del', 'dev', 'lo', 'root']);
  return netemKnown;
}

function run(command: string, args: readonly string[], input = ''): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', input });
  if (error !== undefined) throw error;
  if (status === 0) return stdout;
  throw new Error(`${[command, ...args].join(' ')}: ${stderr.trim()}\n${input}`);
}
