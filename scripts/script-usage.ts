import { type ParseArgsConfig, parseArgs } from 'node:util';

/** How a script is called. */
export interface ScriptUsage {
  readonly name: string;
  /** As it is typed: `npm run soak -- [--seeds A-B]`. */
  readonly call: string;
  /** What it does, and its options. */
  readonly text: string;
}

type OptionsConfig = NonNullable<ParseArgsConfig['options']>;
type Values<Options extends OptionsConfig> = ReturnType<typeof parseArgs<{ options: Options }>>['values'];

/** The options that the script was given. With `--help` the process prints the usage and ends; with an unknown option it ends with 2. */
export function readOptions<const Options extends OptionsConfig>(
  usage: ScriptUsage,
  options: Options,
): Values<Options> {
  return read(usage, { options }).values as Values<Options>;
}

/** Those, and the words that are no options. */
export function readArguments<const Options extends OptionsConfig>(
  usage: ScriptUsage,
  options: Options,
): { readonly values: Values<Options>; readonly words: readonly string[] } {
  const { values, positionals } = read(usage, { options, allowPositionals: true });
  return { values: values as Values<Options>, words: positionals };
}

/** The number that an option was given. Ends the process with 2 where it is none, or less than `min`. */
export function wholeNumber(usage: ScriptUsage, option: string, text: string, min = 1): number {
  const number = Number(text);
  if (/^\d{1,15}$/.test(text) && number >= min) return number;
  return wrongUsage(usage, `${option} takes a whole number from ${min}, and not "${text}"`);
}

/** Says what is wrong, and where the options are explained, and ends the process with 2: the explanation itself would push the cause off the screen. */
export function wrongUsage({ name, call }: ScriptUsage, what: string): never {
  process.stderr.write(`${name}: ${what}\nAll options: ${helpCall(call)}\n`);
  process.exit(2);
}

/** `npm run soak -- [--seeds A-B]`: `npm run soak -- --help`; npm would take the option for itself without the dashes. */
function helpCall(call: string): string {
  const [command = ''] = call.split(/ --(?: |$)| \[/);
  return `${command}${command.startsWith('npm') ? ' --' : ''} --help`;
}

function read(usage: ScriptUsage, config: ParseArgsConfig): ReturnType<typeof parseArgs> {
  const parsed = parse(usage, config);
  if (parsed.values.help !== true) return parsed;
  process.stdout.write(usageText(usage));
  process.exit(0);
}

function parse(usage: ScriptUsage, config: ParseArgsConfig): ReturnType<typeof parseArgs> {
  try {
    const help = { type: 'boolean', short: 'h' } as const;
    return parseArgs({ ...config, options: { ...config.options, help } });
  } catch (error) {
    // "Unknown option '--x'. To specify a positional argument ...": the rest is about something else.
    const [what = ''] = (error as Error).message.split('. ');
    return wrongUsage(usage, what);
  }
}

function usageText({ call, text }: ScriptUsage): string {
  return `usage: ${call}\n\n${text.trim()}\n`;
}
