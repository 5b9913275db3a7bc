import { rondoSystem } from './contenders/own.js';
import { type WorkloadId, workloads } from './figures.js';
import { notesOn } from './notes.js';
import { readingPart } from './reading.js';
import type { ContenderFacts, Results } from './results.js';
import {
  ceilingOf,
  type Entry,
  type Group,
  groupsOf,
  isRondo,
  median,
  numberText,
  rondoOf,
} from './summary.js';
import { notJudged, type Target, targets } from './targets.js';

/** Why a target is not met, by its id: written by hand in limits.json, and kept when the page is written anew. */
export type Limits = Readonly<Record<string, string>>;

const workloadIds = Object.keys(workloads) as WorkloadId[];

/** RESULTS.md. */
export function renderPage(results: Results, limits: Limits): string {
  const groups = groupsOf(results);
  return `${[
    introduction(results),
    readingPart(results.rounds),
    results.isQuick ? `## Targets\n\n${notJudged}` : targetsPart(groups, limits),
    '## All in one picture\n\nOf what several were measured for; the rest is in the tables.\n\n![What each reaches](results.svg)',
    ...workloadIds.flatMap((workload) => workloadPart(workload, groups, results)),
    ...keysPart(groups),
    settingsPart(results),
    machinePart(results),
    leftOutPart(results),
    againPart,
  ].join('\n\n')}\n`;
}

function introduction({ startedAt, minutes, rounds, isQuick }: Results): string {
  const quick = isQuick
    ? '\n\n**Made by a quick run, which measures each for less than a second after next to no warm-up: a look, not a measurement.**'
    : '';
  return `# What Rondo reaches, beside what people use today

Written by \`npm run bench\`, which measures everything anew: Rondo, the systems below, and bare processes that do nothing but pass bytes on, each in a process of
its own, one after the other, on one machine. This run began ${startedAt.slice(0, 16).replace('T', ' ')} UTC and took ${minutesText(minutes)}; ${roundsText(rounds)}.
Machines differ, and drift from hour to hour: compare figures of one run only.${quick}`;
}

function minutesText(minutes: number): string {
  const whole = Math.max(1, Math.round(minutes));
  return whole === 1 ? 'a minute' : `${whole} minutes`;
}

function roundsText(rounds: number): string {
  return rounds === 1
    ? 'each was measured once'
    : `each was measured ${rounds} times, in rounds of all, and who began changed from round to round`;
}

function targetsPart(groups: readonly Group[], limits: Limits): string {
  const judged = targets.map((target) => ({ target, verdict: target.judge(groups) }));
  const rows = judged.map(({ target, verdict }) => [
    target.workload,
    target.aim,
    verdict?.measured ?? 'not measured',
    verdict === null ? '' : verdict.isMet ? 'met' : '**not met**',
  ]);
  const missed = judged.flatMap(({ target, verdict }) => (verdict?.isMet === false ? [target] : []));
  const table = `## Targets\n\n${markdownTable(['', 'target', 'measured', ''], rows)}`;
  return missed.length === 0
    ? table
    : `${table}\n\n### What is not met, and why\n\n${reasons(missed, limits)}`;
}

function reasons(missed: readonly Target[], limits: Limits): string {
  return missed.map(({ id, aim }) => `- **${aim}.** ${limits[id] ?? 'Why is not known yet.'}`).join('\n');
}

function workloadPart(workload: WorkloadId, groups: readonly Group[], results: Results): string[] {
  const own = groups.filter((group) => group.workload === workload);
  const failures = results.measurements.filter((each) => each.workload === workload && each.failure !== null);
  if (own.length === 0 && failures.length === 0) return [];
  const rows = own.flatMap((group) =>
    group.entries.map((entry) => {
      const [row = '', by = '', ...figures] = entryCells(group, entry, groups);
      return [row, isRondo(entry) ? `**${by}**` : by, ...figures];
    }),
  );
  const failed = failures.map(
    ({ contender, round, failure }) =>
      `\n\nFailed in round ${round}: ${contender}: ${oneLine(failure ?? '')}`,
  );
  const table = rows.length === 0 ? '' : `\n\n${markdownTable(entryHead(results.rounds), rows)}`;
  const notes = notesOn(workload, groups).map((note) => `\n\n${note}`);
  return [`## ${workload}: ${workloads[workload]}${table}${notes.join('')}${failed.join('')}`];
}

export function entryHead(rounds: number): string[] {
  return ['', 'by', rounds === 1 ? 'measured' : 'median', '× Rondo', '× bare', 'CPU µs each'];
}

/** `all`: where the same without keys is found. */
export function entryCells(group: Group, entry: Entry, all: readonly Group[]): string[] {
  const base = withoutKeys(group, entry, all);
  const keys = base === null ? '' : ` (${ratioText(entry, base)} × without)`;
  return [
    `${group.row}${keys}, ${metricText(group)}`,
    entry.contender,
    spreadText(entry),
    ratioText(entry, rondoOf(group)),
    ratioText(entry, ceilingOf(group)),
    cpuText(entry),
  ];
}

const keyed = ', each with a key';

/** The same setting in the same row without keys; null for rows that are about none. */
function withoutKeys(
  { workload, row, metric }: Group,
  { contender }: Entry,
  all: readonly Group[],
): Entry | null {
  if (!row.endsWith(keyed)) return null;
  const base = all.find(
    (group) =>
      group.workload === workload && group.metric === metric && group.row === row.slice(0, -keyed.length),
  );
  return base?.entries.find((entry) => entry.contender === contender) ?? null;
}

