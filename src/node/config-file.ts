import { readFileSync, statSync } from 'node:fs';
import type { Document, LineCounter, Pair, YAMLMap } from 'yaml';
import { RondoError } from '../core/errors.js';
import { commandAllowed } from './config-commands.js';
import { configGroups, configKeys } from './config-keys.js';
import { didYouMean } from './nearest-key.js';

/** What a configuration file says, keys checked and values as they stand there. */
export interface ConfigFile {
  /** By key: `membership.probeInterval`. Maps are `Map`s, so that no key of theirs can be `__proto__` of anything. */
  readonly values: ReadonlyMap<string, unknown>;
  /** `FILE:LINE` of a key, or of what is in it. */
  where(path: readonly string[]): string;
}

/** A configuration is a page or two; more is another file. */
const fileBytesMax = 1024 * 1024;
/** Aliases of aliases can stand for billions of values; this many are resolved at most. */
const aliasCountMax = 100;

/** Reads YAML, or JSON, which is YAML too. Throws `BAD_CONFIG`, naming file, line and what is wrong. */
export async function readConfigFile(file: string): Promise<ConfigFile> {
  const text = readText(file);
  // Only a node with a file pays for the parser.
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    strict: true,
  });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const place = `${file}:${lines.linePos(problem.pos[0]).line}`;
    if (problem.code === 'MULTIPLE_DOCS') {
      const advice = 'a configuration is one document: take out this line, or what stands before or after it';
      throw badFile(`${place}: \`---\` begins a second document; ${advice}`, problem);
    }
    throw badFile(`${place}: not valid YAML: ${problem.message}`, problem);
  }
  const where = (path: readonly string[]): string => locate(file, document, lines, path);
  return { values: settingsOf(rootOf(file, document), where), where };
}

function readText(file: string): string {
  try {
    const status = statSync(file);
    if (status.isDirectory()) throw badFile(`${file} is a directory; the configuration is a file in it`);
    if (status.size > fileBytesMax)
      throw badFile(`${file} is larger than ${fileBytesMax} bytes: not a configuration`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof RondoError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw badFile(`${file}: there is no such configuration file`, error);
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw badFile(`${file} is not UTF-8 text`, error);
    throw badFile(`${file} can't be read: ${message}`, error);
  }
}

function rootOf(file: string, document: Document): ReadonlyMap<unknown, unknown> {
  let root: unknown;
  try {
    root = document.toJS({ mapAsMap: true, maxAliasCount: aliasCountMax });
  } catch (error) {
    throw badFile(`${file}: ${(error as Error).message}`, error);
  }
  if (root === null || root === undefined) return new Map();
  if (root instanceof Map) return root;
  throw badFile(`${file}: a configuration is a map of keys to values, such as \`name: a\``);
}

type Where = (path: readonly string[]) => string;

const topKeys = [
  ...configKeys.filter(({ group, inFile }) => group === null && inFile).map(({ key }) => key),
  ...configGroups,
];

function settingsOf(root: ReadonlyMap<unknown, unknown>, where: Where): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [key, value] of checkedEntries(root, topKeys, [], where)) {
    if (configGroups.includes(key)) {
      const leaves = configKeys.filter(({ group }) => group === key).map(({ leaf }) => leaf);
      for (const [leaf, inner] of checkedEntries(mapAt(value, [key], where), leaves, [key], where)) {
        values.set(`${key}.${leaf}`, inner);
      }
    } else {
      values.set(key, key === 'commands' ? commandsOf(mapAt(value, [key], where), where) : value);
    }
  }
  return values;
}

/** The commands as objects with known keys only; their values are for the schema to check. */
function commandsOf(commands: ReadonlyMap<unknown, unknown>, where: Where): ReadonlyMap<unknown, unknown> {
  const known = Object.keys(commandAllowed);
  return new Map(
    [...commands].map(([name, command]) => {
      const path = ['commands', String(name)];
      const entries = checkedEntries(mapAt(command, path, where), known, path, where);
      return [name, Object.fromEntries(entries.filter(([, value]) => value !== null))];
    }),
  );
}

function checkedEntries(
  map: ReadonlyMap<unknown, unknown>,
  known: readonly string[],
  path: readonly string[],
  where: Where,
): [string, unknown][] {
  return [...map].map(([key, value]) => {
    if (typeof key === 'string' && known.includes(key)) return [key, value];
    const written = String(key).slice(0, 100);
    const inside = path.length === 0 ? '' : ` in \`${path.join('.')}\``;
    throw badFile(
      `${where([...path, String(key)])}: unknown key \`${written}\`${inside}${didYouMean(written, known)}`,
    );
  });
}

/** Nothing after the colon is an empty map. */
function mapAt(value: unknown, path: readonly string[], where: Where): ReadonlyMap<unknown, unknown> {
  if (value === null) return new Map();
  if (value instanceof Map) return value;
  throw badFile(`${where(path)}: \`${path.join('.')}\` must be a map of keys to values`);
}

function locate(file: string, document: Document, lines: LineCounter, path: readonly string[]): string {
  let offset: number | undefined;
  let inside: unknown = document.contents;
  for (const step of path) {
    const pair = (inside as YAMLMap | null)?.items?.find((item: Pair) => keyText(item) === step);
    const range = (pair?.key as { range?: [number, number, number] } | undefined)?.range;
    if (pair === undefined || range === undefined) break;
    offset = range[0];
    inside = pair.value;
  }
  return offset === undefined ? file : `${file}:${lines.linePos(offset).line}`;
}

function keyText(item: Pair): string {
  return String((item.key as { value?: unknown } | null)?.value);
}

function badFile(message: string, cause?: unknown): RondoError {
  return new RondoError('BAD_CONFIG', message, { cause });
}
