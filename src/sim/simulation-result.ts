import type { TrafficKind } from './fleet/traffic.js';
import type { SimulationOptions, SimulationTimes } from './simulation-options.js';
import type { FalseDeath } from './simulation-views.js';

/** Over several nodes. Null where there was none. */
export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** What the nodes sent in some time, a node and second. */
export interface TrafficRate {
  readonly messagesMean: number;
  readonly bytesMean: number;
  /** Of the node that sent most in that time. */
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/** What became known of nodes that ended, each counted from its end on. */
export interface DeathReport {
  readonly nodes: number;
  readonly firstSuspectMs: Spread | null;
  readonly firstDeadMs: Spread | null;
  readonly allKnowMs: Spread | null;
  /** Ends that some node didn't know of when the simulation ended. */
  readonly unknown: number;
}

export interface WrongedReport {
  /** Nodes that were declared dead although they were there, by at least one other. */
  readonly nodes: number;
  /** Nodes of this kind in all. */
  readonly of: number;
}

/** A curve, its points in order of x. */
export type Curve = readonly (readonly [x: number, y: number])[];

/** What an operator who plans a cluster wants to know of it. Times are simulated milliseconds; field names are stable. */
export interface SimulationResult {
  readonly options: SimulationOptions;
  readonly times: SimulationTimes;
  readonly simulatedMs: number;
  readonly events: number;
  readonly start: {
    /** From the first node's start until every node knew every other one; null: not within the limit. */
    readonly allKnowMs: number | null;
    /** When 99 % of what there is to know was known. */
    readonly mostKnowMs: number | null;
  };
  readonly rumour: {
    /** From the change of one node's facts until 50, 90, 99, 99.99 and 100 percent of the nodes knew; null: not by the end. */
    readonly knownMs: Readonly<Record<'p50' | 'p90' | 'p99' | 'p9999' | 'all', number | null>>;
  } | null;
  readonly joined: { readonly nodes: number; readonly allKnowMs: number | null } | null;
  readonly killed: DeathReport | null;
  readonly hung: DeathReport | null;
  readonly healed: { readonly nodes: number; readonly allKnowMs: number | null } | null;
  readonly falsePositives: {
    readonly healthy: WrongedReport;
    readonly slow: WrongedReport;
    readonly mute: WrongedReport;
    /** Declarations of any of them, at any node. */
    readonly deaths: number;
    readonly suspicions: number;
    /** The first so many deaths, one by one. */
    readonly first: readonly FalseDeath[];
  };
  /** Changes of state of a member as one other node sees it, a member and minute. */
  readonly changesPerMinute: { readonly healthy: number; readonly slow: number; readonly mute: number };
  readonly traffic: {
    readonly idle: TrafficRate;
    readonly overall: TrafficRate;
    /** The most that one node sent in one second. */
    readonly bytesSecondMax: number;
    readonly kinds: readonly {
      readonly kind: TrafficKind;
      readonly messagesMean: number;
      readonly bytesMean: number;
    }[];
  };
  readonly links: { readonly mean: number; readonly max: number };
  readonly views: {
    readonly running: number;
    /** Nodes that at the end take exactly the running ones for present. */
    readonly right: number;
  };
  readonly curves: SimulationCurves;
}

export interface SimulationCurves {
  /** Part of all there is to know, from 0 to 1, over milliseconds since the start. */
  readonly start: Curve;
  /** Part of the nodes that know, over milliseconds since the change. */
  readonly rumour: Curve;
  /** The same for each end, over milliseconds since it. */
  readonly deaths: readonly {
    readonly node: string;
    readonly fate: 'killed' | 'hung';
    readonly points: Curve;
  }[];
  /** Over simulated milliseconds, a point a second. */
  readonly bytesMean: Curve;
  readonly bytesMax: Curve;
  readonly linksMean: Curve;
  readonly linksMax: Curve;
}

/** Nearest-rank percentiles of what is there. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] as number;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** How the part of those who know grows with the times when each of `count` came to know it; few enough points to draw. */
export function growthOf(times: readonly number[], count: number, pointsMax: number): Curve {
  const sorted = [...times].sort((a, b) => a - b);
  const step = Math.max(1, Math.ceil(sorted.length / pointsMax));
  const points: [number, number][] = [[0, 0]];
  for (let at = 0; at < sorted.length; at += step) points.push([sorted[at] as number, (at + 1) / count]);
  if (sorted.length > 0) points.push([sorted.at(-1) as number, sorted.length / count]);
  return points;
}
