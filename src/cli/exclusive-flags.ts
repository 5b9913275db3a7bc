import type { Command } from 'commander';

/** Has the command refuse `--NAME` together with `--no-NAME`, of which Commander lets the last one win without a word. */
export function withEitherOf(command: Command, name: string): Command {
  const pair = [name, `no-${name}`];
  const given = new Set<string>();
  for (const each of pair) {
    command.on(`option:${each}`, () => {
      given.add(each);
      if (given.size < pair.length) return;
      command.error(`error: options '--${name}' and '--no-${name}' exclude each other: give one of them`);
    });
  }
  return command;
}
