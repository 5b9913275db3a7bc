import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';

/** Scripts that take what they are given, by what they import; `write-default-config` and the like take nothing. */
const scripts = readdirSync('scripts')
  .filter((name) => name.endsWith('.ts') && name !== 'script-usage.ts')
  .filter((name) => readFileSync(`scripts/${name}`, 'utf8').includes("from './script-usage.js'"))
  .map((name) => name.replace(/\.ts$/, ''));

function run(script: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`dist/scripts/${script}.js`, ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

t.test(
  'every script that npm runs explains itself, and refuses an option that it does not have',
  async (t) => {
    const { scripts: ofNpm } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    const calls = Object.entries(ofNpm).flatMap(([name, command]) => {
      const script = /dist\/scripts\/([a-z-]+)\.js$/.exec(command)?.[1];
      return script === undefined ? [] : [{ name, script }];
    });
    t.ok(calls.length > 5);
    for (const { name, script } of calls) {
      const help = run(script, '--help');
      t.match(help, { status: 0, stderr: '' }, name);
      t.match(help.stdout, new RegExp(`^usage: npm (run )?${name}\\b`));
      t.strictSame(run(script, '-h'), help);
    }
    for (const script of scripts) {
      const refused = run(script, '--nonsense');
      t.match(refused, { status: 2, stdout: '' }, script);
      t.match(
        refused.stderr,
        /^[a-z-]+: Unknown option '--nonsense'\nAll options: (npm|node) [^[]+ --help\n$/,
      );
    }
  },
);

t.test('values that will not do are refused before anything is run', async (t) => {
  for (const [script, args, says] of [
    ['soak', ['--seeds', '7'], /^soak: --seeds takes two numbers/],
    ['soak', ['--fault', 'hunger'], /^soak: --fault is one of kill, /],
    ['soak', ['--jobs', 'many'], /^soak: --jobs takes a whole number from 1/],
    ['soak', ['--seeds'], /^soak: Option '--seeds <value>' argument missing/],
    ['soak-processes', ['--faults', 'kill,hunger'], /^soak-processes: --faults takes some of .*"hunger"/],
    ['soak-processes', ['--minutes', '0'], /^soak-processes: --minutes takes a number over 0/],
    ['soak-processes', ['--jobs', 'many'], /^soak-processes: --jobs takes a whole number from 1/],
    ['fuzz', ['--from', 'x'], /^fuzz: --from takes a whole number from 0, and not "x"/],
    ['fuzz', ['--minutes', '0'], /^fuzz: --minutes takes a number over 0/],
    ['bench', ['--rounds', '0'], /^bench: --rounds takes a whole number from 1/],
    ['bench', ['--only', 'rondo,nobody'], /^bench: --only takes some of .*rondo.* and not "nobody"/],
    ['bench', ['--workload', 'z'], /^bench: --workload takes some of a, b, .* and not "z"/],
    ['bench', ['--workload', 'A', '--list'], /^bench: --workload takes some of a, b, .* and not "A"/],
    ['bench', ['--only', 'nobody', '--list'], /^bench: --only takes some of /],
    ['bench', ['--write', 'x', '--no-write'], /^bench: --write and --no-write exclude each other/],
    ['bench', ['--data', '/no/such'], /^bench: --data takes a directory, and there is no \/no\/such/],
    [
      'bench',
      ['--data', '/etc/passwd'],
      /^bench: --data takes a directory that can be written, and not \/etc\/passwd/,
    ],
    ['bench', ['--write', '/etc/passwd'], /^bench: no page can be written to \/etc\/passwd .*: give --write/],
    [
      'bench',
      ['--write', '/etc/passwd/y'],
      /^bench: no page can be written to \/etc\/passwd\/y .*: give --write/,
    ],
    ['bench', ['--write', '/proc/x'], /^bench: no page can be written to \/proc\/x .*: give --write/],
    ['bench-bulk', ['--character', 'xy'], /^bench-bulk: --character takes one character/],
    ['measure-idle', ['--nodes', '1.5'], /^measure-idle: --nodes takes a whole number/],
    ['measure-map', ['100'], /^measure-map: Unexpected argument '100'/],
    ['measure-membership', ['--row', 'none'], /^measure-membership: no row none; there are /],
    ['run-tests', ['no-such-test'], /^test: no test file's path holds "no-such-test"/],
  ] as const) {
    const { status, stdout, stderr } = run(script, ...args);
    t.strictSame([status, stdout], [2, ''], script);
    t.match(stderr, says);
  }
});
