import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { limits } from '../core/limits.js';
import { fileFault, usageError } from './failure.js';
import { findJsonFault } from './json-fault.js';

/** What a command is given is JSON text, or with `binary` raw bytes. */
export interface PayloadFlags {
  readonly binary?: boolean;
}

export function withBinaryOption(command: Command): Command {
  return command.option('--binary', 'send what @FILE or - gives as bytes, and not as JSON');
}

/**
 * Reads the argument of a command that is sent: JSON text, `-` for standard input, `@FILE` for a file; null when there is none.
 * JSON is checked here, so that a slip is told before anything is sent, and kept as it was written. Bytes are sent as they are.
 */
export async function readPayload(
  argument: string | undefined,
  { binary = false }: PayloadFlags,
): Promise<string | Uint8Array | null> {
  const isElsewhere = argument === '-' || argument?.startsWith('@') === true;
  if (binary && !isElsewhere)
    throw usageError('--binary is for bytes: give them as @FILE, or on standard input with -');
  if (argument === undefined) return null;
  if (!isElsewhere) return checkJson(argument, null);
  const { bytes, source } = argument === '-' ? await readStandardInput() : await readWhole(argument.slice(1));
  return binary ? bytes : checkJson(decode(bytes, source), source);
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

interface Read {
  readonly bytes: Buffer;
  /** Where they are from, in words. */
  readonly source: string;
}

async function readWhole(file: string): Promise<Read> {
  try {
    return { bytes: await readFile(file), source: file };
  } catch (error) {
    throw usageError(`cannot read ${file}: ${fileFault(error)}`, error);
  }
}

async function readStandardInput(): Promise<Read> {
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
  return { bytes: Buffer.concat(chunks, bytes), source: 'standard input' };
}

function decode(bytes: Buffer, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw usageError(
      `${source} is not UTF-8 text, and so no JSON; --binary sends its bytes as they are`,
      error,
    );
  }
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
