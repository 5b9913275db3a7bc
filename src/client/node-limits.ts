import { limits } from '../core/limits.js';
import type { HelloLimits } from '../protocol/help.js';

/** What a node takes from one client, as it says in its HELLO. */
export type NodeLimits = HelloLimits;

/** Those of a node that is configured no other way. */
export const defaultNodeLimits: NodeLimits = {
  lineBytesMax: limits.lineBytesMax,
  bodyBytesMax: limits.bodyBytesMax,
  requestsInFlightMax: limits.requestsInFlightMax,
};

/** Reads the limits off HELLO's answer. What it doesn't tell, or tells as no whole number over 0, is the default. */
export function nodeLimitsOf(hello: string): NodeLimits {
  const told = toldLimits(hello);
  const limitOf = (name: keyof NodeLimits): number => {
    const value = told[name];
    return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
      ? value
      : defaultNodeLimits[name];
  };
  return {
    lineBytesMax: limitOf('lineBytesMax'),
    bodyBytesMax: limitOf('bodyBytesMax'),
    requestsInFlightMax: limitOf('requestsInFlightMax'),
  };
}

function toldLimits(hello: string): Readonly<Record<string, unknown>> {
  try {
    const answer = JSON.parse(hello) as { limits?: Record<string, unknown> | null } | null;
    return answer?.limits ?? {};
  } catch {
    return {};
  }
}
