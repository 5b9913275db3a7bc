import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { escapeText, ticksTo } from '../../src/cli/simulate/chart.js';
import { percent, rate, spread, time } from '../../src/cli/simulate/figures.js';
import type { SimulationResult } from '../../src/sim/simulation-result.js';
import { runCli } from '../support/run-cli.js';

const dir = mkdtempSync(join(tmpdir(), 'rondo-simulate-'));
t.teardown(() => rmSync(dir, { recursive: true }));

type Printed = SimulationResult & { readonly command: string };

const args = ['simulate', '--nodes', '12', '--kill', '2', '--loss', '2%', '--seed', '7'];

t.test('prints what was asked for, each figure with what it means, and the command again', async (t) => {
  const { code, stdout, stderr } = await runCli(args);
  t.equal(code, 0);
  t.match(stdout, /^12 nodes that start at once, .*, 2 % of packets lost, 2 killed; seed 7\n/);
  for (const label of [
    'all know all',
    'first declared dead',
    'healthy declared dead',
    'links',
    'right views',
  ])
    t.match(stdout, new RegExp(`^  ${label}.* {2}\\S.*[a-z]`, 'm'), label);
  t.match(stdout, /^ {2}right views +10 of 10 /m);
  t.match(stdout, /\nagain: rondo simulate --nodes 12 --seed 7 --loss 0\.02 --kill 2\n$/);
  t.match(stderr, /^\d+\.\d s simulated in /);
  const again = await runCli(
    stdout
      .slice(stdout.indexOf('again: rondo ') + 'again: rondo '.length)
      .trim()
      .split(' '),
  );
  t.equal(again.stdout, stdout, 'and that gives the same');
});

t.test('prints the same as JSON', async (t) => {
  const { code, stdout } = await runCli([...args, '--json']);
  t.equal(code, 0);
  const printed = JSON.parse(stdout) as Printed;
  t.strictSame(Object.keys(printed).sort(), [
    'changesPerMinute',
    'command',
    'curves',
    'events',
    'falsePositives',
    'healed',
    'hung',
    'joined',
    'killed',
    'links',
    'options',
    'rumour',
    'simulatedMs',
    'start',
    'times',
    'traffic',
    'views',
  ]);
  t.equal(printed.command, 'rondo simulate --nodes 12 --seed 7 --loss 0.02 --kill 2');
  t.equal(printed.killed?.nodes, 2);
  t.strictSame(Object.keys(printed.killed?.allKnowMs ?? {}), ['p50', 'p90', 'p99', 'max']);
  t.strictSame(printed.views, { running: 10, right: 10 });
  t.ok(printed.traffic.kinds.some(({ kind }) => kind === 'ping'));
});

t.test(
  'a report that is there stays when a simulation is ended, and none is left where there was none',
  async (t) => {
    const [kept, fresh] = [join(dir, 'kept.html'), join(dir, 'fresh.html')];
    writeFileSync(kept, 'the last one');
    const ended = [kept, fresh].map((file) =>
      runCli(['simulate', '--nodes', '1000', '--report', file], {
        // Its first word of progress.
        onStderr: (_, child) => child.kill('SIGINT'),
      }),
    );
    for (const { stderr } of await Promise.all(ended)) t.match(stderr, /^start: .* simulated/);
    t.equal(readFileSync(kept, 'utf8'), 'the last one');
    t.notOk(existsSync(fresh));
  },
);

