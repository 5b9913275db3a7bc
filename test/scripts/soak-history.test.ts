import t, { type Test } from 'tap';
import { planFaults } from '../../scripts/soak-processes/fault-plan.js';
import {
  type ClientEvent,
  checkHistory,
  type FaultPeriod,
  type Findings,
  type History,
  type Run,
  spreadOf,
} from '../../scripts/soak-processes/history.js';
import { createRandom } from '../../src/core/random.js';

type Invoke = Extract<ClientEvent, { type: 'invoke' }>;

function invoke(number: number, atMs: number, more: Partial<Invoke> = {}): ClientEvent {
  return { type: 'invoke', number, atMs, node: 'a', durationMs: 0, delayMs: 0, hasKey: false, ...more };
}

function ok(number: number, atMs: number, node = 'a'): ClientEvent {
  return { type: 'ok', number, atMs, node, id: `job-${number}` };
}

function fail(number: number, atMs: number, code = 'BUSY'): ClientEvent {
  return { type: 'fail', number, atMs, node: 'a', code };
}

function unknown(number: number, atMs: number): ClientEvent {
  return { type: 'unknown', number, atMs, node: 'a', why: 'the connection was lost' };
}

function done(number: number, atMs: number, text = JSON.stringify({ n: number })): ClientEvent {
  return { type: 'outcome', number, atMs, node: 'b', outcome: 'done', text };
}

function run(number: number, atMs: number, node = 'a', attempt = 1): Run {
  return { number, attempt, node, atMs };
}

function fault(kind: FaultPeriod['kind'], nodes: readonly string[], fromMs: number, untilMs: number) {
  return { kind, nodes, fromMs, untilMs };
}

/** Two jobs, each acknowledged, run once and done. */
const whole: History = {
  events: [invoke(1, 0), ok(1, 5), done(1, 20), invoke(2, 10), ok(2, 15), done(2, 30)],
  runs: [run(1, 6), run(2, 16, 'b')],
  faults: [],
};

/** What the checker says of that, and of these changes. */
function findingsOf(change: Partial<History>): Findings {
  return checkHistory({ ...whole, ...change });
}

/** These and no other values; t.match would take any list for an empty one. */
function shows(t: Test, findings: Findings, wanted: Partial<Findings>, message = 'findings'): void {
  const shown = Object.keys(wanted).map((key) => [key, findings[key as keyof Findings]]);
  t.strictSame(Object.fromEntries(shown), wanted, message);
}

t.test('a history in which each job was acknowledged, ran once and is done has nothing wrong', async (t) => {
  shows(t, checkHistory(whole), {
    submitted: 2,
    acknowledged: 2,
    unknown: 0,
    refusals: {},
    runs: 2,
    lost: [],
    unexpected: [],
    duplicates: 0,
    duplicatesWithoutFault: 0,
    withoutOutcome: [],
    failed: [],
    wrongResults: [],
  });
});

t.test(
  'a job that was acknowledged and never ran is lost, even if somebody says that it is done',
  async (t) => {
    t.strictSame(findingsOf({ runs: [run(1, 6)] }).lost, [2]);
  },
);

t.test('a job that was neither acknowledged nor refused is not lost', async (t) => {
  const events = [invoke(1, 0), unknown(1, 5), invoke(2, 10), unknown(2, 15)];
  const findings = findingsOf({ events, runs: [run(2, 16)] });
  shows(t, findings, { lost: [], unexpected: [], unknown: 2, unknownThatRan: 1 });
});

t.test('one that was asked again after no answer counts as acknowledged once', async (t) => {
  const events = [invoke(1, 0), unknown(1, 5), invoke(1, 10), ok(1, 15), ok(1, 16)];
  shows(t, findingsOf({ events, runs: [] }), { submitted: 1, acknowledged: 1, unknown: 0, lost: [1] });
});

t.test('a job that nobody submitted is unexpected', async (t) => {
  t.strictSame(findingsOf({ runs: [...whole.runs, run(3, 40)] }).unexpected, [3]);
});

t.test('so is one that every node refused, but not one that only one of two refused', async (t) => {
  const refused = [invoke(3, 0), fail(3, 5, 'DRAINING'), invoke(4, 0), fail(4, 5), invoke(4, 6), ok(4, 9)];
  const findings = findingsOf({
    events: [...whole.events, ...refused],
    runs: [...whole.runs, run(3, 6), run(4, 10)],
  });
  shows(t, findings, { unexpected: [3], refusals: { DRAINING: 1, BUSY: 1 }, lost: [] });
});

t.test('every run beyond the first is a duplicate, and has a fault to explain it or not', async (t) => {
  const runs = [...whole.runs, run(1, 5_000, 'b', 2), run(1, 9_000, 'c', 3), run(2, 40_000, 'c', 2)];
  shows(t, findingsOf({ runs }), { duplicates: 3, duplicatesWithoutFault: 3 });
  const between = fault('stop', ['a'], 2_000, 6_000);
  shows(t, findingsOf({ runs, faults: [between] }), { duplicates: 3, duplicatesWithoutFault: 0 });
  const later = fault('kill', ['a'], 50_000, 60_000);
  shows(t, findingsOf({ runs, faults: [later] }), { duplicatesWithoutFault: 3 });
  const early = fault('kill', ['a'], 6_000, 8_000);
  shows(
    t,
    findingsOf({ runs, faults: [early] }),
    { duplicatesWithoutFault: 1 },
    'only the first run again was before',
  );
});

