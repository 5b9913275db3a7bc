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

/** How many of these unfinished jobs nobody else holds, by what becomes of them. */
export function countAtStake(records: Iterable<JobRecord>): { journaled: number; lost: number } {
  const counts = { held: 0, journaled: 0, lost: 0 };
  for (const record of records) if (!isFinished(record.state)) counts[fateOf(record)]++;
  return { journaled: counts.journaled, lost: counts.lost };
}

/** For logs: what an operator has to do about them. */
export function atStakeText({ journaled, lost }: { journaled: number; lost: number }): string {
  const parts = [
    ...(journaled > 0 ? [`${journaled} are in its journal, and go on when it starts again`] : []),
    ...(lost > 0 ? [`${lost} are lost: submit them again elsewhere`] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : 'other nodes hold them, and go on with them';
}

/** Jobs that can't start by then: due later, or for none that takes work. */
export function countUnrunnable(
  ledger: Ledger,
  dispatcher: Dispatcher,
  members: readonly MemberRecord[],
  monotonicMs: number,
): number {
  let count = ledger.counts.queued;
  for (const runnable of dispatcher.runnableCounts()) count -= runnable;
  for (const { state, deadline, spec } of ledger.values()) {
    if (state !== 'delayed') continue;
    const isLate = deadline === null || deadline.atMs > monotonicMs;
    if (isLate || whyNobody(spec, members) !== null) count++;
  }
  return count;
}
