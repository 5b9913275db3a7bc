import t from 'tap';
import { renderChart } from '../../scripts/bench/chart.js';
import { lacksOf } from '../../scripts/bench/completeness.js';
import type { WorkloadId } from '../../scripts/bench/figures.js';
import { renderPage } from '../../scripts/bench/page.js';
import { resultsPath } from '../../scripts/bench/pages.js';
import { measuredText, renderTable, withTable } from '../../scripts/bench/readme-table.js';
import type { Results, RoundFigure } from '../../scripts/bench/results.js';
import { readResults, writtenResults } from '../../scripts/bench/results.js';
import { groupsOf } from '../../scripts/bench/summary.js';
import { targets } from '../../scripts/bench/targets.js';
import { renderTerminal } from '../../scripts/bench/terminal.js';
import { someMachine } from './some-machine.js';

const rondo = 'Rondo, memory, one copy';
const systems = {
  [rondo]: 'rondo',
  'Rondo, durable, two copies': 'rondo',
  Rondo: 'rondo',
  'bare relay': 'ceiling',
  'gearmand -t 4': 'gearman',
  beanstalkd: 'beanstalkd',
  'BullMQ, appendfsync always': 'bullmq',
  'BullMQ, no file': 'bullmq',
};

function figure(
  contender: keyof typeof systems,
  workload: WorkloadId,
  row: string,
  value: number,
  more: Partial<RoundFigure> = {},
): RoundFigure {
  return { round: 1, contender, workload, row, metric: 'rate', unit: 'jobs/s', value, ...more };
}

function resultsOf(figures: readonly RoundFigure[], more: Partial<Results> = {}): Results {
  return {
    startedAt: '2030-01-31T08:00:00.000Z',
    minutes: 42.1,
    rounds: 3,
    isQuick: false,
    machine: someMachine,
    versions: { Rondo: '0.1.0', gearmand: '1.1.20' },
    contenders: Object.entries(systems).map(([name, system]) => ({
      system,
      name,
      settings: `how ${name} runs.`,
    })),
    missing: [],
    measurements: [
      { round: 1, contender: rondo, workload: 'a', seconds: 12, stealPercent: 0.5, failure: null },
    ],
    figures,
    ...more,
  };
}

const inFlight = '1000 in flight';

function verdictOf(id: string, figures: readonly RoundFigure[]) {
  const target = targets.find((each) => each.id === id);
  return target?.judge(groupsOf(resultsOf(figures)));
}

t.test(
  'a figure is the median of the rounds, with the least and the most, the best contender first',
  async (t) => {
    const figures = [10, 30, 20].map((value, index) =>
      figure(rondo, 'a', inFlight, value, { round: index + 1, cpuMicros: { client: value } }),
    );
    const [group] = groupsOf(resultsOf([...figures, figure('bare relay', 'a', inFlight, 100)]));
    t.match(group?.entries, [
      { contender: 'bare relay', median: 100, count: 1, cpuMicros: null },
      { contender: rondo, median: 20, least: 10, most: 30, count: 3, cpuMicros: { client: 20 } },
    ]);
    const times = [
      figure(rondo, 'b', 'one at a time', 300, { metric: 'p50', unit: 'µs' }),
      figure('bare relay', 'b', 'one at a time', 100, { metric: 'p50', unit: 'µs' }),
    ];
    const [latency] = groupsOf(resultsOf(times));
    t.match(
      latency?.entries,
      [{ contender: 'bare relay' }, { contender: rondo }],
      'of times the least first',
    );
  },
);

t.test('a target is met at its very figure, and not below it', async (t) => {
  const beside = (value: number) => [
    figure(rondo, 'a', inFlight, value),
    figure('bare relay', 'a', inFlight, 100_000),
    figure('gearmand -t 4', 'a', inFlight, 60_001),
  ];
  t.match(verdictOf('a-ceiling', beside(60_000)), {
    isMet: true,
    measured: /^0.60 ×: 60,000 and 100,000 jobs/,
  });
  t.match(verdictOf('a-ceiling', beside(59_999)), { isMet: false });
  t.match(verdictOf('a-gearman', beside(60_000)), { isMet: false });
  t.match(verdictOf('a-gearman', beside(60_001)), { isMet: true });
  t.equal(verdictOf('a-moleculer', beside(60_000)), null, 'nothing is said of who was not measured');
});

t.test('enqueueing is judged by its own aim or by beanstalkd, whichever is more', async (t) => {
  const enqueue = (value: number, other: number) => [
    figure(rondo, 'c', 'enqueue', value),
    figure('beanstalkd', 'c', 'enqueue', other),
  ];
  t.match(verdictOf('c-enqueue', enqueue(149_999, 1)), { isMet: false });
  t.match(verdictOf('c-enqueue', enqueue(150_000, 1)), { isMet: true });
  t.match(verdictOf('c-enqueue', enqueue(160_000, 170_000)), { isMet: false });
});

t.test('a target that compares with a system which was not measured is not judged', async (t) => {
  t.equal(verdictOf('c-enqueue', [figure(rondo, 'c', 'enqueue', 200_000)]), null);
});

