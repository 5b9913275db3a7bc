import { limits } from '../core/limits.js';

/** What a simulation may be asked for; apart from the rest, for the command line reads it whatever it runs. */
export const simulationLimits = {
  nodesMax: limits.membersMax,
  lossMax: 0.9,
  /** Of the nodes, where a part of them is named. */
  partMax: 0.5,
  delayMsMax: 10_000,
  seedNodesMax: 16,
} as const;
