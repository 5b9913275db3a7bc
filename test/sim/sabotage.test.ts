import t from 'tap';
import { type SabotageName, sabotages } from '../../src/sim/sabotage.js';
import { type Invariant, InvariantViolation } from '../../src/sim/violation.js';
import { runChaos } from './chaos/run.js';

/** A checker that has never failed proves nothing. Each way to spoil nodes is found by one of these, within so many seeds. */
const foundBy: Readonly<Record<SabotageName, readonly Invariant[]>> = {
  dropTombstones: [2, 3],
  noRepair: [5],
  endlessSuspicion: [7],
  acceptOldIncarnation: [2, 3],
  refuteWithoutRaising: [4],
  skipStartSync: [1, 21],
};
const seedsMax = 40;

for (const sabotage of Object.keys(sabotages) as SabotageName[]) {
  t.test(`${sabotage} is found`, async (t) => {
    const { violation, seed } = findFirst(sabotage);
    if (!(violation instanceof InvariantViolation)) {
      t.fail(violation?.stack ?? `not in ${seedsMax} seeds`);
      return;
    }
    t.ok(
      foundBy[sabotage].includes(violation.invariant),
      `by invariant ${violation.invariant}, with seed ${seed}`,
    );
    t.match(violation.message, `npm run soak -- --seed ${seed} --sabotage ${sabotage}`);
    t.equal(runChaos(seed).violation, null, 'and not without it');
  });
}

function findFirst(sabotage: SabotageName): { seed: string; violation: Error | null } {
  for (let seed = 0; seed < seedsMax; seed++) {
    const { violation } = runChaos(String(seed), sabotage);
    if (violation !== null) return { seed: String(seed), violation };
  }
  return { seed: '', violation: null };
}
