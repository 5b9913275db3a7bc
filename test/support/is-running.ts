import { existsSync, readFileSync } from 'node:fs';

/** A killed process that nobody has collected yet is a zombie, and has ended. */
export function isRunning(pid: number): boolean {
  if (process.platform === 'linux') {
    const stat = `/proc/${pid}/stat`;
    return existsSync(stat) && !/\) Z /.test(readFileSync(stat, 'utf8'));
  }
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
