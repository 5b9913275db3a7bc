import { RondoError } from '../core/errors.js';
import { attemptVariableNames } from '../scheduler/attempt-variables.js';
import { type ConfigFile, readConfigFile } from './config-file.js';
import { type ConfigKey, configKeys } from './config-keys.js';
import { didYouMean } from './nearest-key.js';

export type ConfigSource = 'flag' | 'environment' | 'file' | 'default';

/** A value as it was written, and where. */
export interface WrittenValue {
  readonly source: Exclude<ConfigSource, 'default'>;
  readonly value: unknown;
  /** For messages: `--threads`, `RONDO_THREADS`, `rondo.yaml:12`. `path` leads into a value that is a map. */
  where(path: readonly string[]): string;
}

/** Where the value of a key came from, and what that means for paths. */
export interface Places {
  source(key: string): ConfigSource;
  /** For messages: `--listen`, `RONDO_LISTEN`, `FILE:LINE`, `default`. */
  where(key: string): string;
  /** Makes a path that is the value of this key absolute. */
  path(key: string, path: string): string;
}

/** Variables of the clients, those that say where to look, and those that a node gives to the programs it runs. */
const otherVariables = ['RONDO_CONFIG', 'RONDO_DEBUG', 'RONDO_NODE', 'RONDO_TOKEN', ...attemptVariableNames];

/** The written value of every setting that has one: a flag before the environment, that before the file. */
export function mergeSources(
  flags: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
  file: ConfigFile | null,
): ReadonlyMap<string, WrittenValue> {
  rejectUnknownFlags(flags);
  rejectUnknownVariables(env);
  const written = new Map<string, WrittenValue>();
  for (const key of configKeys) {
    const value = fromFlags(key, flags) ?? fromEnvironment(key, env) ?? fromFile(key, file);
    if (value !== null) written.set(key.key, value);
  }
  return written;
}

/** The file named by `--config` or RONDO_CONFIG, read; null when none is named. `resolve` makes its path absolute. */
export async function readNamedFile(
  flags: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
  resolve: (file: string) => string,
): Promise<{ readonly path: string; readonly content: ConfigFile } | null> {
  const named = flags.config ?? (env.RONDO_CONFIG || undefined);
  if (named === undefined) return null;
  if (typeof named !== 'string' || named === '') {
    throw new RondoError('BAD_CONFIG', '--config must be the path of a file');
  }
  const path = resolve(named);
  return { path, content: await readConfigFile(path) };
}

function fromFlags(key: ConfigKey, flags: Readonly<Record<string, unknown>>): WrittenValue | null {
  if (key.flagName === null || !Object.hasOwn(flags, key.flagName)) return null;
  const value = flags[key.flagName];
  // commander fills in `true` for an option that only has a `--no-` form, or has one beside it: nobody wrote that.
  const filledIn = value === true && (key.key === 'journal' || key.key === 'http');
  if (value === undefined || value === null || filledIn) return null;
  const flag = value === false ? `--no-${key.flagName}` : (key.flag as string);
  return { source: 'flag', value, where: () => flag };
}

/** An empty variable counts as none, as it is what remains of an unset one in compose and unit files. */
function fromEnvironment(key: ConfigKey, env: NodeJS.ProcessEnv): WrittenValue | null {
  const { env: variable } = key;
  const value = variable === null ? undefined : env[variable];
  if (variable === null || value === undefined || value === '') return null;
  return { source: 'environment', value, where: () => variable };
}

/** `null` in the file, or nothing after the colon, stands for the default. */
function fromFile(key: ConfigKey, file: ConfigFile | null): WrittenValue | null {
  const value = file?.values.get(key.key) ?? null;
  if (file === null || value === null) return null;
  const base = key.group === null ? [key.leaf] : [key.group, key.leaf];
  return { source: 'file', value, where: (path) => file.where([...base, ...path]) };
}

function rejectUnknownFlags(flags: Readonly<Record<string, unknown>>): void {
  const known = ['config', ...configKeys.flatMap(({ flagName }) => flagName ?? [])];
  for (const flag of Object.keys(flags)) {
    if (known.includes(flag)) continue;
    throw new RondoError('BAD_CONFIG', `unknown option \`${flag}\`${didYouMean(flag, known)}`);
  }
}

function rejectUnknownVariables(env: NodeJS.ProcessEnv): void {
  const known = [...otherVariables, ...configKeys.flatMap(({ env }) => env ?? [])];
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('RONDO_') || known.includes(variable) || isServiceVariable(variable, env))
      continue;
    const meant = namedAfterFlag.get(variable);
    const hint = meant === undefined ? didYouMean(variable, known) : `; did you mean \`${meant}\`?`;
    throw new RondoError('BAD_CONFIG', `unknown environment variable \`${variable}\`${hint}`);
  }
}

/** Variables that begin with RONDO_ and are none of this project's: Kubernetes has set them for a Service. */
export function serviceVariables(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env).filter((variable) => isServiceVariable(variable, env));
}

/** What a flag would be called in the environment, had it not another name there; how it is set there. */
const namedAfterFlag: ReadonlyMap<string, string> = new Map([
  ['RONDO_NO_HTTP', 'RONDO_HTTP=false'],
  ['RONDO_NO_JOURNAL', 'RONDO_JOURNAL=false'],
  ['RONDO_TAG', 'RONDO_TAGS'],
]);

/**
 * Kubelet tells every container of a Service `rondo` with RONDO_SERVICE_HOST,
 * RONDO_SERVICE_PORT, RONDO_PORT and RONDO_PORT_7411_TCP and the like, and of a Service `rondo-a` with RONDO_A_SERVICE_HOST and so on.
 */
function isServiceVariable(variable: string, env: NodeJS.ProcessEnv): boolean {
  const service = /^(RONDO(?:_[A-Z0-9_]+?)??)_(?:SERVICE_[A-Z0-9_]+|PORT(?:_[A-Z0-9_]+)?)$/.exec(
    variable,
  )?.[1];
  if (service === undefined) return false;
  // None of these is near a setting. RONDO_CLIENT_PORT is, so it passes only beside what else there is of such a Service.
  return service === 'RONDO' || `${service}_SERVICE_HOST` in env;
}
