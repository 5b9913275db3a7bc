import '../../support/netns/enter.js';
import { workOverBadNetwork } from '../../support/netns/lossy-run.js';
import { testShaped } from '../../support/netns/shaped-test.js';

for (const lossPercent of [5, 20]) {
  testShaped(
    `over links that lose ${lossPercent} % and are late by 50 ± 20 ms nobody is taken for dead in twenty seconds`,
    (t) => workOverBadNetwork(t, { lossPercent, delayMs: 50, jitterMs: 20 }, 20_000),
  );
}
