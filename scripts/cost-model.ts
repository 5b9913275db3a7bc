import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureSize } from './bench/cost/cluster-sizes.js';
import { measureSyncs } from './bench/cost/disk-syncs.js';
import {
  type CostFigures,
  figuresPath,
  type PathFigures,
  pagePath,
  readFigures,
  writtenFigures,
} from './bench/cost/figures.js';
import { keptRequest, measureJobMemory, queuedRequest } from './bench/cost/job-memory.js';
import { measuredParts } from './bench/cost/measured-parts.js';
import { measureMemberMemory } from './bench/cost/member-memory.js';
import { renderCostModel } from './bench/cost/page.js';
import { processFigures } from './bench/cost/processes.js';
import { measureReach } from './bench/cost/reach.js';
import { isInMemory, machineFacts } from './bench/machine.js';
import { resultsPath, root } from './bench/pages.js';
import { limitedWays, measurePath } from './bench/path-cost.js';
import { readResults } from './bench/results.js';
import { readOptions, type ScriptUsage } from './script-usage.js';

const usage: ScriptUsage = {
  name: 'cost-model',
  call: 'npm run cost-model -- [--quick | --pages | --processes]',
  text: `
What a job costs in processor time, bytes and memory, and what a cluster costs by its size; and from these what one node, ten and a thousand can be
expected to do. Measures a job's path in one process and its memory, simulates clusters of up to 1,000 nodes, and takes what whole processes cost
from the last run of npm run bench, scripts/bench/results.json. Writes scripts/bench/COST-MODEL.md and cost-model.json. Takes some six minutes.

  --quick      fewer rounds, jobs and nodes, half a minute: prints what it measures, and writes nothing
  --pages      writes the page anew from cost-model.json, and measures nothing
  --processes  the same, after taking what whole processes cost from results.json anew
`,
};

/** What is measured, and how much of it. */
interface Extent {
  readonly rounds: number;
  readonly queuedJobs: number;
  readonly keptJobs: number;
  readonly members: number;
  readonly syncs: number;
  readonly sizes: readonly (readonly [nodes: number, seeds: number])[];
  readonly reach: readonly (readonly [nodes: number, fronts: number, jobsPerSecond: number])[];
}

/** A node keeps 100,000 outcomes at most, and of copies what its limit of bytes allows: half of it, so that none is dropped. */
const whole: Extent = {
  rounds: 300,
  queuedJobs: 100_000,
  keptJobs: 50_000,
  members: 10_000,
  syncs: 2_000,
  sizes: [
    [2, 9],
    [8, 9],
    [10, 9],
    [32, 9],
    [128, 3],
    [512, 1],
    [1_000, 1],
  ],
  reach: [
    [128, 1, 1_000],
    [256, 1, 1_000],
    [256, 256, 2_560],
    [512, 1, 1_000],
    [1_000, 1, 100],
    [1_000, 1, 1_000],
  ],
};

const quick: Extent = {
  rounds: 30,
  queuedJobs: 20_000,
  keptJobs: 20_000,
  members: 1_000,
  syncs: 200,
  sizes: [
    [2, 1],
    [8, 1],
    [32, 1],
  ],
  reach: [[128, 1, 100]],
};

const ways: Readonly<Record<string, string>> = {
  ...limitedWays,
  'SUBMIT, two copies': keptRequest,
  'with a key, one copy': 'RUN noop node=worker key=k{n} copies=1 ttl=0s',
};
const reachSeconds = 5;

function main(): void {
  const values = readOptions(usage, {
    quick: { type: 'boolean', default: false },
    pages: { type: 'boolean', default: false },
    processes: { type: 'boolean', default: false },
  });
  if (values.processes) takeProcesses();
  if (values.pages || values.processes) return writePage();
  const figures = measure(values.quick ? quick : whole);
  if (values.quick) {
    console.log(measuredParts(figures).join('\n\n'));
    tell('Nothing was written: a quick run is a look, not a measurement.');
    return;
  }
  writeFileSync(figuresPath, writtenFigures(figures));
  writePage();
}

function measure(extent: Extent): CostFigures {
  const started = new Date();
  const dataDirectory = isInMemory(tmpdir()) ? join(root, 'dist') : tmpdir();
  // First of all, so that it is known at once if they are missing.
  const processes = processFigures(readResults(resultsPath));
  const paths = Object.entries(ways).map(([way, request]) => pathFigures(way, request, extent.rounds));
  tell('memory ...');
  const memory = {
    queued: measureJobMemory(queuedRequest, extent.queuedJobs),
    kept: measureJobMemory(keptRequest, extent.keptJobs),
    member: measureMemberMemory(extent.members),
  };
  const disk = measureSyncs(dataDirectory, extent.syncs);
  // The largest first, so that the code is compiled when the small ones, which do little, are measured.
  const sizes = [...extent.sizes].reverse().map(([nodes, seeds]) => {
    tell(`${nodes} nodes, simulated ...`);
    return measureSize(nodes, seeds);
  });
  const reach = extent.reach.map(([nodes, fronts, jobsPerSecond]) => {
    tell(`${jobsPerSecond} jobs a second with copies at ${fronts} of ${nodes} nodes, simulated ...`);
    return measureReach({ nodes, fronts, jobsPerSecond, seconds: reachSeconds });
  });
  return {
    startedAt: started.toISOString(),
    minutes: (Date.now() - started.getTime()) / 60_000,
    machine: machineFacts(dataDirectory),
    paths,
    processes,
    memory,
    sizes: sizes.reverse(),
    reach,
    disk,
  };
}

function pathFigures(way: string, request: string, rounds: number): PathFigures {
  tell(`${way} ...`);
  return { way, request, ...measurePath({ request, rounds }) };
}

function takeProcesses(): void {
  const processes = processFigures(readResults(resultsPath));
  writeFileSync(figuresPath, writtenFigures({ ...writtenBefore(), processes }));
}

/** From the file, whose digits are fewer than those that were measured. */
function writePage(): void {
  writeFileSync(pagePath, renderCostModel(writtenBefore()));
  tell(`Written: ${pagePath}, from ${figuresPath}`);
}

function writtenBefore(): CostFigures {
  if (!existsSync(figuresPath))
    throw new Error(`there is no ${figuresPath}: run it without options first, which writes that`);
  return readFigures();
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  main();
} catch (error) {
  tell(`cost-model: ${(error as Error).message}`);
  process.exitCode = 2;
}
