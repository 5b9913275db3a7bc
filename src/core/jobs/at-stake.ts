import type { MemberRecord } from '../member.js';
import { whyNobody } from '../routing/candidates.js';
import type { Dispatcher } from './dispatcher.js';
import type { Ledger } from './ledger.js';
import type { JobRecord } from './record.js';
import { isFinished } from './record.js';

/** What becomes of an unfinished job if its owner ends now: another holder goes on with it, or this node at its next start, or nobody. */
export type Fate = 'held' | 'journaled' | 'lost';

export function fateOf(record: JobRecord): Fate {
  const { missing, holders, spec, slot, based } = record;
  // The next owner first, and then this one: who has it was noted as the job was handed on.
  if (record.pending?.some(({ type }) => type === 'handed') === true) {
    if ((based & ~0b10) !== 0) return 'held';
    return spec.durable && slot !== 0 && based !== 0 ? 'journaled' : 'lost';
  }
  // Position 0 is the owner itself.
  if (holders.some((_, position) => position > 0 && (missing & (1 << position)) === 0)) return 'held';
  return spec.durable && slot !== 0 && (missing & 1) === 0 ? 'journaled' : 'lost';
}

/** Neither over nor about to be: of a job whose outcome is on its way to its holders nothing is left to do. */
export function isOpen({ state, outcome }: JobRecord): boolean {
  return !isFinished(state) && outcome === null;
}

/** How many of these unfinished jobs nobody else holds, by what becomes of them. */
export function countAtStake(records: Iterable<JobRecord>): { journaled: number; lost: number } {
  const counts = { held: 0, journaled: 0, lost: 0 };
  for (const record of records) if (isOpen(record)) counts[fateOf(record)]++;
  return { journaled: counts.journaled, lost: counts.lost };
}

/** What an operator has to do about them. */
export function atStakeText({ journaled, lost }: { journaled: number; lost: number }): string {
  const parts = [
    ...(journaled === 1 ? ['1 is in its journal, and goes on when it starts again'] : []),
    ...(journaled > 1 ? [`${journaled} are in its journal, and go on when it starts again`] : []),
    ...(lost === 1 ? ['1 is lost: submit it again elsewhere'] : []),
    ...(lost > 1 ? [`${lost} are lost: submit them again elsewhere`] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : 'other nodes hold them, and go on with them';
}

/** Jobs that can't start by then, due later or for none that takes work, and that nobody else holds: by what becomes of them. */
export function countLeftBehind(
  ledger: Ledger,
  dispatcher: Dispatcher,
  members: readonly MemberRecord[],
  monotonicMs: number,
): { journaled: number; lost: number } {
  const mayStart = (record: JobRecord): boolean => {
    const { state, deadline, spec } = record;
    if (state === 'queued') return dispatcher.canRun(record);
    if (state !== 'delayed') return true;
    return deadline !== null && deadline.atMs <= monotonicMs && whyNobody(spec, members) === null;
  };
  const leftBehind = function* (): Iterable<JobRecord> {
    for (const record of ledger.values()) if (!mayStart(record)) yield record;
  };
  return countAtStake(leftBehind());
}
