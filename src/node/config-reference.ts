import { configGroups, configKeys } from './config-keys.js';
import type { SettingInfo } from './config-values.js';

/** A row of the reference of all settings. */
export interface ConfigReferenceRow {
  /** As in the file: `membership.probeInterval`. */
  readonly key: string;
  /** `--key-file`; null where there is none. */
  readonly flag: string | null;
  /** `RONDO_KEY_FILE`; null where there is none. */
  readonly env: string | null;
  readonly inFile: boolean;
  /** As it would be written, or in words where it follows from something else. */
  readonly default: string;
  /** Completes "it must be ...". */
  readonly allowed: string;
  readonly description: string;
}

/** All settings, in the order of the file. */
export function describeConfig(): ConfigReferenceRow[] {
  return configKeys.map(({ key, flag, env, inFile, info }) => ({
    key,
    flag,
    env,
    inFile,
    default: info.defaultNote ?? writtenDefault(info),
    allowed: info.allowed,
    description: info.description,
  }));
}

const lineLengthMax = 110;
const preamble = [
  'Every setting of a Rondo node, with its default. Copy what you change:',
  '',
  '    rondo start --config FILE      or      RONDO_CONFIG=FILE rondo start',
  '',
  'A flag goes before the environment, that before this file. `probeInterval` in `membership` is',
  'RONDO_MEMBERSHIP_PROBE_INTERVAL in the environment. `null` stands for the default that the comment tells.',
  'Durations: 250ms, 30s, 5m, 2h. Sizes: 64KiB, 16MiB, 1GiB. Paths are relative to this file; ~ is the home directory.',
];

/** The text of `config/rondo.yaml`. */
export function renderDefaultFile(): string {
  const lines = preamble.map((line) => `# ${line}`.trimEnd());
  for (const group of [null, ...configGroups]) {
    if (group !== null) lines.push('', `${group}:`);
    const indent = group === null ? '' : '  ';
    for (const { leaf, info, flag } of configKeys.filter((key) => key.group === group && key.inFile)) {
      if (group === null) lines.push('');
      lines.push(...comment(info, flag, indent), `${indent}${leaf}: ${writtenDefault(info)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function comment(info: SettingInfo, flag: string | null, indent: string): string[] {
  const sentences = [
    `${info.description}.`,
    `Allowed: ${info.allowed}.`,
    ...(info.defaultNote === undefined ? [] : [`Default: ${info.defaultNote}.`]),
    ...(flag === null ? [] : [`Flag: ${flag}.`]),
  ];
  return wrap(sentences.join(' '), lineLengthMax - indent.length - 2).map((line) => `${indent}# ${line}`);
}

function wrap(text: string, length: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > length) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function writtenDefault({ default: standard }: SettingInfo): string {
  if (standard instanceof Map) return '{}';
  if (Array.isArray(standard)) return '[]';
  return String(standard);
}
