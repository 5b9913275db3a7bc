import { readFileSync } from 'node:fs';
import t from 'tap';
import { measureSize } from '../../scripts/bench/cost/cluster-sizes.js';
import {
  type CostFigures,
  type PathFigures,
  pagePath,
  readFigures,
  type SizeFigures,
  writtenFigures,
} from '../../scripts/bench/cost/figures.js';
import * as model from '../../scripts/bench/cost/model.js';
import { renderCostModel } from '../../scripts/bench/cost/page.js';
import { processFigures } from '../../scripts/bench/cost/processes.js';
import { measureReach } from '../../scripts/bench/cost/reach.js';
import { JobPath } from '../../scripts/bench/job-path.js';
import { resultsPath } from '../../scripts/bench/pages.js';
import { type Results, readResults } from '../../scripts/bench/results.js';
import { someMachine } from './some-machine.js';

function path(way: string, micros: number): PathFigures {
  const steps = [
    { step: 'front: read the line', micros: micros / 4, bytes: 10 },
    { step: 'worker: read them', micros: (3 * micros) / 4, bytes: 10 },
  ] as const;
  const request = 'RUN noop';
  return { way, request, micros, yardstickMicros: 2, ratio: micros / 2, bytes: 20, wireBytes: 200, steps };
}

function size(nodes: number, messages: number, coreMicros: number): SizeFigures {
  const times = { changeMs: 1, joinMs: 2, killMs: 3, hangMs: null };
  return { nodes, seeds: 1, messages, bytes: 30, links: nodes - 1, coreMicros, ...times };
}

/** Round numbers, so that what follows from them can be seen. */
const figures: CostFigures = {
  startedAt: '2030-01-31T08:00:00.000Z',
  minutes: 5,
  machine: { ...someMachine, commit: null },
  paths: [path('memory, one copy', 8), path('memory, two copies', 16)],
  processes: {
    startedAt: '2030-01-30T08:00:00.000Z',
    isQuick: false,
    commit: 'abc1234',
    memory: { row: '1000 in flight', jobsPerSecond: 40_000, frontMicros: 20, workerMicros: 30 },
    memoryTwice: { row: '1000 in flight', jobsPerSecond: 20_000, frontMicros: 40, workerMicros: 60 },
    durable: { row: 'end to end', jobsPerSecond: 10_000, frontMicros: 40, workerMicros: 60 },
    idlePercent: 0.5,
    onOneMachine: [{ nodes: 2, jobsPerSecond: 20_000, cpuMicros: 40 }],
  },
  memory: {
    queued: { jobs: 10, ownerBytes: 500, ownerCounted: 2_048, holderBytes: 700, holderCounted: 800 },
    kept: { jobs: 10, ownerBytes: 600, ownerCounted: 600, holderBytes: 700, holderCounted: 700 },
    member: { members: 100, bytes: 1_000, wireBytes: 90 },
  },
  sizes: [size(8, 4, 1_000), size(10, 4, 1_000), size(1_000, 5, 45_000)],
  reach: [
    {
      nodes: 1_000,
      fronts: 1,
      jobsPerSecond: 100,
      jobs: 500,
      acknowledged: 500,
      p50Ms: 3,
      p99Ms: 6,
      links: 192,
    },
    {
      nodes: 1_000,
      fronts: 1,
      jobsPerSecond: 1_000,
      jobs: 5_000,
      acknowledged: 4_999,
      p50Ms: 3,
      p99Ms: 6,
      links: 192,
    },
  ],
  disk: { syncs: 100, syncsPerSecond: 500 },
};

t.test('a job costs what its processes take, and the rest of that is not on its path', async (t) => {
  t.strictSame(model.jobMicros(figures, 'memory, one copy'), { front: 20, worker: 30 });
  t.strictSame(model.jobMicros(figures, 'durable, two copies'), { front: 40, worker: 60 });
  t.equal(model.outsideMicros(figures), 42);
  t.strictSame(model.jobMicros(figures, 'memory, two copies'), { front: 40, worker: 60 });
});

t.test('a node without jobs takes what its core does, and what an idle process shows beside', async (t) => {
  // 0.5 % of a core are 5,000 µs a second, 1,000 of them the core's.
  t.equal(model.baseMicros(figures), 4_000);
  t.equal(model.idleShare(figures, 1), 0.004, 'a node by itself is a process, too');
  t.equal(model.idleShare(figures, 8), 0.005, 'as it was measured');
  t.equal(model.idleShare(figures, 1_000), 0.049);
  const idle = { ...figures, processes: { ...figures.processes, idlePercent: 0.01 } };
  t.equal(model.baseMicros(idle), 0, 'nothing is less than nothing');
});

t.test('nodes add up where clients talk to all of them', async (t) => {
  t.equal(model.rateOverAll(figures, 'memory, one copy', 1), 0.996 * 20_000);
  t.equal(model.rateOverAll(figures, 'memory, one copy', 1_000), 1_000 * 0.951 * 20_000);
  t.equal(model.rateOverAll(figures, 'memory, two copies', 1_000), 1_000 * 0.951 * 10_000);
  t.equal(model.rateOverAll(figures, 'memory, two copies', 1), null, 'one node keeps one copy');
});

