import type { SimulationResult } from '../../sim/simulation-result.js';
import { axisUnit, type Chart, drawChart, escapeText, lastOf, legendOf } from './chart.js';
import { percent, rate, time, whole, wholeRate } from './figures.js';
import { pageStyle } from './page-style.js';
import { commandOf, describeOptions, type Section, sectionsOf } from './sections.js';

/** The result as one page that needs nothing but itself: no script, no font, no picture from elsewhere. */
export function pageOf(result: SimulationResult): string {
  const title = `${whole(result.options.nodes)} nodes, simulated`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="what">${escapeText(describeOptions(result.options))}.</p>
<code>${escapeText(commandOf(result.options))}</code>
<div class="tiles">
${tilesOf(result).map(tileOf).join('\n')}
</div>
<div class="charts">
${chartsOf(result).map(cardOf).join('\n')}
</div>
<div class="card figures">
${sectionsOf(result).map(tableOf).join('\n')}
</div>
<footer>Made by <b>rondo simulate</b>: the code that real nodes run, over a simulated network and clock. ${whole(result.events)} events in
${time(result.simulatedMs)} of simulated time. The command above gives the same figures again; another seed gives others.</footer>
</main>
</body>
</html>
`;
}

interface Tile {
  readonly figure: string;
  readonly what: string;
  readonly mood: 'good' | 'bad' | '';
}

function tilesOf(result: SimulationResult): Tile[] {
  const { start, killed, hung, rumour, traffic, views, falsePositives, options } = result;
  const tiles: Tile[] = [];
  const add = (figure: string, what: string, mood: Tile['mood'] = ''): void => {
    tiles.push({ figure, what, mood });
  };
  if (options.start === 'cold') add(time(start.allKnowMs), 'from a cold start until all know all');
  if (killed !== null) add(time(killed.allKnowMs?.max ?? null), 'until all knew of the last killed node');
  if (hung !== null) add(time(hung.allKnowMs?.max ?? null), 'until all knew of the last hung node');
  if (rumour !== null) add(time(rumour.knownMs.all), 'until a change was known to all');
  const wronged = falsePositives.healthy.nodes;
  add(whole(wronged), 'healthy nodes declared dead', wronged === 0 ? 'good' : 'bad');
  add(rate(traffic.idle.bytesMean), 'sent by a node that is idle');
  const areRight = views.right === views.running;
  add(
    `${whole(views.right)} of ${whole(views.running)}`,
    'nodes with the right view at the end',
    areRight ? 'good' : 'bad',
  );
  return tiles;
}

function tileOf({ figure, what, mood }: Tile): string {
  return `<div class="tile ${mood}"><b>${escapeText(figure)}</b><span>${escapeText(what)}</span></div>`;
}

function chartsOf(result: SimulationResult): Chart[] {
  return [...startChart(result), ...deathChart(result), ...rumourChart(result), ...overTimeCharts(result)];
}

function startChart({ curves, options }: SimulationResult): Chart[] {
  if (options.start !== 'cold' || options.nodes < 2) return [];
  return [
    {
      title: 'Nodes known while they start',
      caption:
        'How much of what there is to know the nodes knew: 100 % is when every node knew every other one.',
      series: [{ name: 'known', style: 'first', points: curves.start }],
      xTitle: 'since the first start',
      xUnit: axisUnit(lastOf([curves.start])),
      yLabel: percent,
      top: 1,
    },
  ];
}

function deathChart({ curves }: SimulationResult): Chart[] {
  if (curves.deaths.length === 0) return [];
  const named = new Set<string>();
  const series = curves.deaths.map(({ fate, points }) => {
    const isUnnamed = named.has(fate);
    named.add(fate);
    const style = fate === 'killed' ? ('second' as const) : ('third' as const);
    return { name: fate === 'killed' ? 'killed nodes' : 'hung nodes', style, points, isUnnamed };
  });
  return [
    {
      title: 'Who knows of each death',
      caption: 'The part of the nodes that take it for dead, a line for each node that was killed or hung.',
      series,
      xTitle: 'since its end',
      xUnit: axisUnit(lastOf(series.map(({ points }) => points))),
      yLabel: percent,
      top: 1,
      isSteps: true,
    },
  ];
}

function rumourChart({ curves, rumour }: SimulationResult): Chart[] {
  if (rumour === null) return [];
  return [
    {
      title: 'A change spreads',
      caption: 'The part of the nodes that know that one of them drains.',
      series: [{ name: 'know', style: 'first', points: curves.rumour }],
      xTitle: 'since the change',
      xUnit: axisUnit(lastOf([curves.rumour])),
      yLabel: percent,
      top: 1,
      isSteps: true,
    },
  ];
}

function overTimeCharts({ curves, options, start, times }: SimulationResult): Chart[] {
  const startedAtMs = start.allKnowMs ?? 0;
  const marks = [
    { atMs: startedAtMs + times.rumourMs, name: 'change' },
    ...(options.join > 0 ? [{ atMs: startedAtMs + times.joinMs, name: 'join' }] : []),
    ...(options.kill > 0 ? [{ atMs: startedAtMs + times.killMs, name: 'kill' }] : []),
    ...(options.hang > 0 ? [{ atMs: startedAtMs + times.hangMs, name: 'hang' }] : []),
    ...(options.partition > 0 ? [{ atMs: startedAtMs + times.cutMs, name: 'cut' }] : []),
    ...(options.partition > 0 ? [{ atMs: startedAtMs + times.healMs, name: 'heal' }] : []),
    ...(options.mute > 0 ? [{ atMs: startedAtMs + times.muteMs, name: 'mute' }] : []),
  ];
  const common = { xTitle: 'simulated time', xUnit: axisUnit(lastOf([curves.bytesMean])), marks };
  return [
    {
      title: 'Bytes a node sends in a second',
      caption: 'Whatever happens to the cluster shows here. Each line up is ten times the one below.',
      series: [
        { name: 'mean', style: 'first', points: curves.bytesMean },
        { name: 'busiest node of that second', style: 'second', points: curves.bytesMax },
      ],
      yLabel: wholeRate,
      isLogarithmic: true,
      ...common,
    },
    {
      title: 'Links of a node',
      caption: 'Open connections to other nodes.',
      series: [
        { name: 'mean', style: 'first', points: curves.linksMean },
        { name: 'most', style: 'second', points: curves.linksMax },
      ],
      yLabel: (links) => String(Number(links.toFixed(1))),
      ...common,
    },
  ];
}

function cardOf(chart: Chart): string {
  const isMany = chart.series.length > 2 ? ' many' : '';
  return `<section class="card${isMany}"><h2>${escapeText(chart.title)}</h2><p class="caption">${escapeText(chart.caption)}</p>
${drawChart(chart)}
${legendOf(chart)}</section>`;
}

function tableOf({ title, rows }: Section): string {
  const lines = rows.map(
    ({ label, value, meaning }) =>
      `<tr><th scope="row">${escapeText(label)}</th><td>${escapeText(value)}</td><td class="meaning">${escapeText(meaning)}</td></tr>`,
  );
  return `<table><caption>${escapeText(title)}</caption>\n${lines.join('\n')}\n</table>`;
}
