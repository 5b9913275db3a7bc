import t from 'tap';
import { CollectionPlan, growthPercentFor, type HeapLook } from '../../src/node/idle-collection.js';

const mib = 1024 * 1024;

/** One look a second; the heap that each pass leaves is the next of `heapsMiB`. */
function decisions(looks: readonly (Partial<HeapLook> & { heapMiB: number })[]): boolean[] {
  const plan = new CollectionPlan(30 * mib);
  return looks.map(({ heapMiB, ...look }) =>
    plan.look({ utilization: 0.01, keptBytes: 0, clientBytes: 0, ...look, heapBytes: heapMiB * mib }),
  );
}

t.test('after a burst, a quiet node collects twice, and no more', async (t) => {
  const burst = { heapMiB: 100, utilization: 0.9 };
  const looks = [
    burst,
    { heapMiB: 100 },
    { heapMiB: 100 },
    { heapMiB: 70 },
    { heapMiB: 45 },
    { heapMiB: 46 },
  ];
  t.strictSame(decisions(looks), [false, false, true, true, false, false]);
});

t.test('growth counts from what the last round has left', async (t) => {
  const round = [{ heapMiB: 100 }, { heapMiB: 100 }, { heapMiB: 70 }, { heapMiB: 60 }];
  t.strictSame(decisions([...round, { heapMiB: 67.9 }, { heapMiB: 68 }]).slice(4), [false, true]);
});

t.test('a heap that has not grown is left alone', async (t) => {
  t.strictSame(decisions([{ heapMiB: 30 }, { heapMiB: 37.9 }, { heapMiB: 37.9 }, { heapMiB: 37.9 }]), [
    false,
    false,
    false,
    false,
  ]);
});

t.test('a node at work is not held up, and a pause in it is not yet rest', async (t) => {
  const busy = { heapMiB: 100, utilization: 0.11 };
  t.strictSame(decisions([busy, busy, { heapMiB: 100 }, busy, { heapMiB: 100 }]), [
    false,
    false,
    false,
    false,
    false,
  ]);
});

t.test('work that comes between the two passes puts the second off', async (t) => {
  const looks = [{ heapMiB: 100 }, { heapMiB: 100 }, { heapMiB: 90, utilization: 0.5 }];
  t.strictSame(decisions([...looks, { heapMiB: 90 }, { heapMiB: 90 }, { heapMiB: 60 }]), [
    false,
    true,
    false,
    false,
    true,
    true,
  ]);
});

t.test('a node that keeps much does not stop for it, until it keeps less', async (t) => {
  const full = { heapMiB: 200, keptBytes: 64 * mib + 1 };
  t.strictSame(decisions([full, full, full, { heapMiB: 200 }, { heapMiB: 200, keptBytes: 64 * mib }]), [
    false,
    false,
    false,
    false,
    true,
  ]);
});

t.test('what was alive at the last round, and is garbage now, is collected', async (t) => {
  const receiving = { heapMiB: 230, clientBytes: 200 * mib };
  t.strictSame(decisions([receiving, receiving, receiving, receiving]), [false, false, false, false]);
  t.strictSame(decisions([receiving, receiving, { heapMiB: 230 }]), [false, false, true]);
  const keeping = { heapMiB: 70, keptBytes: 40 * mib };
  t.strictSame(decisions([keeping, keeping, { heapMiB: 70 }]), [false, false, true]);
});

t.test('the heap of a node that keeps much grows by less, until it keeps less', async (t) => {
  t.equal(growthPercentFor(64 * mib, 90 * mib), 0);
  t.equal(growthPercentFor(64 * mib + 1, 90 * mib), 40);
  t.equal(growthPercentFor(64 * mib + 1, 900 * mib), 40);
});

t.test('the heap of a node that keeps little has room to grow, unless a handler has much', async (t) => {
  t.equal(growthPercentFor(0, 20 * mib), 300);
  t.equal(growthPercentFor(16 * mib, 128 * mib), 300);
  t.equal(growthPercentFor(16 * mib + 1, 90 * mib), 0);
  t.equal(growthPercentFor(0, 128 * mib + 1), 0);
});
