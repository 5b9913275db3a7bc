import { pathToFileURL } from 'node:url';
import { limits } from '../core/limits.js';
import { parseDuration } from '../core/units.js';
import { cut, describeError } from './handler-result.js';
import { importFault } from './import-fault.js';
import type { TaskContext } from './task-context.js';
import type { Reports, TaskFile, TaskOptions } from './thread-messages.js';

/** What a task's file exports by default: an async function, or an async generator function whose return value counts. */
export type Handler = (args: unknown, context: TaskContext) => unknown;

export interface TaskModule {
  readonly handler: Handler;
  readonly options: TaskOptions;
}

/** Imports a task's file and checks what it exports. Rejects with a sentence that says what is wrong and what to do. */
export async function importTask(path: string): Promise<TaskModule> {
  const module = await importFile(path).catch(async (error: unknown) => {
    throw new Error(cut(await importFault(error, path)));
  });
  const exported = exportsOf(module);
  const handler = exported.default;
  if (typeof handler !== 'function') {
    throw new Error(
      `it has no function as its default export; write: export default async (args, ctx) => result`,
    );
  }
  if (handler.constructor?.name === 'GeneratorFunction') {
    throw new Error(
      'its default export is a plain generator; write: export default async function* (args, ctx)',
    );
  }
  return { handler: handler as Handler, options: readTaskOptions(exported.options) };
}

/** Imports files one after the other and reports on each. */
export async function learnTasks(files: readonly TaskFile[], reports: LearningReports): Promise<void> {
  for (const { path } of files) {
    reports.importing(path);
    try {
      const { options } = await importTask(path);
      reports.learned(path, options);
    } catch (error) {
      const { name, message } = describeError(error);
      reports.rejected(path, name === 'Error' ? message : `${name}: ${message}`);
    }
  }
}

export type LearningReports = Pick<Reports, 'importing' | 'learned' | 'rejected'>;

async function importFile(path: string): Promise<unknown> {
  if (path.endsWith('.ts')) return importByJiti(path);
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    // `export` in a .js file that no package.json declares a module: only newer Nodes look into the file.
    if (!(error instanceof SyntaxError) || !path.endsWith('.js')) throw error;
    return importByJiti(path);
  }
}

/** Loaded only when needed: it costs more memory than most handlers. */
async function importByJiti(path: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  return createJiti(import.meta.url, { interopDefault: false }).import(path);
}

/** A CommonJS file's `module.exports` arrives as `default`, with `exports.default` one level down. */
function exportsOf(module: unknown): { readonly default?: unknown; readonly options?: unknown } {
  const exported = module as { default?: unknown; options?: unknown };
  const inner = exported.default as { default?: unknown; options?: unknown } | null | undefined;
  if (typeof inner === 'object' && inner !== null && typeof inner.default === 'function') return inner;
  return {
    default: inner,
    options: exported.options ?? (typeof inner === 'function' ? Reflect.get(inner, 'options') : undefined),
  };
}

/** Checks `export const options = { concurrency, timeout, retries }`; throws a sentence at the first fault. */
export function readTaskOptions(options: unknown): TaskOptions {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new Error('its export `options` is not an object; write: export const options = { retries: 3 }');
  }
  const unknown = Object.keys(options).find((key) => !['concurrency', 'timeout', 'retries'].includes(key));
  if (unknown !== undefined) {
    throw new Error(`options.${unknown} is not known; there are concurrency, timeout and retries`);
  }
  const { concurrency, timeout, retries } = options as Record<string, unknown>;
  return {
    ...(concurrency === undefined
      ? {}
      : { concurrency: wholeNumber('concurrency', concurrency, 1, 1_000_000) }),
    ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout) }),
    ...(retries === undefined ? {} : { retries: wholeNumber('retries', retries, 0, limits.retriesMax) }),
  };
}

function wholeNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`options.${name} must be a whole number from ${min} to ${max}, not ${describe(value)}`);
}

function durationMs(value: unknown): number {
  const ms = typeof value === 'string' ? parseDuration(value) : value;
  if (typeof ms === 'number' && Number.isInteger(ms) && ms >= 1 && ms <= limits.durationMsMax) return ms;
  throw new Error(
    `options.timeout must be milliseconds or like '30s', at most 10 years, not ${describe(value)}`,
  );
}

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 50)) : String(value);
}