t.test('the report is one page that needs nothing else, with the figures that are printed', async (t) => {
  const file = join(dir, 'report.html');
  const { code, stdout, stderr } = await runCli([...args, '--hang', '1', '--json', '--report', file]);
  t.equal(code, 0);
  t.match(stderr, `the report is in ${file}\n`);
  const page = readFileSync(file, 'utf8');
  const printed = JSON.parse(stdout) as Printed;
  t.match(page, /^<!DOCTYPE html>\n<html lang="en">/);
  t.notMatch(
    page,
    /<script|<link|<img|<iframe|@import|url\(|https?:\/\/|\bsrc=|\bhref=/i,
    'nothing from elsewhere',
  );
  t.match(page, 'prefers-color-scheme: dark');
  t.match(page, 'name="viewport"');
  checkNesting(t, page);
  for (const figure of [
    printed.command,
    time(printed.start.allKnowMs),
    spread(printed.killed?.allKnowMs ?? null),
    spread(printed.hung?.allKnowMs ?? null),
    rate(printed.traffic.idle.bytesMean),
    '9 of 9',
  ]) {
    t.ok(page.includes(escapeText(figure)), figure);
  }
  const charts = page.match(/<svg /g)?.length;
  t.equal(charts, 5, 'start, deaths, change, bytes, links');
  t.equal(page.match(/<path class="line/g)?.length, 1 + 3 + 1 + 2 + 2, 'a line for each death');
  t.notMatch(page, /NaN|undefined|Infinity|\[object/);
});

/** Every element is closed where it should be. */
function checkNesting(t: { strictSame(a: unknown, b: unknown, m: string): void }, page: string): void {
  const open: string[] = [];
  const faults: string[] = [];
  for (const [, slash, name, rest] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/gi)) {
    if (name === undefined || name === 'meta' || rest?.endsWith('/')) continue;
    if (slash === '') open.push(name);
    else if (open.pop() !== name) faults.push(`</${name}>`);
  }
  t.strictSame([...faults, ...open], [], 'all elements are closed');
}

t.test('what makes no sense ends with 2 and says what would', async (t) => {
  const wrong: [string[], RegExp][] = [
    [['--nodes', '0'], /whole number from 1 to 16384/],
    [['--nodes', '16385'], /whole number from 1 to 16384/],
    [['--nodes', 'many'], /whole number/],
    [['--loss', '0.91'], /a part from 0 to 0\.9, or a percentage/],
    [['--loss', '91%'], /a part from 0 to 0\.9/],
    [['--loss', '-1'], /a part from 0 to 0\.9/],
    [['--block', '0.6'], /a part from 0 to 0\.5/],
    [['--delay', '3-1'], /least and the most milliseconds/],
    [['--delay', '5'], /least and the most milliseconds/],
    [['--wan', '--delay', '1-2'], /cannot be used with/],
    [['--nodes', '10', '--kill', '10'], /of 10 nodes, 10 to kill leaves none to tell of it/],
    [['--nodes', '16384', '--join', '1'], /more than 16384/],
    [['--kill', '1', '--duration', '1s'], /takes 65s after the start: give --duration that or more/],
    [['--duration', '5'], /a duration is a whole number with its unit/],
    [['--seed', 'a b'], /without spaces/],
    [['--report', dir], /cannot write the report .*: it is a directory/],
    [['--report', join(dir, 'none', 'x.html')], /there is no such file or directory/],
  ];
  for (const [words, says] of wrong) {
    const { code, stdout, stderr } = await runCli(['simulate', ...words]);
    t.equal(code, 2, words.join(' '));
    t.equal(stdout, '');
    t.match(stderr, says);
  }
});

t.test('figures are written for people', (t) => {
  t.strictSame([0, 0.84, 9.94, 9.96, 151.4, 999.4, 999.6, 4_132, 9_996, 65_210, 120_000, null].map(time), [
    '0.0 ms',
    '0.8 ms',
    '9.9 ms',
    '10 ms',
    '151 ms',
    '999 ms',
    '1.00 s',
    '4.13 s',
    '10.0 s',
    '65.2 s',
    '2.0 min',
    'never',
  ]);
  t.strictSame([0, 34.4, 999.6, 4_575, 1_200_000].map(rate), [
    '0 B/s',
    '34 B/s',
    '1.0 kB/s',
    '4.6 kB/s',
    '1.2 MB/s',
  ]);
  t.strictSame([0.05, 1, 0.001, 0.3333].map(percent), ['5 %', '100 %', '0.1 %', '33.3 %']);
  t.strictSame(ticksTo(1, 4), [0, 0.25, 0.5, 0.75, 1]);
  t.strictSame(ticksTo(7, 5), [0, 2, 4, 6, 8]);
  t.equal(escapeText('<a b="c">&\''), '&#60;a b=&#34;c&#34;&#62;&#38;&#39;');
  t.end();
});
