import type { NodeId } from '../ids.js';

/** What a part of the job core may keep for something that is not over. */
export type DebtKind =
  | 'jobs in line'
  | 'lines with jobs'
  | 'starts to come'
  | 'attempts outstanding'
  | 'bytes outstanding'
  | 'resyncs not answered'
  | 'no room granted'
  | 'attempts held'
  | 'ends not acknowledged'
  | 'acknowledgements to send'
  | 'requests that wait'
  | 'time-outs of waits'
  | 'asks not answered'
  | 'time-outs of asks'
  | 'asks taken'
  | 'answers not acknowledged'
  | 'bytes of answers'
  | 'asks to acknowledge'
  | 'answers to acknowledge'
  | 'bytes asked'
  | 'bytes held'
  | 'bytes that check their key'
  | 'asks to abandon'
  | 'submissions that check their key'
  | 'searches for a job'
  | 'lists of jobs'
  | 'unfinished copies'
  | 'copies of jobs handed over'
  | 'writes to the journal'
  | 'changes to copy'
  | 'new jobs to copy'
  | 'changes on their way'
  | 'bytes on their way to holders'
  | 'outcomes to settle'
  | 'jobs handed over'
  | 'copies in doubt'
  | 'jobs in doubt'
  | 'requests that look for a job again'
  | "the node's own requests"
  | 'jobs that others wait for'
  | 'jobs held back'
  | 'bytes that wait for news of other jobs'
  | 'attempts that end'
  | 'requests that stream'
  | 'requests that follow a job'
  | 'bytes of streams that were miscounted'
  | 'streams that have room';

/**
 * One thing that a job core keeps, for a checker to look at: a quiet node owes nothing to anybody, and keeps entries for present
 * members only, with a count of 0.
 */
export interface Debt {
  readonly kind: DebtKind;
  readonly count: number;
  /** Whom it is kept for, where that is another node or this one's own half. */
  readonly node: NodeId | null;
}

/** An entry a node that something is kept for. */
export function debtsByNode<Entry>(
  kind: DebtKind,
  entries: Iterable<readonly [NodeId, Entry]>,
  countOf: (entry: Entry) => number,
): Debt[] {
  return [...entries].map(([node, entry]) => ({ kind, count: countOf(entry), node }));
}
