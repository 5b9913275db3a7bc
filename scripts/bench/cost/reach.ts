import { defaultSubmitOptions } from '../../../src/core/commands.js';
import type { NodeEvent } from '../../../src/core/effects.js';
import { Fleet } from '../../../src/sim/fleet/fleet.js';
import type { FleetNode } from '../../../src/sim/fleet/fleet-node.js';
import { delayProfiles } from '../../../src/sim/simulation-options.js';
import { spreadOf } from '../../../src/sim/simulation-result.js';
import type { ReachFigures } from './figures.js';

export interface ReachOptions {
  readonly nodes: number;
  /** So many of them take jobs, in turn. */
  readonly fronts: number;
  /** Of all fronts. */
  readonly jobsPerSecond: number;
  readonly seconds: number;
}

/** Until links are settled, as they are in a cluster that has stood for long. */
const settleMs = 20_000;
/** Jobs that are not acknowledged by then are counted as such; a client is told the same after that time. */
const patienceMs = 10_000;
const submittedEveryMs = 10;

/**
 * Nodes of a simulated cluster take jobs with two copies and have to reach, for each, whoever is to hold it. In a full mesh they have a link
 * to everybody; in a sparse one they have to make most of them first, and close others.
 */
export function measureReach({ nodes, fronts, jobsPerSecond, seconds }: ReachOptions): ReachFigures {
  const fleet = establishedFleet(nodes);
  fleet.runUntil(settleMs);
  const jobs = jobsPerSecond * seconds;
  const sentAtMs: number[] = [];
  const tookMs: number[] = [];
  for (const node of fleet.nodes)
    completeTurns(node, (request) => tookMs.push(fleet.nowMs - (sentAtMs[request] as number)));
  while (sentAtMs.length < jobs) {
    const due = ((fleet.nowMs + submittedEveryMs - settleMs) * jobsPerSecond) / 1_000;
    while (sentAtMs.length < Math.min(jobs, Math.floor(due))) {
      const request = sentAtMs.length;
      sentAtMs.push(fleet.nowMs);
      fleet.nodes[request % fronts]?.arrive(submission(request));
    }
    fleet.runUntil(fleet.nowMs + submittedEveryMs);
  }
  const links = fleet.nodes[0]?.core.links.count() ?? 0;
  fleet.runUntil(fleet.nowMs + patienceMs);
  const { p50, p99 } = spreadOf(tookMs) ?? { p50: Number.NaN, p99: Number.NaN };
  return { nodes, fronts, jobsPerSecond, jobs, acknowledged: tookMs.length, p50Ms: p50, p99Ms: p99, links };
}

function establishedFleet(nodes: number): Fleet {
  const network = { delayMs: delayProfiles.lan, loss: 0 };
  const fleet = new Fleet({ seed: 'reach', nodesMax: nodes, seedNodes: 1, network, watch: () => {} });
  for (let count = 0; count < nodes; count++) fleet.add();
  const known = [...fleet.records];
  for (const node of fleet.nodes) node.start(known);
  return fleet;
}

/** A job that no node may run, so that nothing but its copy is looked at. */
function submission(request: number): NodeEvent {
  const options = { ...defaultSubmitOptions, on: [['queue', 'none']] as const, copies: 2 };
  const command = { type: 'submit', wait: false, task: 'echo', args: '{}', options } as const;
  return { type: 'request', request, command };
}

/** A fleet has no clients, and lets replies go; nor does it end turns, as its nodes have no jobs. Here each event is a turn of its own. */
function completeTurns({ core }: FleetNode, told: (request: number) => void): void {
  const step = core.step.bind(core);
  core.step = (event, now) => {
    const effects = [...step(event, now)];
    if (core.wantsFlush) effects.push(...step({ type: 'flush' }, now));
    for (const effect of effects) {
      // Of a job that was not held in time the client is told so, and it counts as not acknowledged.
      if (effect.type === 'reply' && effect.reply.ok) told(effect.request);
    }
    return effects;
  };
}
