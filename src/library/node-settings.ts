import { namePattern } from '../core/ids.js';
import { configKeys } from '../node/config-keys.js';
import { builtinHandlers } from '../scheduler/builtin-tasks.js';
import { readTaskOptions, type TaskModule } from '../scheduler/task-module.js';
import { NodeStartError } from './errors.js';
import type { NodeOptions } from './node-options.js';

/** Where options and settings have different names. */
const settingNames: Readonly<Record<string, string>> = {
  listenClient: 'client',
  taskDirectories: 'tasks',
  tags: 'tag',
};
const ownNames: ReadonlySet<string> = new Set(['tasks', 'environment', 'onLog']);
const groupNames: ReadonlySet<string> = new Set(['membership', 'jobs', 'limits']);
/** What only the environment takes. */
const secretNames: ReadonlySet<string> = new Set(['key', 'clientToken']);
const plainNames: ReadonlySet<string> = new Set(
  configKeys
    .flatMap(({ flagName }) => flagName ?? [])
    .filter((name) => !['tag', 'tasks', 'client'].includes(name)),
);
/** Several nodes of a program must not meet at a port, nor at a directory. */
const defaults = { listen: '127.0.0.1:0', client: '127.0.0.1:0', http: false, threads: 0 };

export interface NodeSettings {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: NodeJS.ProcessEnv;
}

/** Options as a node takes its settings: as flags, and what can't be a flag as environment. Throws a `NodeStartError`. */
export function settingsOf(options: NodeOptions, processEnv: NodeJS.ProcessEnv): NodeSettings {
  const inherited = Object.entries(processEnv).filter(
    ([name]) => options.environment === true || !name.startsWith('RONDO_'),
  );
  const env: NodeJS.ProcessEnv = Object.fromEntries(inherited);
  const flags: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || ownNames.has(name)) continue;
    if (groupNames.has(name)) Object.assign(env, groupVariables(name, value));
    else if (secretNames.has(name)) env[variableOf(name)] = String(value);
    else if (plainNames.has(name) || Object.hasOwn(settingNames, name))
      flags[settingNames[name] ?? name] = spelled(name, value);
    else throw bad(`there is no option \`${name}\``);
  }
  const isSaid = (name: string): boolean => name in flags || (env[variableOf(name)] ?? '') !== '';
  for (const [name, value] of Object.entries(defaults)) if (!isSaid(name)) flags[name] = value;
  if (!isSaid('data') && !isSaid('journal')) flags.journal = false;
  return { flags, env };
}

/** The functions among the options, checked. Throws a `NodeStartError`. */
export function functionsOf(options: NodeOptions): Map<string, TaskModule> {
  const functions = new Map<string, TaskModule>();
  for (const [name, given] of Object.entries(options.tasks ?? {})) {
    if (!namePattern.test(name))
      throw bad(`${JSON.stringify(name)} is no name of a task: it has 1 to 64 of A-Z a-z 0-9 _ . : / -`);
    if (builtinHandlers.has(name)) throw bad(`the task ${name} is built in; choose another name`);
    const { run: handler, ...rest } = typeof given === 'function' ? { run: given } : given;
    if (typeof handler !== 'function') throw bad(`the task ${name} is no function, and has none as \`run\``);
    try {
      functions.set(name, { handler: handler as TaskModule['handler'], options: readTaskOptions(rest) });
    } catch (error) {
      throw bad(`the task ${name}: ${(error as Error).message}`);
    }
  }
  return functions;
}

function groupVariables(group: string, settings: unknown): NodeJS.ProcessEnv {
  const variables: NodeJS.ProcessEnv = {};
  for (const [leaf, value] of Object.entries(settings as object)) {
    const variable = configKeys.find((key) => key.group === group && key.leaf === leaf)?.env;
    if (variable === undefined || variable === null) throw bad(`there is no setting \`${group}.${leaf}\``);
    variables[variable] = String(value);
  }
  return variables;
}

function variableOf(name: string): string {
  return configKeys.find(({ key }) => key === name)?.env ?? '';
}

function spelled(name: string, value: unknown): unknown {
  if (name === 'tags') return Object.entries(value as object).map(([tag, text]) => `${tag}=${text}`);
  const isDuration = name === 'drainTimeout' || name === 'abortGrace';
  return isDuration && typeof value === 'number' ? `${value}ms` : value;
}

/** A fault of the settings, told without the flag or the variable that an option has become. */
export function plainMessage(message: string): string {
  return message.replace(/^(?:--[a-z-]+|RONDO_[A-Z_]+): /gm, '');
}

function bad(message: string): NodeStartError {
  return new NodeStartError('BAD_CONFIG', message);
}
