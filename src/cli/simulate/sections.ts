import { delayProfiles, type SimulationOptions } from '../../sim/simulation-options.js';
import type { DeathReport, SimulationResult, TrafficRate } from '../../sim/simulation-result.js';
import { decimal, percent, rate, spread, time, whole } from './figures.js';

/** One figure: what it is called, what came out, and what that means. */
export interface Row {
  readonly label: string;
  readonly value: string;
  readonly meaning: string;
}

export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** What was simulated, in a sentence. */
export function describeOptions(options: SimulationOptions): string {
  const [minMs, maxMs] = options.delayMs;
  const nodes = `${whole(options.nodes)} ${options.nodes === 1 ? 'node' : 'nodes'}`;
  const parts = [
    options.start === 'cold' ? `${nodes} that start at once` : `${nodes} that know each other`,
    `one-way delay ${minMs} to ${maxMs} ms`,
    ...(options.loss > 0 ? [`${percent(options.loss)} of packets lost`] : []),
    ...(options.join > 0 ? [`${whole(options.join)} join later`] : []),
    ...(options.kill > 0 ? [`${whole(options.kill)} killed`] : []),
    ...(options.hang > 0 ? [`${whole(options.hang)} hung`] : []),
    ...(options.mute > 0 ? [`${whole(options.mute)} mute`] : []),
    ...(options.partition > 0 ? [`${percent(options.partition)} cut off for 30 s`] : []),
    ...(options.block > 0 ? [`${percent(options.block)} blocking for 2 s at a time`] : []),
  ];
  return `${parts.join(', ')}; seed ${options.seed}`;
}

/** The command that repeats it. */
export function commandOf(options: SimulationOptions): string {
  const words = [`rondo simulate --nodes ${options.nodes} --seed ${shellWord(options.seed)}`];
  const add = (flag: string, value: number): void => {
    if (value > 0) words.push(`--${flag} ${value}`);
  };
  if (options.start === 'established') words.push('--established');
  if (options.seedNodes !== 1) words.push(`--seed-nodes ${options.seedNodes}`);
  const [minMs, maxMs] = options.delayMs;
  const isProfile = (profile: readonly [number, number]): boolean =>
    profile[0] === minMs && profile[1] === maxMs;
  if (isProfile(delayProfiles.wan)) words.push('--wan');
  else if (!isProfile(delayProfiles.lan)) words.push(`--delay ${minMs}-${maxMs}`);
  add('loss', options.loss);
  for (const flag of ['kill', 'hang', 'mute', 'block', 'partition', 'join'] as const)
    add(flag, options[flag]);
  if (options.durationMs !== null) words.push(`--duration ${options.durationMs}ms`);
  return words.join(' ');
}