t.test('a job without an outcome, with that of another, or with a failure, is told', async (t) => {
  const failed: ClientEvent = {
    ...done(2, 30),
    type: 'outcome',
    outcome: 'failed',
    text: 'ERR JOB_FAILED {}',
  };
  shows(t, findingsOf({ events: whole.events.slice(0, 5) }), { withoutOutcome: [2], failed: [] });
  shows(t, findingsOf({ events: [...whole.events.slice(0, 5), failed] }), {
    withoutOutcome: [],
    failed: [2],
  });
  for (const text of ['{"n":1}', 'null', '{"n":', '2'])
    t.strictSame(
      findingsOf({ events: [...whole.events.slice(0, 5), done(2, 30, text)] }).wrongResults,
      [2],
      text,
    );
});

t.test('the time until a job runs again counts from the kill of the node that ran it', async (t) => {
  const events = [1, 2, 3].flatMap((number) => [invoke(number, 0, { durationMs: 500 }), ok(number, 5)]);
  const runs = [
    ...[run(1, 900, 'b'), run(1, 1_300, 'c', 2)],
    ...[run(2, 400, 'b'), run(2, 1_500, 'c', 2)],
    ...[run(3, 900, 'c'), run(3, 1_700, 'b', 2)],
  ];
  const killed = fault('kill', ['b'], 1_000, 2_000);
  const { rerunAfterKill, rerunAfterStop } = checkHistory({ events, runs, faults: [killed] });
  t.strictSame(
    rerunAfterKill,
    { count: 1, p50Ms: 300, p99Ms: 300, maxMs: 300 },
    'job 2 had ended, job 3 ran elsewhere',
  );
  t.equal(rerunAfterStop.count, 0);
});

t.test('after a stop only a start elsewhere counts', async (t) => {
  const events = [1, 2].flatMap((number) => [invoke(number, 0, { durationMs: 500 }), ok(number, 5)]);
  const runs = [
    run(1, 900, 'b'),
    run(1, 4_000, 'b', 2),
    run(1, 5_000, 'c', 2),
    run(2, 900, 'b'),
    run(2, 4_000, 'b'),
  ];
  const stopped = fault('stop', ['b'], 1_000, 9_000);
  const { rerunAfterStop } = checkHistory({ events, runs, faults: [stopped] });
  t.match(rerunAfterStop, { count: 1, maxMs: 4_000 });
});

t.test(
  'a takeover counts from the kill of the owner to the first start of what it still had to start',
  async (t) => {
    const events = [
      ...[invoke(1, 0), ok(1, 5, 'b'), invoke(2, 0), ok(2, 5, 'b'), invoke(3, 0), ok(3, 5, 'c')],
      ...[
        invoke(4, 900, { delayMs: 500 }),
        ok(4, 905, 'b'),
        invoke(5, 900, { delayMs: 5_000 }),
        ok(5, 905, 'b'),
      ],
      ...[invoke(6, 0, { hasKey: true }), ok(6, 5, 'b'), invoke(7, 0), ok(7, 1_200, 'b')],
    ];
    const runs = [
      run(1, 1_800),
      run(2, 600),
      run(3, 1_500),
      run(4, 2_000),
      run(5, 6_000),
      run(6, 2_500),
      run(7, 1_900),
    ];
    const { takeover } = checkHistory({ events, runs, faults: [fault('kill', ['b'], 1_000, 3_000)] });
    t.strictSame(takeover, { count: 2, p50Ms: 800, p99Ms: 1_000, maxMs: 1_000 }, 'jobs 1 and 4 alone');
  },
);

t.test('percentiles are values that were measured', async (t) => {
  t.strictSame(spreadOf([]), { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  t.strictSame(spreadOf(hundred), { count: 100, p50Ms: 50, p99Ms: 99, maxMs: 100 });
});

t.test('each kind of fault is drawn once a round, and the same seed draws the same', async (t) => {
  const kinds = ['kill', 'stop', 'disk', 'rolling', 'partition', 'kill-all'] as const;
  const take = (seed: string) => {
    const plan = planFaults(createRandom(seed), { kinds, nodes: 5, victims: [3, 4] });
    return Array.from({ length: 60 }, () => plan.next().value);
  };
  const drawn = take('1');
  for (let round = 0; round < 60; round += kinds.length) {
    const inRound = drawn.slice(round, round + kinds.length).map(({ kind }) => kind);
    t.strictSame(inRound.sort(), [...kinds].sort());
  }
  for (const each of drawn) {
    if (each.kind === 'kill' || each.kind === 'stop') t.ok(each.node >= 3, 'only victims');
    if (each.kind === 'partition') t.ok([1, 2].includes(each.apart.length), 'one alone, or the lesser half');
    if (each.kind === 'rolling') t.strictSame([...each.order].sort(), [0, 1, 2, 3, 4]);
  }
  t.strictSame(take('1'), drawn);
  t.notSame(take('2'), drawn);
});
