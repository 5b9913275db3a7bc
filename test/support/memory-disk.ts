import { spawnSync } from 'node:child_process';

/** A file system in memory, of this size (`2m`), in a directory that is there. */
export function mountMemory(directory: string, size: string): void {
  run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory);
}

/** With other options: `ro`, `size=4m`. */
export function remount(directory: string, options: string): void {
  run('mount', '-o', `remount,${options}`, directory);
}

export function unmount(directory: string): void {
  run('umount', '--lazy', directory);
}

function run(command: string, ...words: string[]): void {
  const { error, status, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr.trim()}`);
}
