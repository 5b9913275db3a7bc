import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeError } from './handler-result.js';

/** Far longer than a file takes to be parsed. */
const checkMsMax = 5_000;

/** Why a task's file could not be imported, as a sentence with the file and line where that is known. */
export async function importFault(thrown: unknown, path: string): Promise<string> {
  const { name, message } = describeError(thrown);
  const parsed = /^ParseError: (.*?)\.?\s+(\/.*:\d+):\d+\s*$/s.exec(message);
  if (parsed !== null) return `SyntaxError: ${parsed[1]} (${parsed[2]})`;
  const sentence = name === 'Error' ? message : `${name}: ${message}`;
  const stack = stackOf(thrown);
  const place = printedPlace(stack) ?? framePlace(stack);
  if (place !== null) return `${sentence} (${place})`;
  if (!(thrown instanceof SyntaxError)) return sentence;
  return `${sentence} (${(await checkedPlace(path)) ?? 'in a file that it imports'})`;
}

function stackOf(thrown: unknown): string {
  try {
    const stack = (thrown as { stack?: unknown }).stack;
    return typeof stack === 'string' ? stack : '';
  } catch {
    return '';
  }
}

/** Above a syntax error's stack Node.js prints `FILE:LINE`, the line itself, and what in it is wrong. */
function printedPlace(text: string): string | null {
  const [, file, line] = /^((?:file:\/\/)?\/.*):(\d+)$/m.exec(text.split('\n', 1)[0] ?? '') ?? [];
  return file === undefined ? null : `${pathOf(file)}:${line}`;
}

/** The innermost place in what the author wrote: neither in Node.js, nor in a package, nor in what imports tasks. */
function framePlace(stack: string): string | null {
  for (const frame of stack.split('\n')) {
    const [, file, line] = /^\s+at (?:.*\()?((?:file:\/\/)?\/.*):(\d+):\d+\)?$/.exec(frame) ?? [];
    if (file === undefined || file.includes('/node_modules/')) continue;
    return isOwn(pathOf(file)) ? null : `${pathOf(file)}:${line}`;
  }
  return null;
}

const ownDirectory = fileURLToPath(new URL('.', import.meta.url));

function isOwn(file: string): boolean {
  return file.startsWith(ownDirectory);
}

function pathOf(file: string): string {
  return file.startsWith('file://') ? fileURLToPath(file) : file;
}

/**
 * For a syntax error in an ECMAScript module the place is told to nobody but the console, so another process is had parse the
 * file, without running it. Null: the file itself is sound.
 */
async function checkedPlace(path: string): Promise<string | null> {
  try {
    await promisify(execFile)(process.execPath, ['--check', path], { timeout: checkMsMax });
    return null;
  } catch (error) {
    const { stderr } = error as { readonly stderr?: unknown };
    return typeof stderr === 'string' ? printedPlace(stderr) : null;
  }
}
