import { ceilingSystem } from './contenders/own.js';
import { workloads } from './figures.js';
import { metricText } from './page.js';
import type { Results } from './results.js';
import { type Entry, type Group, groupsOf, isRondo, numberText } from './summary.js';

/** A bar with a whisker from the least to the most. */
interface Bar {
  readonly label: string;
  readonly entry: Entry;
  readonly kind: 'rondo' | 'bare' | 'other';
}

interface Panel {
  readonly title: string;
  /** Whether more of it is better. */
  readonly scale: string;
  /** The workload. */
  readonly about: string;
  readonly bars: readonly Bar[];
}

const width = 1160;
const margin = 16;
/** Of two columns side by side. */
const columnLefts = [margin, width / 2 + margin / 2] as const;
const columnWidth = width / 2 - 1.5 * margin;
const labelWidth = 242;
const valueWidth = 62;
const barHeight = 13;
const barStep = 18;
const titleHeight = 40;
const panelGap = 16;
const barsLeft = labelWidth;
const barsWidth = columnWidth - labelWidth - valueWidth;
/** Where the longest bar is over so many times the shortest one, the shortest would not be seen: the scale is logarithmic then. */
const spanOfLog = 30;
/** p99s and the like are in the tables; a chart of all would be read by nobody. */
const chartedMetrics: ReadonlySet<string> = new Set([
  'rate',
  'efficiency',
  'p50',
  'ready',
  'resident',
  'cpu',
]);

const legendHeight = 24;

function legend(groups: readonly Group[]): string {
  const parts = [
    ['rondo', 'Rondo'],
    ['bare', 'bare processes'],
    ['other', 'others'],
  ].map(
    ([kind, text], index) =>
      `<rect class="${kind}" x="${margin + index * 130}" y="${margin - 6}" width="12" height="12"/><text x="${margin + index * 130 + 18}" y="${margin + 4}">${text}</text>`,
  );
  const hasRounds = groups.some(({ entries }) => entries.some(({ count }) => count > 1));
  const whiskers = 'whiskers: the least and the most of all rounds';
  return `${parts.join('')}<text x="${margin + 400}" y="${margin + 4}">${hasRounds ? whiskers : 'measured once'}</text>`;
}

/** results.svg: a panel for each row that Rondo and somebody else were measured for. */
export function renderChart(results: Results): string {
  const groups = groupsOf(results).filter((group) => chartedMetrics.has(group.metric) && isComparison(group));
  const parts = [legend(groups)];
  const columns = columnLefts.map((left) => ({ left, height: margin + legendHeight }));
  for (const panel of groups.map(panelOf)) {
    const column = columns.reduce((a, b) => (a.height <= b.height ? a : b));
    parts.push(`<g transform="translate(${column.left} ${column.height})">${panelParts(panel)}</g>`);
    column.height += titleHeight + panel.bars.length * barStep + panelGap;
  }
  const height = Math.max(...columns.map((column) => column.height));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="What each system reaches, by workload">
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 13px; } .about { font-weight: 400; font-size: 12px; }
  .page { fill: #ffffff; } .track { fill: #f0f2f4; } .whisker { stroke: #24292f; }
  .rondo { fill: #0969da; } .bare { fill: #9aa4ae; } .other { fill: #c9822b; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .page { fill: #0d1117; } .track { fill: #1c232c; } .whisker { stroke: #e6edf3; }
    .rondo { fill: #4c9bff; } .bare { fill: #6e7781; } .other { fill: #d99a4e; }
  }
</style>
<rect class="page" width="${width}" height="${height}"/>
${parts.join('\n')}
</svg>
`;
}

/** Figures of one system alone are in the tables. */
function isComparison({ entries }: Group): boolean {
  return entries.some(isRondo) && entries.some((entry) => !isRondo(entry));
}

function panelOf(group: Group): Panel {
  const { workload, row, entries, isMoreBetter } = group;
  return {
    title: `${row}, ${metricText(group)}`,
    scale: `${isMoreBetter ? 'more' : 'less'} is better`,
    about: `${workload}: ${workloads[workload]}`,
    bars: entries.map(barOf),
  };
}

function barOf(entry: Entry): Bar {
  const kind = isRondo(entry) ? 'rondo' : entry.system === ceilingSystem ? 'bare' : 'other';
  return { label: entry.contender, entry, kind };
}

function panelParts({ title, scale, about, bars }: Panel): string {
  const values = bars.map(({ entry }) => entry.median).filter((value) => value > 0);
  const most = Math.max(...bars.map(({ entry }) => entry.most));
  const isLog = Math.max(...values) > spanOfLog * Math.min(...values);
  const least = isLog
    ? Math.min(...bars.map(({ entry }) => entry.least).filter((value) => value > 0)) / 2
    : 0;
  const x = (value: number): number => {
    const share = isLog
      ? Math.log(Math.max(value, least) / least) / Math.log(most / least)
      : value / (most || 1);
    return Math.round((barsLeft + share * barsWidth) * 10) / 10;
  };
  const lines = bars.map((bar, index) => barParts(bar, titleHeight + index * barStep, x));
  return [
    `<text class="title" y="13">${xmlText(title)} <tspan class="about">${scale}${isLog ? ', logarithmic scale' : ''}</tspan></text>`,
    `<text y="29">${xmlText(about)}</text>`,
    ...lines,
  ].join('\n');
}

function barParts({ label, entry, kind }: Bar, top: number, x: (value: number) => number): string {
  const middle = top + barHeight / 2;
  const end = x(entry.median);
  const whisker =
    entry.count < 2
      ? ''
      : `<path class="whisker" d="M${x(entry.least)} ${middle}H${x(entry.most)}M${x(entry.least)} ${middle - 3}v6M${x(entry.most)} ${middle - 3}v6"/>`;
  return [
    `<text x="${barsLeft - 8}" y="${middle + 4}" text-anchor="end">${xmlText(label)}</text>`,
    `<rect class="track" x="${barsLeft}" y="${top}" width="${barsWidth}" height="${barHeight}"/>`,
    `<rect class="${kind}" x="${barsLeft}" y="${top}" width="${Math.max(1, Math.round((end - barsLeft) * 10) / 10)}" height="${barHeight}"/>`,
    whisker,
    `<text x="${barsLeft + barsWidth + 8}" y="${middle + 4}">${numberText(entry.median)}</text>`,
  ].join('');
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
