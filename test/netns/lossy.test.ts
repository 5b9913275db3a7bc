import '../support/netns/enter.js';
import { workOverBadNetwork } from '../support/netns/lossy-run.js';
import { testShaped } from '../support/netns/shaped-test.js';

testShaped(
  'over links that lose 5 % and are late by 50 ± 20 ms nobody is taken for dead, and all jobs are done',
  (t) => workOverBadNetwork(t, { lossPercent: 5, delayMs: 50, jitterMs: 20 }, 5_000),
);