t.test('a quick run judges nothing, and says so', async (t) => {
  const figures = [figure(rondo, 'a', inFlight, 10), figure('bare relay', 'a', inFlight, 100)];
  const results = resultsOf(figures, { isQuick: true, rounds: 1 });
  for (const text of [renderTerminal(results), renderPage(results, {})]) {
    t.match(text, 'No target is judged: a quick run has hardly measured.');
    t.notMatch(text, /not met/i);
  }
});

t.test('one round has no median and no whiskers', async (t) => {
  const figures = [figure(rondo, 'a', inFlight, 10), figure('bare relay', 'a', inFlight, 100)];
  const results = resultsOf(figures, { rounds: 1, measurements: [] });
  t.match(renderPage(results, {}), 'one round has no spread');
  t.notMatch(renderPage(results, {}), /\| median/);
  t.notMatch(renderChart(results), 'whiskers');
  t.match(renderChart(resultsOf([...figures, figure(rondo, 'a', inFlight, 12, { round: 2 })])), 'whiskers');
});

t.test('a row with keys says what they cost, and so does a part of its own', async (t) => {
  const page = renderPage(
    resultsOf([figure(rondo, 'a', inFlight, 100), figure(rondo, 'a', `${inFlight}, each with a key`, 50)]),
    {},
  );
  t.match(page, '| 1000 in flight, each with a key (0.50 × without), jobs/s |');
  t.match(
    page,
    /## What a key costs\n\n[^#]*\| 1000 in flight, jobs\/s \| Rondo, memory, one copy \| 100 +\| 50\.0 +\| 0\.50 /,
  );
});

t.test('settings that end as others of the same system name those instead', async (t) => {
  const contenders = [
    { system: 'x', name: 'x', settings: 'It has one disk. Jobs are added in batches.' },
    { system: 'x', name: 'x -b', settings: 'It has two disks. Jobs are added in batches.' },
    { system: 'x', name: 'x -c', settings: 'It has two disks. Jobs are added in batches.' },
    { system: 'y', name: 'y', settings: 'It has no disk. Jobs are added in batches.' },
  ];
  const page = renderPage(resultsOf([], { contenders, measurements: [] }), {});
  t.match(page, '- **x -b**: It has two disks. The rest is as for x.\n- **x -c**: As for x -b.\n');
  t.match(page, '- **y**: It has no disk. Jobs are added in batches.');
});

t.test('a page lacks what was not measured, judged, explained, or seen in three rounds', async (t) => {
  const results = readResults(resultsPath);
  const all = { ...results, rounds: 3 };
  const why = Object.fromEntries(targets.map(({ id }) => [id, 'Because.']));
  t.strictSame(lacksOf(all, why), []);
  t.match(lacksOf({ ...all, rounds: 2 }, why), ['rounds: 2, and it takes 3 to see a spread']);
  t.match(lacksOf({ ...all, isQuick: true }, why), [/^it is of a quick run/]);
  const without = (workload: WorkloadId) => all.figures.filter((each) => each.workload !== workload);
  t.match(lacksOf({ ...all, figures: without('g') }, why), [/^workload g was not measured: /]);
  t.match(lacksOf({ ...all, figures: without('c') }, why), [
    /^workload c /,
    /^the target c-enqueue is not judged: /,
  ]);
  const unmet = all.figures.map((each) => ({ ...each, value: each.metric === 'ready' ? 301 : each.value }));
  const { 'k-ready': _, ...others } = why;
  t.match(lacksOf({ ...all, figures: unmet }, others), [
    'limits.json does not say why k-ready is not met: ready: ≤ 300 ms',
  ]);
  t.match(lacksOf({ ...all, figures: unmet }, { ...others, 'k-ready': ' ' }), [
    /^limits.json does not say why k-ready/,
  ]);
});

t.test('durable jobs are compared with the setting that syncs, end to end', async (t) => {
  const durable = (value: number) => [
    figure('Rondo, durable, two copies', 'd', 'end to end', value),
    figure('BullMQ, appendfsync always', 'd', 'end to end', 1_000),
    figure('BullMQ, appendfsync always', 'd', 'enqueue', 50_000),
    figure('BullMQ, no file', 'd', 'end to end', 9_000),
  ];
  t.match(verdictOf('d-bullmq', durable(5_000)), { isMet: true });
  t.match(verdictOf('d-bullmq', durable(4_999)), { isMet: false });
});

t.test('work that waits is to be spread well on every number of nodes', async (t) => {
  const shares = (last: number) =>
    ['1 node', '2 nodes', '3 nodes', '5 nodes', '8 nodes'].map((row, index) =>
      figure(rondo, 'h', row, index === 4 ? last : 99, { metric: 'efficiency', unit: '%' }),
    );
  t.match(verdictOf('h-efficiency', shares(95)), { isMet: true });
  t.match(verdictOf('h-efficiency', shares(94.9)), { isMet: false });
  t.equal(verdictOf('h-efficiency', shares(95).slice(1)), null);
});

