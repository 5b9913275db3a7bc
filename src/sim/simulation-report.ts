import { isPresent } from '../core/member.js';
import type { FleetNode } from './fleet/fleet-node.js';
import type { Simulation } from './simulation.js';
import { meanAfter, type TrafficMark } from './simulation-gauge.js';
import { type DeathReport, growthOf, type SimulationResult, spreadOf } from './simulation-result.js';
import type { Death, Fate, Rumour } from './simulation-views.js';

const curvePointsMax = 240;
/** Deaths drawn one by one. */
const deathCurvesMax = 40;
/** False deaths told one by one. */
const falseDeathsTold = 20;

/** Reads a simulation that is over. */
export function reportOf(simulation: Simulation): SimulationResult {
  const { options, times, fleet, views, gauge } = simulation;
  const startMs = simulation.startedAtMs;
  const whole: TrafficMark = {
    atMs: 0,
    messagesOf: new Float64Array(fleet.nodes.length),
    bytesOf: new Float64Array(fleet.nodes.length),
  };
  const end = gauge.mark();
  const [idleFrom, idleTo] = simulation.idle ?? [end, end];
  const { joinAllKnowMs, healAllKnowMs } = simulation;
  return {
    options,
    times,
    simulatedMs: fleet.nowMs,
    events: fleet.eventCount,
    start: {
      allKnowMs: simulation.startAllKnowMs,
      mostKnowMs: simulation.startCurve.find(([, part]) => part >= 0.99)?.[0] ?? null,
    },
    rumour: options.nodes > 1 && views.rumour !== null ? rumourReport(views.rumour) : null,
    joined: options.join > 0 ? { nodes: options.join, allKnowMs: joinAllKnowMs } : null,
    killed: deathReport(simulation, 'killed'),
    hung: deathReport(simulation, 'hung'),
    healed: simulation.cutCount > 0 ? { nodes: simulation.cutCount, allKnowMs: healAllKnowMs } : null,
    falsePositives: falsePositives(simulation),
    changesPerMinute: {
      healthy: changesPerMinute(simulation, 'healthy', 0),
      slow: changesPerMinute(simulation, 'slow', times.rumourMs),
      mute: changesPerMinute(simulation, 'mute', times.muteMs),
    },
    traffic: {
      idle: gauge.rateBetween(idleFrom, idleTo),
      overall: gauge.rateBetween(whole, end),
      bytesSecondMax: gauge.bytesSecondMax,
      kinds: gauge.kinds(),
    },
    links: {
      mean: meanAfter(gauge.linksMean, startMs),
      max: gauge.linksMax.reduce((max, [, links]) => Math.max(max, links), 0),
    },
    views: { running: simulation.running.length, right: rightViews(simulation.running) },
    curves: curves(simulation),
  };
}

function rumourReport(rumour: Rumour): SimulationResult['rumour'] {
  const times = [...rumour.knownAtMs.values()].map((atMs) => atMs - rumour.atMs).sort((a, b) => a - b);
  // The node itself knows at once.
  const { of } = rumour;
  const at = (part: number): number | null => times[Math.ceil(part * of) - 1] ?? null;
  return { knownMs: { p50: at(0.5), p90: at(0.9), p99: at(0.99), p9999: at(0.9999), all: at(1) } };
}

function deathsOf(simulation: Simulation, fate: Fate): Death[] {
  return [...simulation.views.deaths.values()].filter(({ node }) => simulation.views.fates[node] === fate);
}

/** When everybody knew who is there to know. */
function knownTimes(simulation: Simulation, { atMs, knownAtMs }: Death): number[] {
  return simulation.running.flatMap(({ index }) => {
    const knownMs = knownAtMs.get(index);
    return knownMs === undefined ? [] : [knownMs - atMs];
  });
}

function deathReport(simulation: Simulation, fate: 'killed' | 'hung'): DeathReport | null {
  const deaths = deathsOf(simulation, fate);
  if (deaths.length === 0) return null;
  const since = (moment: (death: Death) => number | null): number[] =>
    deaths.flatMap((death) => {
      const atMs = moment(death);
      return atMs === null ? [] : [atMs - death.atMs];
    });
  const complete = deaths
    .map((death) => knownTimes(simulation, death))
    .filter((times) => times.length === simulation.running.length);
  return {
    nodes: deaths.length,
    firstSuspectMs: spreadOf(since(({ firstSuspectMs }) => firstSuspectMs)),
    firstDeadMs: spreadOf(since(({ firstDeadMs }) => firstDeadMs)),
    allKnowMs: spreadOf(complete.map((times) => Math.max(...times))),
    unknown: deaths.length - complete.length,
  };
}

function falsePositives({ views, drawn, options }: Simulation): SimulationResult['falsePositives'] {
  const { healthy, slow, mute } = views.falselyDead;
  const healthyCount = drawn.healthy.length + drawn.rumour.length + options.join;
  return {
    healthy: { nodes: healthy.size, of: healthyCount },
    slow: { nodes: slow.size, of: drawn.slow.length },
    mute: { nodes: mute.size, of: drawn.mute.length },
    deaths: views.falseDeathCount,
    suspicions: views.falseSuspicionCount,
    first: views.falseDeaths.slice(0, falseDeathsTold),
  };
}

function changesPerMinute(simulation: Simulation, fate: 'healthy' | 'slow' | 'mute', fromMs: number): number {
  const { views, drawn, times, running } = simulation;
  const members = drawn[fate].length;
  const minutes = (times.endMs - fromMs) / 60_000;
  if (members === 0 || running.length < 2) return 0;
  return views.stateChanges[fate] / members / (running.length - 1) / minutes;
}

/** Nodes that take exactly those for present that run. */
function rightViews(running: readonly FleetNode[]): number {
  const ids = new Set(running.map(({ id }) => id));
  return running.filter(({ core }) => {
    let count = 0;
    for (const member of core.members().values()) {
      if (!isPresent(member)) continue;
      if (!ids.has(member.id)) return false;
      count++;
    }
    return count === ids.size;
  }).length;
}

function curves(simulation: Simulation): SimulationResult['curves'] {
  const { gauge, views, fleet, options, startCurve } = simulation;
  const { rumour } = views;
  const rumourTimes = rumour === null ? [] : [...rumour.knownAtMs.values()].map((atMs) => atMs - rumour.atMs);
  const deaths = [...deathsOf(simulation, 'killed'), ...deathsOf(simulation, 'hung')];
  const seers = simulation.running.length;
  return {
    start: startCurve,
    rumour: options.nodes > 1 ? growthOf(rumourTimes, options.nodes, curvePointsMax) : [],
    deaths: deaths.slice(0, deathCurvesMax).map((death) => ({
      node: (fleet.nodes[death.node] as FleetNode).name,
      fate: views.fates[death.node] as 'killed' | 'hung',
      points: growthOf(knownTimes(simulation, death), seers, curvePointsMax),
    })),
    bytesMean: gauge.bytesMean,
    bytesMax: gauge.bytesMax,
    linksMean: gauge.linksMean,
    linksMax: gauge.linksMax,
  };
}
