import { Argument, type Command, Option } from 'commander';
import { type ClientFlags, withClientOptions } from './client-options.js';
import { withExamples } from './examples.js';
import { withEitherOf } from './exclusive-flags.js';
import { name } from './submit-options.js';

/** Commands that start nodes, look at them, and take them out. */
export function addNodeCommands(program: Command): void {
  addStart(program);
  withExamples(
    program
      .command('keygen')
      .description('Make a new cluster key: print it, or write it to a new file that only you can read.')
      .argument('[file]', 'where to write it; an existing file is never overwritten')
      .action(async (file: string | undefined) => (await import('./commands/keygen.js')).keygen(file)),
    ['rondo keygen rondo.key', 'then: rondo start --key-file rondo.key'],
  );
  addLists(program);
  addStates(program);
}

const startDescription = `Start a node.

Every flag can also be set in the environment (--key-file is RONDO_KEY_FILE, and so on) and, but for --config, in the \
configuration file. Three have other names there: --no-http is RONDO_HTTP=false, --no-journal is RONDO_JOURNAL=false, \
--tag is RONDO_TAGS=K=V,K=V.

SIGTERM, Ctrl-C and SIGHUP (a terminal that is closed) have the node drain and leave, as \`rondo leave\` does. A second \
SIGTERM or Ctrl-C ends it at once, with exit code 1, and hands nothing over: other nodes go on with the jobs that they hold, \
it goes on with durable ones when it starts again, and the rest is lost.`;

function addStart(program: Command): void {
  const command = withEitherOf(program.command('start'), 'http')
    .summary('Start a node.')
    .description(startDescription)
    .option('--name <name>', 'what this node is called (default: <host name>-<peer port>)')
    .option('--listen <host:port>', 'where peers connect (default: 127.0.0.1:7410)')
    .option('--client <host:port>', 'where clients connect (default: 127.0.0.1:7411)')
    .option('--http <host:port>', 'where /healthz, /readyz and /metrics are (default: 127.0.0.1:7412)')
    .option('--no-http', 'no HTTP at all')
    .option('--cluster <name>', 'the name of the cluster; nodes of another one are refused (default: rondo)')
    .option('--join <host:port>', 'a node to join by; may be repeated', collect)
    .option('--advertise <host:port>', 'the address that peers are told, where it is not the one listened at')
    .option('--key-file <file>', "the cluster's key; needed to leave this machine")
    .option(
      '--data <dir>',
      'where this node keeps its identity and its journal (default: ~/.local/share/rondo/<cluster>/<name>)',
    )
    .addOption(
      new Option(
        '--no-journal',
        'keep nothing on disk: jobs are in memory only, and every start is a new node',
      ),
    )
    .option('--tasks <dir>', 'a directory of tasks; may be repeated', collect)
    .option(
      '--threads <n>',
      'worker threads for handlers; 0, for tests: none, and a handler that throws late ends the node',
    )
    .option('--thread-memory <size>', 'heap of one thread, for example 512MiB')
    .option('--concurrency <n>', 'attempts at once')
    .option('--abort-grace <duration>', 'how long a handler that was asked to stop may take')
    .option('--drain-timeout <duration>', 'how long a stopping node waits for its running jobs')
    .option('--tag <key=value>', 'a tag of this node; may be repeated', collect)
    .option('--config <file>', 'a configuration file (YAML)')
    .option('--log-level <level>', 'debug, info, warn, error or silent')
    .option('--log-pretty', 'logs for people, not JSON')
    .option('--ready-file <file>', 'write name, id, pid and addresses there, as JSON, once ready')
    .action(async () => (await import('./commands/start.js')).start(given(command)));
  withExamples(
    command,
    ['rondo start', 'one node, on this machine only'],
    [
      'rondo start --tasks ./tasks --join 127.0.0.1:7410 --listen 127.0.0.1:0 --client 127.0.0.1:0 --no-http',
      'one more',
    ],
    ['rondo start --listen 10.0.0.5:7410 --key-file rondo.key --join 10.0.0.6:7410', 'on a network'],
  );
}

function addLists(program: Command): void {
  withExamples(
    listCommand(
      program,
      'nodes',
      'List the nodes of the cluster, as the node that answers sees them.',
    ).action(async (flags: ClientFlags) => (await import('./commands/lists.js')).nodes(flags)),
    ['rondo nodes', 'a table'],
    [
      'rondo nodes --json | jq -r \'.[] | select(.state == "alive") | .name\'',
      'the names of those that are up',
    ],
  );
  withExamples(
    listCommand(program, 'tasks', 'List the tasks that the nodes offer.').action(async (flags: ClientFlags) =>
      (await import('./commands/lists.js')).tasks(flags),
    ),
    ['rondo tasks', 'what can be submitted now'],
  );
  withExamples(
    listCommand(program, 'info', 'Show what the node that answers tells about itself.').action(
      async (flags: ClientFlags) => (await import('./commands/lists.js')).info(flags),
    ),
    ['rondo info --node 10.0.0.5:7411', 'that node'],
  );
}

function addStates(program: Command): void {
  withExamples(
    withClientOptions(
      program
        .command('drain')
        .description('Let a node finish what it has and take no new jobs.')
        .addArgument(nodeArgument())
        .action(async (node: string | undefined, flags: ClientFlags) =>
          (await import('./commands/node-state.js')).drain(node, flags),
        ),
    ),
    ['rondo drain worker-3', 'before its machine is serviced'],
  );
  withExamples(
    withClientOptions(
      program
        .command('resume')
        .description('Let a drained node take jobs again.')
        .addArgument(nodeArgument())
        .action(async (node: string | undefined, flags: ClientFlags) =>
          (await import('./commands/node-state.js')).resume(node, flags),
        ),
    ),
    ['rondo resume worker-3', 'its machine is back'],
  );
  withExamples(
    withClientOptions(
      program
        .command('leave')
        .description('Have the node that answers drain, leave the cluster, and end.')
        .action(async (flags: ClientFlags) => (await import('./commands/node-state.js')).leave(flags)),
    ),
    [
      'rondo leave --node 10.0.0.5:7411',
      'that node hands over what it has and ends; started again, it is the same node',
    ],
  );
}

function listCommand(program: Command, verb: string, description: string): Command {
  const command = program.command(verb).description(description).option('--json', 'print JSON');
  return withClientOptions(command);
}

function nodeArgument(): Argument {
  return new Argument('[node]', 'its name (default: the node that answers)').argParser(name);
}

function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/** Only what was typed: defaults are the configuration's business, for environment and file come between. */
function given(command: Command): Record<string, unknown> {
  const flags = Object.entries(command.opts());
  return Object.fromEntries(flags.filter(([key]) => command.getOptionValueSource(key) === 'cli'));
}
