import type { Curve } from '../../sim/simulation-result.js';

export interface Series {
  readonly name: string;
  /** Its colour is the page's business: a class of it. */
  readonly style: 'first' | 'second' | 'third';
  readonly points: Curve;
  /** Of several lines of one name, only the first stands in the legend. */
  readonly isUnnamed?: boolean;
}

export interface Chart {
  readonly title: string;
  /** What one sees, in a sentence. */
  readonly caption: string;
  readonly series: readonly Series[];
  readonly xTitle: string;
  /** x is milliseconds: what to divide by, for the axis. */
  readonly xUnit: { readonly name: string; readonly ms: number };
  readonly yLabel: (y: number) => string;
  /** The top of the axis, where it is known. */
  readonly top?: number;
  /** Each line up is ten times the one below. */
  readonly isLogarithmic?: boolean;
  /** Values hold until the next one. */
  readonly isSteps?: boolean;
  /** Moments worth a line of their own, in milliseconds. */
  readonly marks?: readonly { readonly atMs: number; readonly name: string }[];
}

const width = 480;
const height = 280;
const margin = { left: 74, right: 14, top: 16, bottom: 46 } as const;
const plotWidth = width - margin.left - margin.right;
const plotHeight = height - margin.top - margin.bottom;

/** The unit that makes an axis up to there read well. */
export function axisUnit(maxMs: number): Chart['xUnit'] {
  if (maxMs < 2_000) return { name: 'ms', ms: 1 };
  return maxMs < 300_000 ? { name: 's', ms: 1_000 } : { name: 'min', ms: 60_000 };
}

/** The largest x of some curves. */
export function lastOf(curves: readonly Curve[]): number {
  return curves.reduce((max, curve) => Math.max(max, curve.at(-1)?.[0] ?? 0), 0);
}

/** A chart as SVG that takes its colours from the page it stands in. */
export function drawChart(chart: Chart): string {
  const { xUnit } = chart;
  const xMax = Math.max(lastOf(chart.series.map(({ points }) => points)), 1e-6);
  const y = yAxis(chart);
  const toX = (x: number): number => margin.left + (x / xMax) * plotWidth;
  const toY = (value: number): number => margin.top + (1 - y.place(value)) * plotHeight;
  const xTicks = ticksTo(xMax / xUnit.ms, 5).filter((tick) => tick * xUnit.ms <= xMax * 1.001);
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(chart.title)}">`,
    ...y.ticks.map((tick) => yTick(toY(tick), chart.yLabel(tick))),
    ...xTicks.map((tick) => xTick(toX(tick * xUnit.ms), String(tick))),
    `<text class="axis" x="${margin.left + plotWidth / 2}" y="${height - 8}" text-anchor="middle">${escapeText(chart.xTitle)} (${xUnit.name})</text>`,
    ...markLines(
      (chart.marks ?? []).flatMap(({ atMs, name }) => (atMs <= xMax ? [{ x: toX(atMs), name }] : [])),
    ),
    ...chart.series.map((series) => lineOf(series, { toX, toY, isSteps: chart.isSteps === true })),
    '</svg>',
  ].join('\n');
}

interface Axis {
  readonly ticks: readonly number[];
  /** From 0 at the bottom to 1 at the top. */
  place(value: number): number;
}

function yAxis({ series, top, isLogarithmic }: Chart): Axis {
  const values = series.flatMap(({ points }) => points.map(([, y]) => y));
  const highest = top ?? values.reduce((max, value) => Math.max(max, value), 0);
  if (isLogarithmic) {
    const last = Math.max(1, Math.ceil(Math.log10(Math.max(highest, 1))));
    const lowest = values.reduce((min, value) => (value > 0 ? Math.min(min, value) : min), 10 ** (last - 1));
    const first = Math.min(last - 1, Math.max(0, Math.floor(Math.log10(lowest))));
    const ticks = Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
    return { ticks, place: (value) => (Math.log10(Math.max(value, 10 ** first)) - first) / (last - first) };
  }
  const ticks = ticksTo(Math.max(highest, 1e-6), 4);
  const end = top ?? (ticks.at(-1) as number);
  return { ticks: ticks.filter((tick) => tick <= end * 1.001), place: (value) => value / end };
}

/** The names of its lines, for below it. */
export function legendOf({ series }: Chart): string {
  const named = series.filter(({ isUnnamed }) => !isUnnamed);
  if (named.length < 2) return '';
  const entries = named.map(({ name, style }) => `<span class="key ${style}">${escapeText(name)}</span>`);
  return `<p class="legend">${entries.join(' ')}</p>`;
}

export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function lineOf(
  { points, style, name }: Series,
  { toX, toY, isSteps }: { toX: (x: number) => number; toY: (y: number) => number; isSteps: boolean },
): string {
  const path = points.map(([x, y], index) => {
    const [atX, atY] = [toX(x).toFixed(1), toY(y).toFixed(1)];
    if (index === 0) return `M${atX} ${atY}`;
    return isSteps ? `H${atX}V${atY}` : `L${atX} ${atY}`;
  });
  return `<path class="line ${style}" d="${path.join('')}"><title>${escapeText(name)}</title></path>`;
}

function yTick(y: number, label: string): string {
  const at = y.toFixed(1);
  return (
    `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/>` +
    `<text class="tick" x="${margin.left - 7}" y="${(y + 4).toFixed(1)}" text-anchor="end">${escapeText(label)}</text>`
  );
}

function xTick(x: number, label: string): string {
  const at = x.toFixed(1);
  return `<text class="tick" x="${at}" y="${height - margin.bottom + 17}" text-anchor="middle">${escapeText(label)}</text>`;
}

/** What stands close to the one before goes a line lower. */
function markLines(marks: readonly { readonly x: number; readonly name: string }[]): string[] {
  const letterWidth = 7;
  const ends = [0, 0, 0];
  return marks.map(({ x, name }) => {
    const free = ends.findIndex((end) => end <= x);
    const row = free === -1 ? 0 : free;
    ends[row] = x + 8 + name.length * letterWidth;
    const at = x.toFixed(1);
    return (
      `<line class="mark" x1="${at}" x2="${at}" y1="${margin.top}" y2="${height - margin.bottom}"/>` +
      `<text class="marked" x="${(x + 4).toFixed(1)}" y="${margin.top + 10 + row * 14}">${escapeText(name)}</text>`
    );
  });
}

/** Round numbers from 0 to the first at or over `max`, some `count` of them. */
export function ticksTo(max: number, count: number): number[] {
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const ticks: number[] = [];
  for (let index = 0; ; index++) {
    const tick = Number((index * step).toPrecision(12));
    ticks.push(tick);
    if (tick >= max * 0.999) return ticks;
  }
}
