import { drawPlan, faultKinds } from './plan.js';
import { clientFacts, metKinds, runChaos } from './run.js';

interface Assertions {
  ok(value: unknown, name: string): unknown;
  fail(message: string): unknown;
}

/** What must have happened in every sixty seeds, or it was not tested. */
const firedMin = 5;
const calmMin = 2;

/** Runs seeds; in each everything must hold, and over all of them everything must have gone wrong that can, and have been asked for. */
export function checkSeeds(t: Assertions, from: number, to: number): void {
  const fired = new Map<string, number>();
  let calm = 0;
  for (let seed = from; seed < to; seed++) {
    const { violation, fired: firedHere, met, clients } = runChaos(String(seed));
    if (violation !== null) t.fail(violation.message);
    for (const [kind, count] of [...firedHere, ...met, ...clients])
      fired.set(kind, (fired.get(kind) ?? 0) + count);
    if (drawPlan(String(seed)).isCalm) calm++;
  }
  for (const kind of [...faultKinds, ...metKinds, ...clientFacts])
    t.ok((fired.get(kind) ?? 0) >= firedMin, `${kind} fired ${fired.get(kind) ?? 0} times`);
  t.ok(calm >= calmMin, `${calm} runs are without faults`);
}
