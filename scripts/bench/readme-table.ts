import type { WorkloadId } from './figures.js';
import { markdownTable, ratioText } from './page.js';
import type { Results } from './results.js';
import { ceilingOf, type Entry, type Group, groupsOf, isRondo, numberText, rondoOf } from './summary.js';
import { targets } from './targets.js';

const begin = '<!-- bench -->';
const end = '<!-- /bench -->';

/** A line of the README's table: one row of one workload, or several that belong together. */
interface Headline {
  readonly what: string;
  readonly workload: WorkloadId;
  readonly metric: string;
  readonly rows: readonly string[];
  /** What the bare process lacks that Rondo does. */
  readonly bareLack?: string;
  /** By its id. */
  readonly targets?: readonly string[];
}

const headlines: readonly Headline[] = [
  {
    what: 'no-op jobs of 100 bytes through two nodes, 1,000 in flight; Rondo in memory, no journal: one copy, whose outcome is told once, or two',
    workload: 'a',
    metric: 'rate',
    rows: ['1000 in flight'],
    targets: ['a-ceiling', 'a-gearman', 'a-moleculer', 'a-bullmq'],
  },
  { what: '256 in flight', workload: 'a', metric: 'rate', rows: ['256 in flight'] },
  {
    what: 'one at a time, p50',
    workload: 'b',
    metric: 'p50',
    rows: ['one at a time'],
    targets: ['b-ceiling', 'b-moleculer'],
  },
  {
    what: 'acknowledged enqueue',
    workload: 'c',
    metric: 'rate',
    rows: ['enqueue'],
    bareLack: 'one process, no relay',
    targets: ['c-enqueue'],
  },
  {
    what: "durable enqueue, Rondo's default: on two disks before it is acknowledged; the others: one disk, JetStream with no sync",
    workload: 'd',
    metric: 'rate',
    rows: ['enqueue'],
  },
  {
    what: "durable, Rondo's default, end to end",
    workload: 'd',
    metric: 'rate',
    rows: ['end to end'],
    targets: ['d-bullmq', 'd-jetstream'],
  },
  { what: '`rondo map` over 100,000 lines', workload: 'e', metric: 'rate', rows: ['100000 lines'] },
  {
    what: 'messages of 100 bytes to 100 subscribers at three nodes',
    workload: 'f',
    metric: 'rate',
    rows: ['100 subscribers'],
  },
  { what: 'one at a time to another node, p50', workload: 'f', metric: 'p50', rows: ['one at a time'] },
  {
    what: "a job's stream, 64 KiB a chunk, through two nodes",
    workload: 'g',
    metric: 'rate',
    rows: ['one stream'],
  },
  {
    what: 'jobs of 100 ms, 10 slots a node, on 1, 2, 3, 5, 8 nodes: of what the slots can do',
    workload: 'h',
    metric: 'efficiency',
    rows: ['1 node', '2 nodes', '3 nodes', '5 nodes', '8 nodes'],
    targets: ['h-efficiency'],
  },
  {
    what: 'jobs run by a node with 0, 10⁴, 10⁵, 10⁶ others queued',
    workload: 'i',
    metric: 'rate',
    rows: ['0', '10^4', '10^5', '10^6'].map((depth) => `${depth} queued, others run`),
    targets: ['i-run'],
  },
  {
    what: 'jobs taken by such a node',
    workload: 'i',
    metric: 'rate',
    rows: ['0', '10^4', '10^5', '10^6'].map((depth) => `${depth} queued, more are taken`),
    targets: ['i-taken'],
  },
  {
    what: 'jobs, plain and with TLS',
    workload: 'j',
    metric: 'rate',
    rows: ['jobs, plain', 'jobs, TLS'],
    targets: ['j-jobs'],
  },
  {
    what: 'a stream, plain and with TLS',
    workload: 'j',
    metric: 'rate',
    rows: ['a stream, plain', 'a stream, TLS'],
    targets: ['j-stream'],
  },
  { what: 'ready after', workload: 'k', metric: 'ready', rows: ['idle'], targets: ['k-ready'] },
  {
    what: 'idle memory, resident',
    workload: 'k',
    metric: 'resident',
    rows: ['idle'],
    targets: ['k-resident'],
  },
  {
    what: 'idle processor, one of eight nodes',
    workload: 'k',
    metric: 'cpu',
    rows: ['idle'],
    targets: ['k-cpu'],
  },
  {
    what: 'SHA-256 of 1 MB in 1 and 2 threads',
    workload: 'l',
    metric: 'rate',
    rows: ['1 thread', '2 threads'],
  },
];

