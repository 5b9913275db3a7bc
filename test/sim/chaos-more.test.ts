import t from 'tap';
import { checkSeeds } from './chaos/check-seeds.js';

t.setTimeout(180_000);

t.test('whatever else goes wrong, every invariant holds, and in the end all nodes agree', async (t) => {
  checkSeeds(t, 40, 120);
});
