import { readFile } from 'node:fs/promises';
import { limits } from '../core/limits.js';
import { fileFault, usageError } from './failure.js';
import { findJsonFault } from './json-fault.js';

/**
 * Reads a command's JSON argument: the text itself, `-` for standard input, `@FILE` for a file; null when there is none.
 * It is checked here, so that a slip is told before anything is sent. The text is kept as it was written.
 */
export async function readJsonArgument(argument: string | undefined): Promise<string | null> {
  if (argument === undefined) return null;
  if (argument === '-') return checkJson(await readStandardInput(), 'standard input');
  if (argument.startsWith('@')) {
    const file = argument.slice(1);
    const bytes = await readFile(file).catch((error: unknown) => {
      throw usageError(`cannot read ${file}: ${fileFault(error)}`, error);
    });
    return checkJson(decode(bytes, file), file);
  }
  return checkJson(argument, null);
}

/** Says what is wrong with a JSON text and where; null for one that is right. */
export function jsonComplaint(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const fault = findJsonFault(text);
    if (fault === null) return (error as Error).message;
    if (fault === text.length) return text === '' ? 'it is empty' : 'it ends too early';
    const before = text.slice(0, fault).split('\n');
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    return `it goes wrong at ${place}, near ${JSON.stringify(text.slice(fault, fault + 20))}`;
  }
}

function checkJson(text: string, source: string | null): string {
  const trimmed = text.trim();
  const complaint = jsonComplaint(trimmed);
  if (complaint === null) return trimmed;
  throw source === null
    ? usageError(
        `the argument ${JSON.stringify(clip(text))} is not JSON: ${complaint}; in a shell, put JSON in single quotes: '{"url":"x"}', and a string in both: '"text"'`,
      )
    : usageError(`${source} is not JSON: ${complaint}`);
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > limits.bodyBytesMax) {
      throw usageError(
        `standard input is over ${limits.bodyBytesMax} bytes, the most a job's arguments may be`,
      );
    }
  }
  return decode(Buffer.concat(chunks, bytes), 'standard input');
}

function decode(bytes: Buffer, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw usageError(`${source} is not UTF-8 text`, error);
  }
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
