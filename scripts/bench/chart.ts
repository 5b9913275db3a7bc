import { workloads } from './figures.js';
import { metricText } from './page.js';
import type { Results } from './results.js';
import { ceilingOf, type Entry, type Group, groupsOf, isRondo, numberText } from './summary.js';

/** A bar with a whisker from the least to the most. */
interface Bar {
  readonly label: string;
  readonly entry: Entry;
  readonly kind: 'rondo' | 'bare' | 'other';
}

interface Panel {
  readonly title: string;
  /** What is measured in which unit, and whether more of it is better. */
  readonly about: string;
  readonly bars: readonly Bar[];
}

const width = 900;
const margin = 24;
const labelWidth = 300;
const valueWidth = 110;
const barHeight = 14;
const barStep = 20;
const titleHeight = 30;
const panelGap = 18;
const barsLeft = margin + labelWidth;
const barsWidth = width - barsLeft - valueWidth - margin;
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

const legendHeight = 30;
const legend = [
  ['rondo', 'Rondo'],
  ['bare', 'bare processes'],
  ['other', 'others'],
]
  .map(
    ([kind, text], index) =>
      `<rect class="${kind}" x="${margin + index * 130}" y="${margin - 6}" width="12" height="12"/><text x="${margin + index * 130 + 18}" y="${margin + 4}">${text}</text>`,
  )
  .concat(`<text x="${margin + 400}" y="${margin + 4}">whiskers: the least and the most of all rounds</text>`)
  .join('');

/** results.svg: a panel a row where several were measured, else one for all rows of a workload. */
export function renderChart(results: Results): string {
  const panels = panelsOf(groupsOf(results).filter(({ metric }) => chartedMetrics.has(metric)));
  const parts = [legend];
  let top = margin + legendHeight;
  for (const panel of panels) {
    parts.push(panelParts(panel, top));
    top += titleHeight + panel.bars.length * barStep + panelGap;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}" viewBox="0 0 ${width} ${top}" role="img" aria-label="What each system reaches, by workload">
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 13px; }
  .page { fill: #ffffff; } .track { fill: #f0f2f4; } .whisker { stroke: #24292f; }
  .rondo { fill: #0969da; } .bare { fill: #9aa4ae; } .other { fill: #c9822b; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .page { fill: #0d1117; } .track { fill: #1c232c; } .whisker { stroke: #e6edf3; }
    .rondo { fill: #4c9bff; } .bare { fill: #6e7781; } .other { fill: #d99a4e; }
  }
</style>
<rect class="page" width="${width}" height="${top}"/>
${parts.join('\n')}
</svg>
`;
}

function panelsOf(groups: readonly Group[]): Panel[] {
  const panels: Panel[] = [];
  const seen = new Set<string>();
  for (const group of groups) {
    const { workload, metric, unit, row, entries } = group;
    const alike = groups.filter(
      (each) => each.workload === workload && each.metric === metric && each.unit === unit,
    );
    const about = `${workload}, ${workloads[workload]}: ${metricText(group)}, ${group.isMoreBetter ? 'more' : 'less'} is better`;
    if (alike.some((each) => each.entries.length > 1)) {
      panels.push({ title: row, about, bars: entries.map((entry) => barOf(group, entry, entry.contender)) });
      continue;
    }
    const key = `${workload} ${metric} ${unit}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const bars = alike.flatMap((each) => each.entries.map((entry) => barOf(each, entry, each.row)));
    panels.push({ title: entries[0]?.contender ?? '', about, bars });
  }
  return panels;
}

function barOf(group: Group, entry: Entry, label: string): Bar {
  const kind = isRondo(entry) ? 'rondo' : entry === ceilingOf(group) ? 'bare' : 'other';
  return { label, entry, kind };
}

function panelParts({ title, about, bars }: Panel, top: number): string {
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
  const lines = bars.map((bar, index) => barParts(bar, top + titleHeight + index * barStep, x));
  const scale = isLog ? ', logarithmic scale' : '';
  return [
    `<text class="title" x="${margin}" y="${top + 14}">${xmlText(title)} <tspan font-weight="400" font-size="12">${xmlText(about)}${scale}</tspan></text>`,
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
