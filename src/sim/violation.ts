/** What must hold, by its number in the list that the checks are written against. */
export const invariantNames = {
  1: 'only a node raises its own incarnation, and it never falls, restarts included',
  2: 'a view only moves up the order of merging',
  3: 'no member is alive again at the incarnation at which it was dead',
  4: 'a node that hears it is suspect or dead refutes',
  5: 'after faults all live views are equal and right, within a bound',
  6: 'without faults no live node is declared dead',
  7: 'every suspicion ends',
  8: 'links stay within their cap, and settle at one a pair',
  9: 'an acknowledged job is never lost with fewer nodes than hold it',
  10: 'an acknowledged job has as many holders as was said',
  11: 'every acknowledged job reaches an outcome',
  12: 'nothing runs that was not submitted',
  13: 'nothing starts where its outcome is known',
  14: 'without faults every job runs exactly once',
  15: 'copies are made again',
  16: 'round-robin counts differ by at most one',
  17: 'a job has at most one accepted outcome',
  18: 'every queue is within its limit',
  21: 'what is recovered from disk is valid',
  22: 'what comes after other jobs starts when they are done',
  23: 'a schedule fires for each of its times until it is cancelled, and for no other',
  24: 'an end that a client was told of stays, and the job starts no more, unless it is put back',
  25: 'who follows a job is told all that its attempts yield, in order, before its outcome',
} as const;

export type Invariant = keyof typeof invariantNames;

export interface ViolationPlace {
  readonly nowMs: () => number;
  readonly seed: string;
  /** The command that repeats the run. */
  readonly replay: string;
}

/** A run in which something did not hold: which, when, at which node, and how to see it again. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';

  constructor(
    readonly invariant: Invariant,
    readonly node: string,
    what: string,
    { nowMs, seed, replay }: ViolationPlace,
  ) {
    super(
      `invariant ${invariant} (${invariantNames[invariant]}) does not hold at ${node}, ` +
        `${(nowMs() / 1000).toFixed(3)} s, seed ${seed}: ${what}\nrepeat it with: ${replay}`,
    );
  }
}
