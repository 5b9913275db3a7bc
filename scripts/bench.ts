import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { own } from './bench/contenders/own.js';
import { peers, preparePeers } from './bench/contenders/peers.js';
import { dataPrefix, faultOfDirectory, faultOfOutput } from './bench/directories.js';
import { watchInterruptions } from './bench/interruption.js';
import { isInMemory, machineFacts } from './bench/machine.js';
import { pageDirectory, resultsPath, root, writePages } from './bench/pages.js';
import { type Results, readResults } from './bench/results.js';
import { durationText, expectedOf, type Planned, planOf, runPlan } from './bench/rounds.js';
import { type Choice, choose, defaultRounds, listing } from './bench/selection.js';
import { renderTerminal } from './bench/terminal.js';
import { readOptions, type ScriptUsage, wholeNumber, wrongUsage } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'bench',
  call: 'npm run bench -- [--only SYSTEMS] [--workload LETTERS] [--quick] [--rounds N] [--write DIR | --no-write] [--data DIR] [--json] [--list] [--pages]',
  text: `
Measures Rondo and what people use today side by side in one run, rounds interleaved, on this machine; beside them bare processes that only pass
bytes on. Installs what the others need; what can't be installed is left out and named. Without options it measures everything, three rounds, which
takes about an hour, prints the tables, and writes scripts/bench/RESULTS.md, results.svg, results.json and the README's table.

  --only SYSTEMS      these, with commas between: --only rondo,gearman; the bare processes are always there
  --workload LETTERS  these, with commas between: --workload a,b
  --quick             one short round of a few workloads, of Rondo one setting each: a look, not a measurement, that judges no target; with --only rondo under a minute
  --rounds N          default 3; with --quick 1
  --write DIR         write the page there; without it only a whole run writes one
  --no-write          write nothing
  --data DIR          where nodes and servers keep their data meanwhile: a disk, or nothing is synced to any. Default: the directory of temporary files
  --json              all figures as JSON instead of the tables
  --list              what there is, or what of it the options above choose: systems, their settings, workloads; measures nothing
  --pages             writes the page and the README's table anew from results.json, and measures nothing
`,
};

async function main(): Promise<void> {
  const values = readOptions(usage, {
    only: { type: 'string' },
    workload: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    write: { type: 'string' },
    'no-write': { type: 'boolean', default: false },
    data: { type: 'string' },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    pages: { type: 'boolean', default: false },
  });
  const rounds = wholeNumber(usage, '--rounds', values.rounds ?? defaultRounds(values.quick));
  if (values.write !== undefined && values['no-write'])
    wrongUsage(usage, '--write and --no-write exclude each other');
  const contenders = [...own, ...peers];
  const choice = choose(contenders, { only: values.only, workload: values.workload, isQuick: values.quick });
  if (typeof choice === 'string') wrongUsage(usage, choice);
  if (values.list) return void process.stdout.write(listing(choice));
  if (values.pages) return writeAgain(values.write);
  const settings = { rounds, isQuick: values.quick, dataParent: dataParent(values.data) };
  const directory = outputDirectory(values.write, choice.isWhole && !values['no-write']);
  const results = await measure(choice, settings);
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : `${renderTerminal(results)}\n`);
  if (choice.leftOut.length > 0) tell(`Left out of a quick run: ${choice.leftOut.join('; ')}.`);
  if (directory === null)
    tell('No page was written: only a whole run does so by itself, and any with --write DIR.');
  else tell(`Written: ${writePages(directory, results).join(', ')}`);
  if (results.measurements.some(({ failure }) => failure !== null)) process.exitCode ??= 1;
}

interface RunSettings {
  readonly rounds: number;
  readonly isQuick: boolean;
  /** The directory of all data is made in this one, and removed at the end. */
  readonly dataParent: string;
}

async function measure(
  { contenders, workloads }: Choice,
  { rounds, isQuick, dataParent }: RunSettings,
): Promise<Results> {
  const started = new Date();
  const ownSystems = new Set(own.map(({ system }) => system));
  const systems = [...new Set(contenders.map(({ system }) => system))].filter(
    (system) => !ownSystems.has(system),
  );
  const { versions, missing } =
    systems.length === 0 ? { versions: {}, missing: [] } : await preparePeers(systems, interruption.signal);
  interruption.signal.throwIfAborted();
  for (const { system, reason } of missing) tell(`${system} is left out: ${reason}`);
  const there = contenders.filter(({ system }) => missing.every((each) => each.system !== system));
  const plan = planOf({ contenders: there, workloads, rounds });
  tell(
    `${plan.length} measurement${plan.length === 1 ? '' : 's'}, about ${durationText(expectedSecondsOf(plan, isQuick))}.`,
  );
  const dataDirectory = mkdtempSync(join(dataParent, dataPrefix));
  const removeData = (): void => rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', removeData);
  const machine = machineFacts(dataDirectory);
  const measured = await runPlan(plan, { isQuick, dataDirectory, signal: interruption.signal, tell });
  return {
    startedAt: started.toISOString(),
    minutes: Number(((Date.now() - started.getTime()) / 60_000).toFixed(1)),
    rounds,
    isQuick,
    machine,
    versions: { Rondo: ownVersion(), Node: process.version, ...versions },
    contenders: there.map(({ system, name, settings }) => ({ system, name, settings })),
    missing,
    ...measured,
  };
}

function expectedSecondsOf(plan: readonly Planned[], isQuick: boolean): number {
  return plan.reduce((sum, { workload }) => sum + expectedOf(workload, isQuick), 0);
}

/** Where the page goes; null for nowhere. Looked at before anything is measured, which may take an hour. */
function outputDirectory(wanted: string | undefined, isMeant: boolean): string | null {
  if (wanted === undefined && !isMeant) return null;
  const directory = resolve(wanted ?? pageDirectory);
  const fault = faultOfOutput(directory);
  if (fault === null) return directory;
  return wrongUsage(
    usage,
    `no page can be written to ${directory} (${fault}): give --write a directory that can be written, or --no-write`,
  );
}

/** On a disk, wherever the temporary files are. */
function dataParent(wanted: string | undefined): string {
  if (wanted !== undefined && !existsSync(wanted))
    return wrongUsage(usage, `--data takes a directory, and there is no ${wanted}: make it first`);
  if (wanted !== undefined && isInMemory(wanted))
    return wrongUsage(
      usage,
      `${wanted} is in memory, where nothing can be synced: --data takes one on a disk`,
    );
  const fault = wanted === undefined ? null : faultOfDirectory(resolve(wanted));
  if (fault !== null)
    return wrongUsage(usage, `--data takes a directory that can be written, and not ${wanted} (${fault})`);
  if (wanted !== undefined) return resolve(wanted);
  return isInMemory(tmpdir()) ? join(root, 'dist') : tmpdir();
}

function writeAgain(directory: string | undefined): void {
  if (!existsSync(resultsPath))
    wrongUsage(usage, `--pages needs ${resultsPath}, which a whole run writes: run it without options first`);
  const written = writePages(outputDirectory(directory, true) ?? pageDirectory, readResults(resultsPath));
  tell(`Written: ${written.join(', ')}`);
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

const interruption = watchInterruptions(tell);
main().catch((error: unknown) => {
  const isInterrupted = interruption.signal.aborted;
  tell(`bench: ${isInterrupted ? 'interrupted; nothing was written' : ((error as Error).stack ?? error)}`);
  process.exit(isInterrupted ? interruption.exitCode() : 2);
});
