import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const filesPerCall = 500;

/** Every regular file under the directory, in order; links are not followed. */
export function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The sums as a program that knows nothing of Rondo says them: coreutils' sha256sum. */
export async function sumsBySha256sum(files: readonly string[]): Promise<Map<string, string>> {
  const sums = new Map<string, string>();
  for (let start = 0; start < files.length; start += filesPerCall) {
    const output = await outputOf('sha256sum', ['--zero', '--', ...files.slice(start, start + filesPerCall)]);
    // `sum  path` or `sum *path`, each ended by a NUL, so that no path needs quoting.
    for (const entry of output.split('\0')) if (entry !== '') sums.set(entry.slice(66), entry.slice(0, 64));
  }
  return sums;
}

function outputOf(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', (error) => reject(new Error(`${command} could not be run: ${error.message}`)));
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${code}`));
    });
  });
}
