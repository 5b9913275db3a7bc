import { fileURLToPath } from 'node:url';
import type { PathCost, limitedWays as ways } from './path-cost.js';

export type Way = keyof typeof ways;
/** What was accepted of each way. */
export type PathLimits = Readonly<Record<Way, Pick<PathCost, 'bytes' | 'ratio'>>>;

/** Times what was accepted: memory hardly differs between two runs, time does. */
export const room = { bytes: 1.2, ratio: 1.5 } as const;
/** Beside the source, also when run from the build. */
export const limitsPath = fileURLToPath(new URL('../../../scripts/bench/path-limits.json', import.meta.url));

/** What a way costs beyond what it may, a sentence each. */
export function overLimit(
  way: Way,
  cost: Pick<PathCost, 'bytes' | 'ratio'>,
  accepted: PathLimits[Way],
): string[] {
  return (['bytes', 'ratio'] as const).flatMap((what) => {
    const most = accepted[what] * room[what];
    if (cost[what] <= most) return [];
    return [
      `${way}: a job takes ${amount(what, cost[what])}, and at most ${amount(what, most)} are allowed; find out why, or accept it with --accept`,
    ];
  });
}

/** Beneath the table of a way: what it costs, and what it may cost. */
export function besideLimit(cost: Pick<PathCost, 'bytes' | 'ratio'>, accepted: PathLimits[Way]): string {
  return (['ratio', 'bytes'] as const)
    .map((what) => {
      const most = accepted[what] * room[what];
      return `${amount(what, cost[what])} (at most ${amount(what, most)}: ${accepted[what]} was accepted)`;
    })
    .join(', ');
}

/** The last line. */
export function verdictOf(over: readonly string[]): string {
  return over.length === 0
    ? 'passed: no job costs more than it may'
    : `failed: ${over.length} over the limit`;
}

function amount(what: keyof typeof room, value: number): string {
  return what === 'bytes'
    ? `${value.toFixed(0)} bytes of the heap`
    : `${value.toFixed(1)} × the yardstick's time`;
}
