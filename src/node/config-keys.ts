import { configSchema } from './config-schema.js';
import { type SettingInfo, settingInfo } from './config-values.js';

/** One setting: where it stands in the file, and how flag and environment spell it. */
export interface ConfigKey {
  /** As in the file; a dot for a group: `membership.probeInterval`. */
  readonly key: string;
  readonly group: string | null;
  /** Its name inside the group, or the key itself. */
  readonly leaf: string;
  /** As commander names it: `keyFile`; null where there is no flag. */
  readonly flagName: string | null;
  /** As it is typed: `--key-file`. */
  readonly flag: string | null;
  /** `RONDO_KEY_FILE`; null where it can only stand in the file. */
  readonly env: string | null;
  readonly inFile: boolean;
  readonly info: SettingInfo;
}

/** Every setting, in the order of the schema. */
export const configKeys: readonly ConfigKey[] = keysOf(configSchema.entries, null);

/** The groups of the file: `membership`, `jobs`, `limits`. */
export const configGroups: readonly string[] = [...new Set(configKeys.flatMap(({ group }) => group ?? []))];

type Entries = Readonly<Record<string, object>>;

function keysOf(entries: Entries, group: string | null): ConfigKey[] {
  return Object.entries(entries).flatMap(([leaf, schema]) => {
    const info = settingInfo.get(schema);
    if (info !== undefined) return [keyOf(leaf, group, info)];
    return keysOf((schema as { wrapped: { entries: Entries } }).wrapped.entries, leaf);
  });
}

function keyOf(leaf: string, group: string | null, info: SettingInfo): ConfigKey {
  const words = [...(group === null ? [] : [group]), ...leaf.split(/(?=[A-Z])/)].map((word) =>
    word.toLowerCase(),
  );
  const flag = group === null && info.only === undefined ? (info.flag ?? words.join('-')) : null;
  return {
    key: group === null ? leaf : `${group}.${leaf}`,
    group,
    leaf,
    // commander stores `--no-journal` as `journal: false`
    flagName: flag === null ? null : camelCase(flag.replace(/^no-/, '')),
    flag: flag === null ? null : `--${flag}`,
    env: info.only === 'file' ? null : `RONDO_${words.join('_').toUpperCase()}`,
    inFile: info.only !== 'environment',
    info,
  };
}

function camelCase(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
