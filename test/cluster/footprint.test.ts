import t from 'tap';
import { measureIdle } from '../../scripts/bench/idle.js';

/**
 * Generous, so that a busy machine makes no difference: what a node really costs is shown by `npm run measure-idle`,
 * and is to be under 300 ms, 80 MiB and 1 % of a core. This finds a node that polls, leaks or loads what it needn't.
 */
const bounds = { readyMs: 2_000, residentMiB: 90, cpuPercent: 5 };

t.test('an idle node is small, quiet and soon ready', async (t) => {
  const { readyMs, residentMiB, cpuPercent } = await measureIdle(3, 4_000, 3_000);
  t.ok(readyMs.median < bounds.readyMs, `ready after ${Math.round(readyMs.median)} ms`);
  t.ok(residentMiB.most < bounds.residentMiB, `${residentMiB.most.toFixed(1)} MiB`);
  t.ok(cpuPercent.median < bounds.cpuPercent, `${cpuPercent.median.toFixed(2)} % of a core`);
});
