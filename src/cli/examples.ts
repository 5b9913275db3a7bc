import type { Command } from 'commander';

/** Adds examples below a command's help, each with what it is for. */
export function withExamples(
  command: Command,
  ...examples: readonly (readonly [line: string, what: string])[]
): Command {
  const lines = examples.map(([line, what]) => `  # ${what}\n  $ ${line}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
