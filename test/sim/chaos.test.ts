import t from 'tap';
import { checkSeeds } from './chaos/check-seeds.js';
import { runChaos } from './chaos/run.js';

t.setTimeout(180_000);

// Some 400 ms a seed; `npm run soak` does any number. `npm test -- --long` has eighty more, in `chaos-more.test.ts`.
t.test('whatever goes wrong, every invariant holds, and in the end all nodes agree', async (t) => {
  checkSeeds(t, 0, 40);
});

t.test('the same seed gives the same run, bit for bit', async (t) => {
  t.equal(runChaos('7').traceHash, runChaos('7').traceHash);
  t.not(runChaos('7').traceHash, runChaos('8').traceHash);
});
