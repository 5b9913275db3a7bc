import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { endQuietly } from './broken-output.js';
import { reportFailure } from './failure.js';
import { buildProgram } from './program.js';

/** Runs the command line. Never rejects: what goes wrong is told on standard error and by `process.exitCode`. */
export async function main(argv: string[]): Promise<void> {
  process.stdout.on('error', endQuietly);
  process.stderr.on('error', endQuietly);
  try {
    await buildProgram(version()).parseAsync(argv);
  } catch (error) {
    // Commander has said what is wrong already; help and version end this way too, with 0.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else reportFailure(error);
  }
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
