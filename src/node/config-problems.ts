import type { BaseIssue } from 'valibot';
import { commandAllowed } from './config-commands.js';
import { type ConfigKey, configKeys } from './config-keys.js';
import type { WrittenValue } from './config-sources.js';
import { nameAllowed } from './config-values.js';

/** One finding of the schema as a sentence: ``rondo.yaml:3: `threads` is "many"; it must be a whole number from 0 to 256``. */
export function problemText(issue: BaseIssue<unknown>, written: ReadonlyMap<string, WrittenValue>): string {
  const path = (issue.path ?? []).map(({ key }) => String(key));
  const key = keyAt(path);
  // Every path of the schema leads into a setting, as the sources let no other key through.
  if (key === undefined) return issue.message;
  const inner = path.slice(key.group === null ? 1 : 2);
  if (issue.path?.at(-1)?.origin === 'key') return nameProblem(key, inner, written.get(key.key));
  const value = written.get(key.key);
  const named = key.key === 'commands' ? [key.key, ...inner].join('.') : key.key;
  const shown =
    key.info.secret === true
      ? 'not usable'
      : shownValue(key.key === 'commands' ? partAt(value?.value, inner) : value?.value);
  const reason = isOwn(issue) ? issue.message : `it must be ${allowedAt(key, inner)}`;
  return `${value?.where(inner) ?? 'default'}: \`${named}\` is ${shown}; ${reason}`;
}

/** A name that is not allowed in a map of the file: of a task, or of a variable in its `env`. */
function nameProblem(key: ConfigKey, inner: readonly string[], value: WrittenValue | undefined): string {
  const name = JSON.stringify((inner.at(-1) ?? '').slice(0, 100));
  const map = [key.key, ...inner.slice(0, -1)].join('.');
  const [what, allowed] =
    inner.length > 1 ? ['a variable', 'not be empty nor hold a `=`'] : ['a task', `be ${nameAllowed}`];
  return `${value?.where(inner) ?? 'default'}: ${name} in \`${map}\` can't be the name of ${what}; it must ${allowed}`;
}

/** Whether a reader of this project says more than `allowed` does; the schema library's own words are for programmers. */
function isOwn(issue: BaseIssue<unknown>): boolean {
  return issue.type === 'raw_transform' && issue.message !== '';
}

function keyAt(path: readonly string[]): ConfigKey | undefined {
  return configKeys.find(({ group, leaf }) =>
    group === null ? path[0] === leaf : path[0] === group && path[1] === leaf,
  );
}

function allowedAt(key: ConfigKey, inner: readonly string[]): string {
  const field = inner[1];
  if (key.key !== 'commands' || field === undefined) return key.info.allowed;
  return Object.hasOwn(commandAllowed, field)
    ? commandAllowed[field as keyof typeof commandAllowed]
    : key.info.allowed;
}

function partAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((holder, step) => {
    if (holder instanceof Map) return holder.get(step);
    const isHolder = typeof holder === 'object' && holder !== null && Object.hasOwn(holder, step);
    return isHolder ? (holder as Record<string, unknown>)[step] : undefined;
  }, value);
}

function shownValue(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value instanceof Map || (typeof value === 'object' && value !== null && !Array.isArray(value)))
    return 'a map';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
