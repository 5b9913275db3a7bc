import { rate, time } from '../../../src/cli/simulate/figures.js';
import { pathSteps } from '../job-path.js';
import { markdownTable } from '../page.js';
import { numberText } from '../summary.js';
import type { CostFigures, JobMemory, ReachFigures, SizeFigures } from './figures.js';
import { jobMicros, outsideMicros, yardstickMicros } from './model.js';

/** The parts of the page that say what was measured and simulated, without what follows from it. */
export function measuredParts(figures: CostFigures): string[] {
  return [
    pathPart(figures),
    processPart(figures),
    memoryPart(figures),
    sizesPart(figures),
    reachPart(figures),
    diskPart(figures),
  ];
}

function pathPart(figures: CostFigures): string {
  const { paths } = figures;
  const yardstick = yardstickMicros(figures);
  const rows = pathSteps.map((name) => [
    name,
    ...paths.map((path) => {
      const step = path.steps.find((each) => each.step === name);
      return step === undefined ? '' : pathCell(yardstick, step.micros, step.bytes);
    }),
  ]);
  const all = ['**all of them**', ...paths.map((path) => pathCell(yardstick, path.micros, path.bytes))];
  const wire = ['bytes between the nodes', ...paths.map(({ wireBytes }) => numberText(wireBytes))];
  const requests = paths.map(({ way, request }) => `- ${way}: \`${request}\``).join('\n');
  return `## A job, by step

Measured: a job of 100 bytes through two nodes in one process, by the code that nodes run, without sockets, threads and disks. Each cell: µs on this machine, the same as a multiple of
what it takes to parse the job's arguments and write them again (${numberText(yardstick)} µs, one for all columns), and bytes taken from the heap. The multiple is nearer than µs to what other machines and other days show, but
only near: two runs on one machine differ by up to a fifth. Bytes hardly differ. Medians of rounds of 200 jobs, so steps don't add up to the digit.

${markdownTable(['', ...paths.map(({ way }) => way)], [...rows, all, wire])}

${requests}

With two copies the worker is the holder too. Of jobs with a key one in two is owned by the other node, which has to be asked; \`{n}\` is another number for each.`;
}

function pathCell(yardstick: number, micros: number, bytes: number): string {
  return `${numberText(micros)} µs, ${numberText(micros / yardstick)} ×, ${Math.round(bytes).toLocaleString('en-US')} B`;
}

function processPart(figures: CostFigures): string {
  const { processes } = figures;
  const { memory, memoryTwice, durable } = processes;
  const { front, worker } = jobMicros(figures, 'memory, one copy');
  const path = front + worker - outsideMicros(figures);
  const rows = [
    [
      'one copy: both nodes, whole processes',
      `${numberText(front + worker)}: front ${numberText(front)}, worker ${numberText(worker)}`,
    ],
    ['of that on the path above', numberText(path)],
    ['**the rest: sockets, threads, garbage collection**', numberText(outsideMicros(figures))],
    [
      'two copies in memory: both nodes, whole processes',
      `${numberText(memoryTwice.frontMicros + memoryTwice.workerMicros)}: front ${numberText(memoryTwice.frontMicros)}, worker ${numberText(memoryTwice.workerMicros)}`,
    ],
    [
      'durable, two copies: both nodes, whole processes',
      `${numberText(durable.frontMicros + durable.workerMicros)}: front ${numberText(durable.frontMicros)}, worker ${numberText(durable.workerMicros)}`,
    ],
  ];
  const caution = processes.isQuick ? ' **That was a quick run: a look, not a measurement.**' : '';
  return `## A job, with all that is around it

Measured with real processes, by the run of \`npm run bench\` of ${minuteText(processes.startedAt)}${processes.commit === null ? '' : `, commit ${processes.commit}`}.${caution} All threads of a process count. Memory: ${memory.row}, ${numberText(memory.jobsPerSecond)} jobs/s, two copies
${numberText(memoryTwice.jobsPerSecond)}; durable: ${durable.row}, ${numberText(durable.jobsPerSecond)} jobs/s. "The rest" is the difference of two measurements of two runs; a node that is not busy takes more for each job, as it gathers fewer in a turn.

${markdownTable(['', 'CPU µs a job'], rows)}`;
}

