import { Command } from 'commander';
import { addJobCommands } from './program-jobs.js';
import { addNodeCommands } from './program-nodes.js';
import { addSimulateCommand } from './program-simulate.js';
import { addTopicCommands } from './program-topics.js';

const exitCodes = `
Exit codes: 0 done, 1 it failed, 2 wrong usage. Every command explains itself: rondo help COMMAND`;

/** The whole command line, as a tree. What a command does is loaded only when it runs, so that each starts quickly. */
export function buildProgram(version: string): Command {
  const program = new Command('rondo')
    .description('A masterless cluster for running jobs.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .helpCommand('help [command]', 'explain a command')
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'rondo: ')) })
    .showHelpAfterError('(add --help to see how it is used)');
  addNodeCommands(program);
  addJobCommands(program);
  addTopicCommands(program);
  addSimulateCommand(program);
  return program.addHelpText('after', exitCodes);
}
