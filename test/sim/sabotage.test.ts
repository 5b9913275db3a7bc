import t from 'tap';
import { type SabotageName, sabotages } from '../../src/sim/sabotage.js';
import { type Invariant, InvariantViolation } from '../../src/sim/violation.js';
import { runChaos } from './chaos/run.js';

t.setTimeout(180_000);

/** A checker that has never failed proves nothing. Each way to spoil nodes is found by one of these, within so many seeds. */
const foundBy: Readonly<Record<SabotageName, readonly Invariant[]>> = {
  dropTombstones: [2, 3],
  noRepair: [5],
  endlessSuspicion: [7],
  acceptOldIncarnation: [2, 3],
  refuteWithoutRaising: [4],
  skipStartSync: [1, 21],
  acknowledgeBeforeCopying: [10],
  acknowledgeAtCopiesMinusOne: [10],
  acceptOldEpoch: [13, 17],
  twoCopiesOnOneNode: [10],
  skipJournalSync: [9, 10],
  noCopyRepair: [15],
};
const seedsMax = 100;

for (const sabotage of Object.keys(sabotages) as SabotageName[]) {
  t.test(`${sabotage} is found`, async (t) => {
    const found = findFirst(sabotage);
    if (found === null) {
      t.fail(`not in ${seedsMax} seeds`);
      return;
    }
    const { violation, seed } = found;
    t.pass(`by invariant ${violation.invariant}, with seed ${seed}`);
    t.match(violation.message, `npm run soak -- --seed ${seed} --sabotage ${sabotage}`);
    t.equal(runChaos(seed).violation, null, 'and not without it');
  });
}

/** What follows from it, and breaks another promise first, doesn't count: the checker must name what is wrong. */
function findFirst(sabotage: SabotageName): { seed: string; violation: InvariantViolation } | null {
  for (let seed = 0; seed < seedsMax; seed++) {
    const { violation } = runChaos(String(seed), { sabotage });
    if (violation instanceof InvariantViolation && foundBy[sabotage].includes(violation.invariant))
      return { seed: String(seed), violation };
  }
  return null;
}
