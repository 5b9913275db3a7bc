import type { LinksConfig } from '../core/links/config.js';
import type { MembershipConfig } from '../core/membership/config.js';
import { simulationLimits } from './simulation-limits.js';

/** What is simulated. Counts are of nodes. */
export interface SimulationOptions {
  readonly nodes: number;
  /** The same options give the same run; another seed gives another one. */
  readonly seed: string;
  /** cold: all start at once and know only the seeds; established: they have known each other for long. */
  readonly start: 'cold' | 'established';
  /** Addresses to join by: the first so many nodes. */
  readonly seedNodes: number;
  /** Part of all packets that are lost. */
  readonly loss: number;
  /** One-way time of a packet, drawn evenly. */
  readonly delayMs: readonly [min: number, max: number];
  /** Killed as by kill -9. */
  readonly kill: number;
  /** Stopped as by SIGSTOP. */
  readonly hang: number;
  /** They hear, and what they send is lost. */
  readonly mute: number;
  /** Part of the nodes whose loops block for 2 s again and again. */
  readonly block: number;
  /** Part of the nodes that are cut off from the rest for 30 s. */
  readonly partition: number;
  /** Started together later. */
  readonly join: number;
  /** How long is simulated after the start. Null: as long as what is asked for takes. */
  readonly durationMs: number | null;
  readonly membership?: Partial<MembershipConfig>;
  readonly links?: Partial<LinksConfig>;
}

/** One-way times within one data centre, and between several on one continent. */
export const delayProfiles = { lan: [0.2, 3], wan: [20, 80] } as const;

export const defaultSimulationOptions: SimulationOptions = {
  nodes: 100,
  seed: '1',
  start: 'cold',
  seedNodes: 1,
  loss: 0,
  delayMs: delayProfiles.lan,
  kill: 0,
  hang: 0,
  mute: 0,
  block: 0,
  partition: 0,
  join: 0,
  durationMs: null,
};

/** When what happens, in milliseconds after all know all (or the start was given up). */
export interface SimulationTimes {
  /** From then to `rumourMs` nothing is done, and the traffic of an idle cluster is measured: its links are settled by then. */
  readonly idleMs: number;
  /** One node drains; slow nodes begin to block. */
  readonly rumourMs: number;
  readonly joinMs: number;
  readonly killMs: number;
  readonly hangMs: number;
  readonly muteMs: number;
  readonly cutMs: number;
  readonly healMs: number;
  /** Slow nodes block no more, and mute ones are heard again. */
  readonly calmMs: number;
  readonly endMs: number;
}

/** One thing after the other, each with the time that it takes to be known to all with much to spare. */
export function simulationTimes(options: SimulationOptions): SimulationTimes {
  let atMs = 35_000;
  const slot = (isWanted: boolean, lengthMs: number): number => {
    const startMs = atMs;
    if (isWanted) atMs += lengthMs;
    return startMs;
  };
  const rumourMs = slot(true, 10_000);
  const joinMs = slot(options.join > 0, 20_000);
  const killMs = slot(options.kill > 0, 20_000);
  const hangMs = slot(options.hang > 0, 30_000);
  const cutMs = slot(options.partition > 0, 30_000);
  const healMs = slot(options.partition > 0, 60_000);
  const muteMs = slot(options.mute > 0, 60_000);
  const isTroubled = options.block > 0 || options.mute > 0;
  const calmLengthMs = isTroubled ? 30_000 : 0;
  const endMs = Math.max(atMs + calmLengthMs, options.durationMs ?? 0);
  const calmMs = endMs - calmLengthMs;
  return { idleMs: 25_000, rumourMs, joinMs, killMs, hangMs, muteMs, cutMs, healMs, calmMs, endMs };
}

/** What is wrong with these options, as a sentence; null when nothing is. */
export function simulationFault(options: SimulationOptions): string | null {
  const { nodes, join, durationMs } = options;
  if (nodes + join > simulationLimits.nodesMax)
    return `${nodes} nodes and ${join} that join are more than ${simulationLimits.nodesMax}`;
  const { kill, hang, mute } = options;
  if (kill + hang + mute >= nodes && kill + hang + mute > 0) {
    const counts = Object.entries({ kill, hang, mute }).filter(([, count]) => count > 0);
    const asked = counts.map(([what, count]) => `${count} to ${what}`).join(' and ');
    return `of ${nodes} nodes, ${asked} leaves none to tell of it: take fewer, or more --nodes`;
  }
  const neededMs = simulationTimes({ ...options, durationMs: null }).endMs;
  if (durationMs !== null && durationMs < neededMs)
    return `what is asked for takes ${neededMs / 1_000}s after the start: give --duration that or more, or leave it out`;
  return null;
}
