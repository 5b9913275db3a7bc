import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { safeParse, ValiError } from 'valibot';
import { RondoError } from '../core/errors.js';
import type { NodeConfig } from './config.js';
import { checkConfig } from './config-checks.js';
import { configGroups, configKeys } from './config-keys.js';
import { problemText } from './config-problems.js';
import { resolveConfig } from './config-resolve.js';
import { type ConfigValues, configSchema } from './config-schema.js';
import {
  type ConfigSource,
  mergeSources,
  type Places,
  readNamedFile,
  type WrittenValue,
} from './config-sources.js';

export interface LoadedConfig {
  readonly config: NodeConfig;
  /** Where each key got its value from. */
  readonly sources: ReadonlyMap<string, ConfigSource>;
}

export interface ConfigInput {
  /** As commander gives them: `{ keyFile: 'k', tag: ['a=b'], http: false }`. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/**
 * Puts a node's configuration together: flag before environment before file before default. Throws a RondoError:
 * `BAD_CONFIG` names where the value came from, its key, and what is allowed; `NO_KEY` says how to get one.
 */
export async function loadConfig(input: ConfigInput): Promise<LoadedConfig> {
  const { flags, env, cwd } = input;
  const expand = (base: string, path: string): string => resolve(base, expandHome(path, env));
  const file = await readNamedFile(flags, env, (path) => expand(cwd, path));
  const written = mergeSources(flags, env, file?.content ?? null);
  const places: Places = {
    source: (key) => written.get(key)?.source ?? 'default',
    where: (key) => written.get(key)?.where([]) ?? 'default',
    // A path in the file is relative to that file, so that a configuration can be moved with what it names.
    path: (key, path) =>
      expand(written.get(key)?.source === 'file' && file !== null ? dirname(file.path) : cwd, path),
  };
  const config = resolveConfig(parseValues(written), places, env);
  checkConfig(config, places);
  return { config, sources: new Map(configKeys.map(({ key }) => [key, places.source(key)])) };
}

function parseValues(written: ReadonlyMap<string, WrittenValue>): ConfigValues {
  const tree: Record<string, unknown> = {};
  const groups = new Map(configGroups.map((group) => [group, {} as Record<string, unknown>]));
  for (const { key, group, leaf } of configKeys) {
    const branch = group === null ? tree : groups.get(group);
    if (branch !== undefined) branch[leaf] = written.get(key)?.value;
  }
  for (const [group, branch] of groups) tree[group] = branch;
  const parsed = safeParse(configSchema, tree);
  if (parsed.success) return parsed.output;
  const problems = new Set(parsed.issues.map((issue) => problemText(issue, written)));
  throw new RondoError('BAD_CONFIG', [...problems].join('\n'), { cause: new ValiError(parsed.issues) });
}

/** Shells expand `~` in flags, but nobody does in files. */
function expandHome(path: string, env: NodeJS.ProcessEnv): string {
  return /^~(?:\/|$)/.test(path) ? resolve(env.HOME || homedir(), path.slice(2)) : path;
}