function shellWord(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** All that came out, in the order in which it happened. */
export function sectionsOf(result: SimulationResult): Section[] {
  const { killed, hung } = result;
  return [
    { title: 'Start', rows: startRows(result) },
    ...(result.rumour === null ? [] : [{ title: 'A change spreads', rows: rumourRows(result.rumour) }]),
    ...(killed === null ? [] : [{ title: `Killed: ${killed.nodes}`, rows: deathRows(killed, 'killed') }]),
    ...(hung === null ? [] : [{ title: `Hung: ${hung.nodes}`, rows: deathRows(hung, 'stopped') }]),
    { title: 'Mistakes', rows: mistakeRows(result) },
    { title: 'Traffic of a node', rows: trafficRows(result) },
    { title: 'At the end', rows: endRows(result) },
  ];
}

function startRows({ start, joined, options }: SimulationResult): Row[] {
  const rows: Row[] = [];
  if (options.start === 'cold') {
    rows.push({
      label: 'all know all',
      value: time(start.allKnowMs),
      meaning: 'from the start of the first node until every node knew every other one',
    });
  }
  if (joined !== null) {
    rows.push({
      label: `${whole(joined.nodes)} more known`,
      value: time(joined.allKnowMs),
      meaning: 'from their start, all at once, until every node knew every other one',
    });
  }
  return rows.length > 0
    ? rows
    : [{ label: 'established', value: 'at once', meaning: 'all know all beforehand' }];
}

function rumourRows({ knownMs }: NonNullable<SimulationResult['rumour']>): Row[] {
  const rows: Row[] = [
    {
      label: 'known to 50 · 90 · 99 %',
      value: [knownMs.p50, knownMs.p90, knownMs.p99].map(time).join(' · '),
      meaning: 'from the moment one node drains until so many of the others know',
    },
    {
      label: 'known to 99.99 % · all',
      value: [knownMs.p9999, knownMs.all].map(time).join(' · '),
      meaning: 'until the last ones know: jobs go to the right nodes from then on',
    },
  ];
  return rows;
}

function deathRows(report: DeathReport, how: string): Row[] {
  return [
    {
      label: 'first suspected',
      value: spread(report.firstSuspectMs),
      meaning: `p50 · p90 · p99 · max over the ${how} nodes, each from its end until some node doubts it`,
    },
    {
      label: 'first declared dead',
      value: spread(report.firstDeadMs),
      meaning: 'until the first node gives it up and runs its jobs elsewhere',
    },
    {
      label: 'all know',
      value: spread(report.allKnowMs),
      meaning: 'until every node that is left takes it for dead',
    },
    ...(report.unknown === 0
      ? []
      : [
          {
            label: 'not known to all',
            value: whole(report.unknown),
            meaning: 'ends that some node did not know of when the simulation ended',
          },
        ]),
  ];
}

function mistakeRows({ falsePositives, changesPerMinute, options, healed }: SimulationResult): Row[] {
  const { healthy, slow, mute } = falsePositives;
  const rows: Row[] = [
    {
      label: 'healthy declared dead',
      value: `${whole(healthy.nodes)} of ${whole(healthy.of)}`,
      meaning: 'nodes that were well and were given up by at least one other: the fewer the better',
    },
    {
      label: 'false suspicions',
      value: whole(falsePositives.suspicions),
      meaning: 'counted at every node that held one; those that were refuted in time cost nothing',
    },
  ];
  if (options.block > 0) {
    rows.push({
      label: 'slow declared dead',
      value: `${whole(slow.nodes)} of ${whole(slow.of)}`,
      meaning: 'nodes whose loops block for 2 s again and again, and that are there all the same',
    });
  }
  if (options.mute > 0) {
    rows.push({
      label: 'mute declared dead',
      value: `${whole(mute.nodes)} of ${whole(mute.of)}`,
      meaning: 'nodes that hear the others and are not heard: they should be given up, once',
    });
    rows.push({
      label: 'mute changes',
      value: `${decimal(changesPerMinute.mute)} a minute`,
      meaning: 'how often a node changes its mind about such a member',
    });
  }
  if (healed !== null) {
    rows.push({
      label: 'healed',
      value: time(healed.allKnowMs),
      meaning: `from the end of the partition, which cut ${whole(healed.nodes)} nodes off, until all know all`,
    });
  }
  return rows;
}

function trafficRows({ traffic, links }: SimulationResult): Row[] {
  const heaviest = traffic.kinds.filter(({ bytesMean }) => bytesMean > 0).slice(0, 3);
  const rows = (label: string, figures: TrafficRate, meaning: string): Row => ({
    label,
    value: `${rate(figures.bytesMean)} · ${rate(figures.bytesMax)}, ${decimal(figures.messagesMean)} messages/s`,
    meaning,
  });
  return [
    rows('idle, mean · max', traffic.idle, 'sent by a node while nothing happens, and by the busiest one'),
    rows('overall, mean · max', traffic.overall, 'over the whole simulation, start and faults included'),
    {
      label: 'most in a second',
      value: rate(traffic.bytesSecondMax),
      meaning: 'what the busiest node sent in its busiest second',
    },
    {
      label: 'by kind',
      value: heaviest.map(({ kind, bytesMean }) => `${kind} ${rate(bytesMean)}`).join(' · '),
      meaning: 'the heaviest kinds of messages; frames, without what TLS, TCP and IP add',
    },
    {
      label: 'links, mean · max',
      value: `${decimal(links.mean)} · ${whole(links.max)}`,
      meaning: 'open connections of a node to others',
    },
  ];
}

function endRows({ views }: SimulationResult): Row[] {
  return [
    {
      label: 'right views',
      value: `${whole(views.right)} of ${whole(views.running)}`,
      meaning: 'running nodes that take exactly the running nodes for alive',
    },
  ];
}