t.test('the page says of a target that is not met why, as it was written down', async (t) => {
  const results = resultsOf([figure(rondo, 'a', inFlight, 10), figure('bare relay', 'a', inFlight, 100)]);
  t.match(renderPage(results, { 'a-ceiling': 'Threads cost two messages.' }), 'Threads cost two messages.');
  t.match(renderPage(results, {}), '0.6 of the bare relay.** Why is not known yet.');
  const met = resultsOf([figure(rondo, 'a', inFlight, 90), figure('bare relay', 'a', inFlight, 100)]);
  t.notMatch(renderPage(met, { 'a-ceiling': 'Threads cost two messages.' }), 'Threads cost');
});

t.test('where the same work was slower than elsewhere in the run, the page says so', async (t) => {
  const pageOf = (plain: number): string =>
    renderPage(
      resultsOf([figure(rondo, 'a', inFlight, 50_000), figure(rondo, 'j', 'jobs, plain', plain)]),
      {},
    );
  t.match(pageOf(39_999), '39,999 jobs/s here and 50,000 in workload a');
  t.notMatch(pageOf(40_000), 'had less to give');
});

t.test('the page names settings, versions, the machine, who is missing and what failed', async (t) => {
  const page = renderPage(
    resultsOf([figure(rondo, 'a', inFlight, 10)], {
      missing: [{ system: 'serf', reason: 'no package\nof that name' }],
      measurements: [
        {
          round: 2,
          contender: 'gearmand -t 4',
          workload: 'a',
          seconds: 3,
          stealPercent: 1.5,
          failure: 'it ended with 1: no | port',
        },
      ],
    }),
    {},
  );
  for (const words of [
    '- **gearmand -t 4**: how gearmand -t 4 runs.',
    'Versions: Rondo 0.1.0, gearmand 1.1.20.',
    '2 cores of a processor, 8 GiB of memory, Linux 6 x64, Node v20.0.0; data on ext4 on /dev/sda',
    '- serf: no package of that name',
    'Failed in round 2: gearmand -t 4: it ended with 1: no \\| port',
    '- workload e, a job for each of 100,000 lines: not part of this run',
    '1 of 1 measurements failed',
  ])
    t.match(page, words);
});

t.test("the README's table is written between its marks, and nothing else is touched", async (t) => {
  const results = resultsOf([figure(rondo, 'a', inFlight, 10), figure('gearmand -t 4', 'a', inFlight, 20)]);
  const readme = 'before\n\n<!-- bench -->\n\nold\n\n<!-- /bench -->\n\nafter\n';
  const written = withTable(readme, results);
  t.equal(
    written,
    `before\n\n<!-- bench -->\n\n${renderTable(results)}\n\n${measuredText(results)}\n\n<!-- /bench -->\n\nafter\n`,
  );
  t.equal(measuredText(results), 'Measured 2030-01-31 at commit abc1234, medians of 3 rounds.');
  t.equal(withTable(written, results), written, 'and again the same');
  t.match(written, '10.0 jobs/s (memory, one copy)');
  t.match(written, 'gearmand -t 4 20.0');
  t.throws(() => withTable('no marks', results), /put both where the table/);
});

t.test(
  'the chart has a bar for everybody, whatever their names, and whiskers only where there are rounds',
  async (t) => {
    const results = resultsOf(
      [figure(rondo, 'a', inFlight, 10), figure(rondo, 'a', inFlight, 12, { round: 2 })].concat(
        figure('gearmand -t 4', 'a', inFlight, 2_000),
      ),
    );
    const chart = renderChart(results);
    t.match(chart, `>${rondo}<`);
    t.match(chart, 'logarithmic');
    t.equal(chart.match(/class="whisker"/g)?.length, 1);
    t.notMatch(chart, /NaN|Infinity|undefined/);
    const stranger = { system: 'x', name: 'a < b & c', settings: '' };
    const odd = { ...results, contenders: [...results.contenders, stranger] };
    const oddFigures = [
      figure(rondo, 'a', inFlight, 0),
      { ...figure(rondo, 'a', inFlight, 0), contender: 'a < b & c' },
    ];
    t.match(renderChart({ ...odd, figures: oddFigures }), 'a &lt; b &amp; c');
    const alone = renderChart({ ...results, figures: oddFigures.slice(0, 1) });
    t.notMatch(alone, `>${rondo}<`, 'of Rondo alone there is nothing to compare');
  },
);

t.test('what is written down is read again as it was', async (t) => {
  const results = resultsOf([figure(rondo, 'a', inFlight, 10.5), figure('bare relay', 'a', inFlight, 100)]);
  t.strictSame(JSON.parse(writtenResults(results)), results);
  const empty = resultsOf([], { measurements: [] });
  t.strictSame(JSON.parse(writtenResults(empty)), empty);
});

t.test('who sits in front of it sees the figures and the targets', async (t) => {
  const results = resultsOf([figure(rondo, 'a', inFlight, 10), figure('bare relay', 'a', inFlight, 100)]);
  t.match(renderTerminal(results), /1000 in flight, jobs\/s[^\n]*Rondo, memory, one copy[^\n]*10\.0/);
  t.match(renderTerminal(results), /0\.6 of the bare relay[^\n]*NOT MET/);
});
