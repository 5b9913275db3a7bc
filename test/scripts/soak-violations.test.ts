import t from 'tap';
import type { FaultKind } from '../../scripts/soak-processes/fault-plan.js';
import { checkHistory, type Findings, spreadOf } from '../../scripts/soak-processes/history.js';
import { type Outcome, violationsOf } from '../../scripts/soak-processes/violations.js';

const kinds: readonly FaultKind[] = ['kill'];
const nothing = checkHistory({ events: [], runs: [], faults: [] });

/** A soak in which everything held, but for this. */
function soak(findings: Partial<Findings>, more: Partial<Outcome> = {}): Outcome {
  return {
    findings: { ...nothing, ...findings },
    fired: { kill: 1 },
    isDrained: true,
    problems: [],
    ...more,
  };
}

/** So many times, the last of which is this one. */
function times(count: number, lastMs: number): Findings['takeover'] {
  return spreadOf([...Array.from({ length: count - 1 }, () => 100), lastMs]);
}

t.test('a soak in which everything held has no violations', async (t) => {
  t.strictSame(violationsOf(soak({}), { kinds, checksTimes: true }), []);
});

t.test('lost and unexpected jobs, and a fault that did nothing, are violations', async (t) => {
  const outcome = soak({ lost: [3, 5], unexpected: [7] }, { fired: { kill: 0 }, problems: ['c has ended'] });
  t.strictSame(violationsOf(outcome, { kinds }), [
    'c has ended',
    '2 acknowledged and never run: 3, 5',
    '1 run, and never taken: 7',
    'the fault kill never fired',
  ]);
});

t.test('a time that misses its aim is one where times are judged, and there are 20 of them', async (t) => {
  const checked = { kinds, checksTimes: true };
  for (const finding of ['rerunAfterKill', 'takeover', 'rerunAfterStop'] as const) {
    const aimMs = finding === 'rerunAfterStop' ? 8_000 : 3_000;
    const late = soak({ [finding]: times(20, aimMs + 1) });
    t.match(
      violationsOf(late, checked),
      [new RegExp(`: ${aimMs + 1} ms .* the aim is ${aimMs} ms`)],
      finding,
    );
    t.strictSame(violationsOf(late, { kinds }), [], 'a busy machine may be late');
    t.strictSame(violationsOf(soak({ [finding]: times(20, aimMs) }), checked), [], 'just in time');
    t.strictSame(violationsOf(soak({ [finding]: times(19, aimMs + 1) }), checked), [], 'too few to judge');
    t.strictSame(violationsOf(soak({ [finding]: times(200, aimMs + 1) }), checked), [], 'one of 200 may be');
  }
});
