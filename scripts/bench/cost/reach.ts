import { defaultSubmitOptions } from '../../../src/core/commands.js';
import type { NodeEvent } from '../../../src/core/effects.js';
import { Fleet } from '../../../src/sim/fleet/fleet.js';
import type { FleetNode } from '../../../src/sim/fleet/fleet-node.js';
import { delayProfiles } from '../../../src/sim/simulation-options.js';
import { spreadOf } from '../../../src/sim/simulation-result.js';
import type { ReachFigures } from './figures.js';

export interface ReachOptions {
  readonly nodes: number;
  readonly jobsPerSecond: number;
  readonly seconds: number;
}

/** Until links are settled, as they are in a cluster that has stood for long. */
const settleMs = 20_000;
/** Jobs that are not acknowledged by then are counted as such. */
const patienceMs = 10_000;
const submittedEveryMs = 10;

/**
 * One node of a simulated cluster takes jobs with two copies and has to reach, for each, whoever is to hold it. In a full mesh it has a link
 * to everybody; in a sparse one it has to make most of them first, and close others.
 */
export function measureReach({ nodes, jobsPerSecond, seconds }: ReachOptions): ReachFigures {
  const fleet = establishedFleet(nodes);
  const front = fleet.nodes[nodes >> 1] as FleetNode;
  fleet.runUntil(settleMs);
  const jobs = jobsPerSecond * seconds;
  const sentAtMs: number[] = [];
  const tookMs: number[] = [];
  onReplies(front, (request) => tookMs.push(fleet.nowMs - (sentAtMs[request] as number)));
  const perPiece = (jobsPerSecond * submittedEveryMs) / 1_000;
  while (sentAtMs.length < jobs) {
    for (let count = 0; count < perPiece && sentAtMs.length < jobs; count++) {
      front.arrive(submission(sentAtMs.length));
      sentAtMs.push(fleet.nowMs);
    }
    front.arrive({ type: 'flush' });
    fleet.runUntil(fleet.nowMs + submittedEveryMs);
  }
  const links = front.core.links.count();
  fleet.runUntil(fleet.nowMs + patienceMs);
  const { p50, p99 } = spreadOf(tookMs) ?? { p50: Number.NaN, p99: Number.NaN };
  return { nodes, jobsPerSecond, jobs, acknowledged: tookMs.length, p50Ms: p50, p99Ms: p99, links };
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

/** A fleet has no clients, and lets replies go. */
function onReplies({ core }: FleetNode, told: (request: number) => void): void {
  const step = core.step.bind(core);
  core.step = (event, now) => {
    const effects = step(event, now);
    for (const effect of effects) {
      if (effect.type !== 'reply') continue;
      const { request, reply } = effect;
      // Of a job that was not held in time the client is told so, and it counts as not acknowledged.
      if (reply.ok) told(request as number);
    }
    return effects;
  };
}