function memoryPart({ memory }: CostFigures): string {
  const row = (what: string, bytes: number, counted: number): string[] => [
    what,
    numberText(bytes),
    numberText(counted),
    `${(bytes / counted).toFixed(2)}`,
  ];
  const rowsOf = (what: string, each: JobMemory): string[][] => [
    row(`${what}, its owner`, each.ownerBytes, each.ownerCounted),
    row(`${what}, each further holder`, each.holderBytes, each.holderCounted),
  ];
  const rows = [...rowsOf('a job queued', memory.queued), ...rowsOf('an outcome kept', memory.kept)];
  const whole = (count: number): string => count.toLocaleString('en-US');
  const { member } = memory;
  return `## Memory

Measured in one process, after a collection, with ${whole(memory.queued.jobs)} queued jobs of 100 bytes and ${whole(memory.kept.jobs)} outcomes. "Counted" is what a node holds against its limits: 600 bytes and arguments and
result for a job that it owns, 700 for a copy. Over 1, a node takes more than its limits say.
The holder of the outcomes has run their jobs, too.

${markdownTable(['', 'heap bytes', 'counted', 'ratio'], rows)}

Each other node that a node knows takes ${numberText(member.bytes)} bytes of its heap, measured with ${whole(member.members)}, and ${numberText(member.wireBytes)} bytes in a message with whole records.`;
}

function sizesPart({ sizes }: CostFigures): string {
  const rows = sizes.map((size) => [
    size.nodes.toLocaleString('en-US'),
    numberText(size.messages),
    rate(size.bytes),
    numberText(size.links),
    numberText(size.coreMicros),
    ...([size.changeMs, size.joinMs, size.killMs, size.hangMs] as const).map((ms) =>
      ms === null ? '' : time(ms),
    ),
    `${size.seeds}`,
  ]);
  const head = [
    'nodes',
    'messages',
    'bytes',
    'links',
    'core µs',
    'a change',
    'a join',
    'a kill',
    'a hang',
    'seeds',
  ];
  return `## A cluster in which nothing happens

Simulated: whole node cores over a simulated network of one data centre (${sizesText(sizes)}), none of whose nodes has a job. Messages, bytes of frames and "core µs" are a node's in a second. The
last is processor time of this machine for the node's decisions and the simulated network, without sockets and encoding. The times
are those until all nodes know: of one that drains, one that joins, one that is killed and one that hangs; medians of the seeds, and chance has its part in them.

${markdownTable(head, rows)}`;
}

function sizesText(sizes: readonly SizeFigures[]): string {
  return `up to ${Math.max(...sizes.map(({ nodes }) => nodes)).toLocaleString('en-US')}`;
}

function reachPart({ reach }: CostFigures): string {
  const rows = reach.map((each) => [
    each.nodes.toLocaleString('en-US'),
    each.fronts.toLocaleString('en-US'),
    each.jobsPerSecond.toLocaleString('en-US'),
    `${acknowledgedText(each)} %`,
    time(each.p50Ms),
    time(each.p99Ms),
    `${each.links}`,
  ]);
  const head = ['nodes', 'fronts', 'jobs/s', 'acknowledged', 'p50', 'p99', 'links'];
  return `## Copies in large clusters

Simulated: one node, or all, the fronts, take jobs with two copies for ${secondsText(reach)}; jobs/s are those of all of them. The holder of each is drawn from all nodes; up to 128 others there is a link to it,
above that there may be none, and one has to be made. Times are those until a job is acknowledged, which is when its copy is there; one that is not within 10 s is answered \`UNAVAILABLE\`. Links are those of a front at the end.
What a new link costs its two nodes in processor time is not part of this.

${markdownTable(head, rows)}`;
}

/** No figure is rounded up to all. */
export function acknowledgedText({ acknowledged, jobs }: ReachFigures): string {
  return `${Math.floor((1_000 * acknowledged) / jobs) / 10}`;
}

function secondsText(reach: readonly ReachFigures[]): string {
  const seconds = [...new Set(reach.map(({ jobs, jobsPerSecond }) => jobs / jobsPerSecond))];
  return `${seconds.join(' or ')} s`;
}

function diskPart({ disk, machine }: CostFigures): string {
  return `## The disk

Measured: ${numberText(disk.syncsPerSecond)} syncs a second (\`fdatasync\` after 4 KiB appended, ${disk.syncs.toLocaleString('en-US')} of them, one after the other; ${machine.disk}).`;
}

/** 2030-01-31 08:00 UTC. */
export function minuteText(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
