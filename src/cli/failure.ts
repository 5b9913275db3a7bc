import type { ClientReply } from '../client/reply-decoder.js';
import { RondoError } from '../core/errors.js';

/** What the user typed is wrong; nothing was sent. Ends with exit code 2. */
export function usageError(message: string, cause?: unknown): RondoError {
  return new RondoError('BAD_USAGE', message, { cause });
}

/** The OK text of a reply. Throws what the node refused as an error that carries its code. */
export function textOf(reply: ClientReply): string {
  if (reply.ok) return reply.text;
  throw refusal(reply);
}

/** What a node refused, as an error. Where a hint names the command to type, the node's own, which names a verb, goes. */
export function refusal({ code, message }: Extract<ClientReply, { ok: false }>): RondoError {
  const fault = Object.hasOwn(hints, code) ? message.replace(/; [A-Z]+ lists .*$/, '') : inCommands(message);
  return new RondoError(code, `${fault} (${code})`);
}

/** What a node's hint says in requests of the protocol, as commands. */
function inCommands(message: string): string {
  return message.replace(
    /; JOBS state=failed task=(\S+) lists /,
    '; `rondo jobs --state failed --task $1` lists ',
  );
}

/** The OK text of a reply, parsed. Throws as `textOf` does, and `BAD_REPLY`. */
export function parsedOf(reply: ClientReply): unknown {
  const text = textOf(reply);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RondoError('BAD_REPLY', 'the node answered with something that is not JSON', { cause });
  }
}

const usageCodes = new Set([
  'BAD_USAGE',
  'BAD_ADDRESS',
  'BAD_CONFIG',
  'BAD_COMMAND',
  'BAD_TASK_DIRECTORY',
  'BAD_KEY',
  'NO_KEY',
  'BAD_OPTION',
  'BAD_REQUEST',
  'BAD_JSON',
]);

const hints: Readonly<Record<string, string>> = {
  NO_NODE: 'start one with `rondo start`, or name another with --node',
  UNAUTHORIZED: "give the cluster's key with --key-file (or RONDO_KEY_FILE), or its token with --token",
  UNKNOWN_TASK: '`rondo tasks` lists what the nodes offer',
  NO_SUCH_NODE: '`rondo nodes` lists them',
  NOT_FOUND: '`rondo jobs` lists those that are known',
  BODY_TOO_LARGE: 'hand over where the data is (a path, a URL), or raise `limits.bodyBytes` of the node',
  LINE_TOO_LONG: 'give fewer or shorter options, or raise `limits.lineBytes` of the node',
  BUSY: 'try again later',
  DRAINING:
    'name one that does not drain with --node (`rondo nodes` shows it), or have one take jobs again with `rondo resume NAME`',
};

/** Why a node does not start: whoever restarts it may want to tell these apart. */
const startCodes = /^(DATA_DIR|JOURNAL)_/;

/** 2 for wrong usage, 1 for everything else that went wrong. */
export function exitCodeOf(error: unknown): 1 | 2 {
  return error instanceof RondoError && usageCodes.has(error.code) ? 2 : 1;
}

/** One sentence for standard error: what is wrong, and what to do about it. Holds no control characters. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof RondoError)) {
    const message = error instanceof Error ? error.message : String(error);
    return printable(`unexpected fault: ${message} (set RONDO_DEBUG=1 to see where)`);
  }
  const hint = hints[error.code];
  const message = startCodes.test(error.code) ? `${error.message} (${error.code})` : error.message;
  return printable(hint === undefined ? message : `${message}: ${hint}`);
}

/** Tells of a failure on standard error and sets the exit code. */
export function reportFailure(error: unknown): void {
  for (const line of linesOf(error)) process.stderr.write(`rondo: ${line}\n`);
  if (process.env.RONDO_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = exitCodeOf(error);
}

/** A configuration can be wrong in several places, and tells each in a line of its own. */
function linesOf(error: unknown): string[] {
  const hasLines = error instanceof RondoError && error.code === 'BAD_CONFIG';
  return hasLines ? error.message.split('\n').map(printable) : [sentenceOf(error)];
}

/** The reason in the words of the system's error, for a file that can't be used. */
export function fileFault(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file or directory';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    case 'EEXIST':
      return 'it exists already';
    case 'ENOSPC':
      return 'the disk is full';
    default:
      return message;
  }
}

/** Text from elsewhere, safe to show: a job's error message must not be able to command the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) =>
    character === '\n' || character === '\t'
      ? ' '
      : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