/** The README leads here. */
function keysPart(groups: readonly Group[]): string[] {
  const rows = groups.flatMap((group) =>
    group.entries.flatMap((entry) => {
      const base = withoutKeys(group, entry, groups);
      if (base === null) return [];
      const row = `${group.row.slice(0, -keyed.length)}, ${metricText(group)}`;
      return [[row, entry.contender, spreadText(base), spreadText(entry), ratioText(entry, base)]];
    }),
  );
  if (rows.length === 0) return [];
  return [
    `## What a key costs\n\n${markdownTable(['', 'by', 'without a key', 'each with a key', 'with ÷ without'], rows)}`,
  ];
}

/** `jobs/s`, `p99 µs`. */
export function metricText({ metric, unit }: Pick<Group, 'metric' | 'unit'>): string {
  return metric === 'rate' ? unit : `${metric} ${unit}`;
}

export function spreadText({ median: middle, least, most, count }: Entry): string {
  const range = count < 2 ? '' : ` (${numberText(least)} to ${numberText(most)})`;
  return `${numberText(middle)}${range}`;
}

export function ratioText(entry: Entry, base: Entry | null): string {
  if (base === null || base.median === 0) return '';
  if (base === entry) return '1';
  const ratio = entry.median / base.median;
  return ratio.toFixed(ratio < 0.1 ? 3 : 2);
}

export function cpuText({ cpuMicros }: Entry): string {
  if (cpuMicros === null) return '';
  const shares = Object.entries(cpuMicros);
  const sum = shares.reduce((total, [, micros]) => total + micros, 0);
  // Of many nodes the sum says enough.
  if (shares.length === 1 || shares.length > 4) return numberText(sum);
  return `${numberText(sum)}: ${shares.map(([name, micros]) => `${name} ${numberText(micros)}`).join(', ')}`;
}

function settingsPart({ contenders, versions }: Results): string {
  const lines = contenders.map(
    (contender, index) => `- **${contender.name}**: ${newSettings(contender, contenders.slice(0, index))}`,
  );
  const numbers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `## Settings and versions\n\n${lines.join('\n')}\n\nVersions: ${numbers.join(', ')}.`;
}

/** Where it ends as another setting of the same system that stands above, that one is named instead. */
function newSettings({ system, settings }: ContenderFacts, before: readonly ContenderFacts[]): string {
  const own = settings.split(sentenceEnd);
  const alike = before
    .filter((each) => each.system === system)
    .map(({ name, settings: other }) => ({ name, count: sameAtEnd(own, other.split(sentenceEnd)) }));
  const most = alike.reduce((best, each) => (each.count > best.count ? each : best), { name: '', count: 0 });
  if (most.count === 0) return settings;
  const rest = most.count === own.length ? 'As for' : 'The rest is as for';
  return [...own.slice(0, own.length - most.count), `${rest} ${most.name}.`].join(' ');
}

function sameAtEnd(some: readonly string[], others: readonly string[]): number {
  const differs = [...some].reverse().findIndex((sentence, index) => sentence !== others.at(-1 - index));
  return differs < 0 ? some.length : differs;
}

const sentenceEnd = /(?<=\.) /;

function machinePart({ machine, measurements }: Results): string {
  const steals = measurements.map(({ stealPercent }) => stealPercent);
  const commit = machine.commit === null ? '' : ` Rondo at commit ${machine.commit}.`;
  return `## The machine

${machine.cores} cores of ${machine.processor}, ${machine.memoryGiB} GiB of memory, ${machine.kernel}, Node ${machine.node}; data on ${machine.disk}.${commit}
Processor time that the machine's host gave to others: median ${median(steals).toFixed(1)} %, at most ${Math.max(...steals).toFixed(1)} % of a measurement.`;
}

function leftOutPart({ missing, measurements, figures, rounds }: Results): string {
  const unmeasured = workloadIds.filter(
    (workload) => !figures.some((figure) => figure.workload === workload),
  );
  const failures = measurements.filter(({ failure }) => failure !== null).length;
  const lines = [
    ...missing.map(({ system, reason }) => `- ${system}: ${oneLine(reason)}`),
    ...unmeasured.map((workload) => `- workload ${workload}, ${workloads[workload]}: not part of this run`),
    ...(failures === 0
      ? []
      : [`- ${failures} of ${measurements.length} measurements failed; each stands at its workload`]),
  ];
  const what =
    lines.length === 0
      ? `Nothing: all was measured in ${rounds === 1 ? 'the one round' : `all ${rounds} rounds`}.`
      : lines.join('\n');
  return `## What was left out\n\n${what}`;
}

const againPart = `## Again

    npm run bench

needs Node and npm, and for the other systems Debian's package manager; what can't be installed is left out, and named. \`npm run bench -- --only ${rondoSystem} --quick\` takes
under a minute, \`-- --list\` shows what there is, and \`-- --help\` all options. Every single figure is in [results.json](results.json), how each is measured in \`scripts/bench/contenders\`.`;

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
}

/** Aligned, as the formatter of this repository has tables. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((cells) => [...(cells[column] ?? '')].length)),
  );
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${cells.map((cell, column) => cell + fill.repeat((widths[column] ?? 0) - [...cell].length)).join(' | ')} |`;
  const rule = line(
    head.map(() => ''),
    '-',
  );
  return [line(head), rule, ...rows.map((cells) => line(cells))].join('\n');
}