t.test('one node that all clients talk to is the limit, or those that run the jobs are', async (t) => {
  const free = 0.995;
  t.match(model.rateThroughOne(figures, 'memory, one copy', 10), {
    jobsPerSecond: 50_000 * free,
    limit: 'front',
  });
  const heavy = { ...figures.processes.memory, workerMicros: 1_000 };
  const slow = { ...figures, processes: { ...figures.processes, memory: heavy } };
  t.match(model.rateThroughOne(slow, 'memory, one copy', 10), {
    jobsPerSecond: 9 * 1_000 * free,
    limit: 'workers',
  });
  t.equal(model.rateThroughOne(figures, 'memory, one copy', 1), null);
  t.equal(model.frontRateOfPath(figures), 500_000, "its front's steps take 2 µs");
});

t.test('memory is that of owners and holders, spread over the nodes', async (t) => {
  t.equal(Math.round(model.queueBytes(figures, 1_000, 1)), 700_000);
  t.equal(Math.round(model.queueBytes(figures, 1_000, 10)), 168_000);
  t.equal(model.queuedMax(figures), 2 ** 19, 'a GiB of 2,048 counted bytes each');
  t.equal(model.memberListBytes(figures, 1_000), 999_000);
});

t.test('commits have to gather what the processor does between two of them', async (t) => {
  t.equal(Math.round(model.jobsPerCommit(figures)), Math.round(1e6 / 60 / 500));
  t.equal(model.durableLeastMs(figures), 4);
});

t.test('links go to everybody up to 128 others, and to few of a thousand', async (t) => {
  t.equal(model.linksKept(129), 128);
  t.equal(model.linkedPart(129), 1);
  t.equal(model.linksKept(130), 96);
  t.equal(model.linkedPart(1_000), 96 / 999);
});

t.test('the page has what follows, and calls nothing all that is not', async (t) => {
  const page = renderCostModel(figures);
  for (const words of [
    '19,900',
    '50,000',
    '19,000,000',
    'with 100 jobs/s at one front, 100 % are acknowledged',
    'with 1,000 jobs/s at one front, 99.9 % are acknowledged',
    '524,288 unfinished jobs',
    'commit abc1234',
  ])
    t.match(page, words);
  t.notMatch(page, /NaN|Infinity|undefined|null/);
  t.notMatch(page, 'quick run');
  const looked = { ...figures, processes: { ...figures.processes, isQuick: true } };
  t.match(renderCostModel(looked), 'That was a quick run');
});

t.test('the page that is there agrees with its figures, and so do these with themselves', async (t) => {
  const written = readFigures();
  t.equal(readFileSync(pagePath, 'utf8'), renderCostModel(written), 'run npm run cost-model -- --pages');
  t.strictSame(JSON.parse(writtenFigures(written)), written);
  for (const nodes of model.modelledSizes) if (nodes > 1) t.ok(model.sizeOf(written, nodes).messages > 0);
});

t.test('what processes take is read from the results, and what is missing is named', async (t) => {
  const results = readResults(resultsPath);
  const { memory, memoryTwice, durable, idlePercent, onOneMachine } = processFigures(results);
  t.ok(memoryTwice.frontMicros > memory.frontMicros, 'a second copy costs something');
  t.ok(onOneMachine.length > 1);
  t.ok(memory.frontMicros > 0 && durable.workerMicros > 0 && idlePercent >= 0);
  const without: Results = {
    ...results,
    figures: results.figures.filter(({ workload }) => workload !== 'd'),
  };
  t.throws(() => processFigures(without), /no figures of workload d .* run npm run bench first/);
});

t.test('a SUBMIT counts until its job is over, and each line may have a key of its own', async (t) => {
  const submitted = new JobPath('SUBMIT noop node=worker copies=1');
  submitted.run(submitted.lines(50), (_, run) => run());
  t.equal(submitted.front.core.jobs.ledger.counts.done, 50);
  const keyed = new JobPath('RUN noop node=worker key=k{n} copies=1');
  keyed.run(keyed.lines(50), (_, run) => run());
  const done = keyed.front.core.jobs.ledger.counts.done + keyed.worker.core.jobs.ledger.counts.done;
  t.equal(done, 50, 'none was taken for another one');
});

t.test('a small cluster costs something, and learns of a join and of both kinds of death', async (t) => {
  const { messages, links, joinMs, killMs, hangMs } = measureSize(2, 1);
  t.ok(messages > 1 && messages < 10, `${messages} messages a node and second`);
  t.equal(links, 1);
  for (const [what, ms] of Object.entries({ joinMs, killMs, hangMs })) t.ok(ms !== null && ms > 0, what);
});

t.test('in a full mesh all copies are there at once', async (t) => {
  const { jobs, acknowledged, p99Ms } = measureReach({ nodes: 8, fronts: 8, jobsPerSecond: 100, seconds: 1 });
  t.equal(jobs, 100);
  t.equal(acknowledged, 100);
  t.ok(p99Ms < 20, `${p99Ms} ms`);
});