/** The README with its table of speed as these results have it. Throws where the marks between which it stands are missing. */
export function withTable(readme: string, results: Results): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(
      `README.md has no ${begin} with ${end} after it: put both where the table of speed is to stand`,
    );
  return `${readme.slice(0, from + begin.length)}\n\n${renderTable(results)}\n\n${measuredText(results)}\n\n${readme.slice(to)}`;
}

/** What stands beneath the table. */
export function measuredText({ startedAt, rounds, machine, versions }: Results): string {
  const commit = machine.commit === null ? `version ${versions.Rondo}` : `commit ${machine.commit}`;
  const how = rounds === 1 ? 'in one round, which has no spread' : `medians of ${rounds} rounds`;
  return `Measured ${startedAt.slice(0, 10)} at ${commit}, ${how}.`;
}

export function renderTable(results: Results): string {
  const groups = groupsOf(results);
  const rows = headlines.flatMap((headline) => {
    const own = headline.rows.flatMap((row) => groups.filter((group) => isAt(group, headline, row)));
    return own.length === 0 ? [] : [cellsOf(headline, own, groups)];
  });
  return markdownTable(['what', 'Rondo', 'bare processes', 'others', 'aim'], rows);
}

function isAt(group: Group, { workload, metric }: Headline, row: string): boolean {
  return group.workload === workload && group.metric === metric && group.row === row;
}

function cellsOf(
  { what, bareLack, targets: ids = [] }: Headline,
  own: readonly Group[],
  all: readonly Group[],
): string[] {
  const verdicts = targets
    .filter(({ id }) => ids.includes(id))
    .map(({ aim, judge }) => {
      const verdict = judge(all);
      const how = verdict === null ? 'not judged' : verdict.isMet ? 'met' : 'not met';
      return `${shortAim(aim)}: ${how}`;
    });
  return [what, rondoCell(own), bareCell(own, bareLack), othersCell(own), verdicts.join('; ')];
}

/** What is measured stands in the first cell already. */
function shortAim(aim: string): string {
  return aim.slice(Math.max(0, aim.search(/[≥≤]/)));
}

/** Of one row all settings; of several the one that others are compared with. */
function rondoCell(own: readonly Group[]): string {
  const [first] = own as [Group];
  const unit = ` ${first.unit}`;
  if (own.length > 1)
    return `${own.map((group) => numberText(rondoOf(group)?.median ?? Number.NaN)).join(', ')}${unit}`;
  return first.entries
    .filter(isRondo)
    .map(({ contender, median }) => `${numberText(median)}${unit}${settingText(contender)}`)
    .join('; ');
}

function settingText(contender: string): string {
  const setting = contender.replace(/^Rondo(, )?/, '');
  return setting === '' ? '' : ` (${setting})`;
}

function bareCell(own: readonly Group[], lack?: string): string {
  return own
    .flatMap((group) => {
      const ceiling = ceilingOf(group);
      const mine = rondoOf(group);
      if (ceiling === null) return [];
      const ratio = mine === null ? '' : `: Rondo is at ${ratioText(mine, ceiling)} ×`;
      const lacking = lack === undefined ? '' : ` (${lack})`;
      return [`${numberText(ceiling.median)}${lacking}${ceiling.median === 0 ? '' : ratio}`];
    })
    .join('; ');
}

/** The best setting of each system. */
function othersCell(own: readonly Group[]): string {
  if (own.length > 1) return '';
  const best = new Map<string, Entry>();
  for (const entry of own.flatMap(({ entries }) => entries)) {
    if (!isRondo(entry) && entry.system !== 'ceiling' && !best.has(entry.system))
      best.set(entry.system, entry);
  }
  return [...best.values()].map(({ contender, median }) => `${contender} ${numberText(median)}`).join('; ');
}
