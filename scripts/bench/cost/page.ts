import { rate, time } from '../../../src/cli/simulate/figures.js';
import { limits } from '../../../src/core/limits.js';
import { defaultLinksConfig } from '../../../src/core/links/config.js';
import { markdownTable } from '../page.js';
import { numberText } from '../summary.js';
import type { CostFigures, ReachFigures } from './figures.js';
import { acknowledgedText, measuredParts, minuteText } from './measured-parts.js';
import {
  baseMicros,
  durableLeastMs,
  frontRateOfPath,
  heapGrowth,
  idleShare,
  jobMicros,
  jobsPerCommit,
  linkedPart,
  linksKept,
  memberListBytes,
  messagesFactor,
  modelledSizes,
  pathOf,
  promises,
  queueBytes,
  queuedMax,
  rateOverAll,
  rateThroughOne,
} from './model.js';

/** COST-MODEL.md. */
export function renderCostModel(figures: CostFigures): string {
  return `${[
    introduction(figures),
    ...measuredParts(figures),
    symbolsPart(figures),
    expectedPart(figures),
    limitsPart(figures),
    machinePart(figures),
  ].join('\n\n')}\n`;
}

function introduction({ startedAt, minutes }: CostFigures): string {
  return `# What a job costs, and what follows from it

Written by \`npm run cost-model\`, which measures on one machine what a job takes, simulates what a cluster takes, and computes from both what one node, ten and a thousand can be expected to do, and which
limit comes first. Each part says which of the three it is. This run began ${minuteText(startedAt)} and took ${Math.max(1, Math.round(minutes))} minutes.
How fast it really is beside others, [the results](RESULTS.md) say.`;
}

function symbolsPart(figures: CostFigures): string {
  const one = jobMicros(figures, 'memory, one copy');
  const two = jobMicros(figures, 'memory, two copies');
  const durable = jobMicros(figures, 'durable, two copies');
  const { idlePercent } = figures.processes;
  const rows = [
    ['n', 'nodes, each with a core', ''],
    [
      'F, W',
      'µs of the front and of the worker for a job, measured',
      `${numberText(one.front)}, ${numberText(one.worker)}; two copies in memory ${numberText(two.front)}, ${numberText(two.worker)}; durable ${numberText(durable.front)}, ${numberText(durable.worker)}`,
    ],
    ['c(n)', "a node's core µs a second, simulated; 0 for n = 1", 'in the table of clusters'],
    [
      'x',
      `µs a second that an idle node takes beyond its core, whatever n is: 10⁴ · ${numberText(idlePercent)} − c(8), at least 0; one of 8 idle nodes takes ${numberText(idlePercent)} % of a core, measured by that run of \`npm run bench\``,
      numberText(baseMicros(figures)),
    ],
    ['s(n)', 'part of a core that a node takes without a job: (c(n) + x) / 10⁶', 'below'],
    [
      'o, h',
      'heap bytes of a queued job at its owner and at a holder, measured',
      `${numberText(figures.memory.queued.ownerBytes)}, ${numberText(figures.memory.queued.holderBytes)}`,
    ],
    ['d', 'syncs of the disk a second, measured', numberText(figures.disk.syncsPerSecond)],
  ];
  return `## The model

Computed from here on. A job costs F at the node that its client talks to and W at the one that runs it, which with two copies is the holder as well (a third node costs a little more); nothing else is shared, so nodes
that have a core each add up. What an idle node takes beyond its core is timers, collections and the sockets of messages; it is taken as the same for all n, and if all of it were
the messages', it would be ${messagesFactor(figures, 1_000).toFixed(2)} × that at a thousand nodes, as these send hardly more of them. A node counts as one core for all that its process does; its handlers and part of the collections run on
threads of their own, so with more cores it does somewhat more than this. A handler's own work comes on top.

${markdownTable(['', 'what', 'value'], rows)}

${sharedPart(figures)}`;
}

/** What the results have of more nodes is no check of this: they all share the cores of one machine. */
function sharedPart({ processes, machine }: CostFigures): string {
  const rows = processes.onOneMachine.map(({ nodes, jobsPerSecond, cpuMicros }) => [
    `${nodes}`,
    wholeText(jobsPerSecond),
    numberText(cpuMicros),
    wholeText((machine.cores * 1e6) / cpuMicros),
  ]);
  const text = `What [the results](RESULTS.md) have of no-op jobs on more and more nodes is no check of this: there all nodes and the client share the ${machine.cores} cores of one machine, so that several nodes run fewer
jobs a second than one. Measured there, and on the same base, what those cores could do if they did nothing else and no process ever waited for another:`;
  const head = [
    'nodes on one machine',
    'jobs/s, measured',
    'CPU µs a job, nodes and client',
    `${machine.cores} cores / that`,
  ];
  const after =
    'The rest of the time goes by while one waits for another: jobs come through one connection and one front, whose main thread is the limit, and it has a core only when no other node\nand not the client has it.';
  return `${text}\n\n${markdownTable(head, rows)}\n\n${after} So the table below is for nodes with a core each, and has not been measured on as many machines.`;
}

function expectedPart(figures: CostFigures): string {
  const rows = [...rateRows(figures), ...otherRows(figures)];
  const head = [
    '',
    'formula',
    ...modelledSizes.map((nodes) => (nodes === 1 ? '1 node' : `${nodes.toLocaleString('en-US')} nodes`)),
  ];
  return `## What can be expected

${markdownTable(head, rows)}

A node by itself sends nothing to another one and does somewhat more than this. The last column has no limit but the processor's: with two copies, that of links comes before it.`;
}

function rateRows(figures: CostFigures): string[][] {
  return promises.flatMap((promise) => {
    const own = promise === 'memory, one copy' ? '' : `, F and W of ${promise}`;
    return [
      [
        `${promise}, clients at all nodes: jobs/s`,
        `n · 10⁶ · (1 − s) / (F + W)${own}`,
        ...modelledSizes.map((nodes) => wholeText(rateOverAll(figures, promise, nodes))),
      ],
      [
        `${promise}, all clients at one node: jobs/s`,
        `the least of 10⁶ · (1 − s) / F and (n − 1) · 10⁶ · (1 − s) / W${own}`,
        ...modelledSizes.map((nodes) => {
          const through = rateThroughOne(figures, promise, nodes);
          return through === null ? '' : `${wholeText(through.jobsPerSecond)} (${through.limit})`;
        }),
      ],
    ];
  });
}

function otherRows(figures: CostFigures): string[][] {
  const twoCopies = pathOf(figures, 'memory, two copies');
  const each = (cell: (nodes: number) => string): string[] => modelledSizes.map((nodes) => cell(nodes));
  return [
    [
      'a node without jobs: part of a core',
      's(n)',
      ...each((nodes) => `${numberText(100 * idleShare(figures, nodes))} %`),
    ],
    [
      '10⁶ jobs queued over all nodes, two copies from two nodes on: memory a node',
      `${heapGrowth} · 10⁶ · (o + h) / n; o alone for n = 1; the heap grows by 40 % before it is collected`,
      ...each((nodes) => mebibytes(queueBytes(figures, 1e6, nodes))),
    ],
    [
      'what a node knows of the others: memory',
      `${numberText(figures.memory.member.bytes)} · (n − 1)`,
      ...each((nodes) => mebibytes(memberListBytes(figures, nodes))),
    ],
    [
      'bytes between the nodes, sent by each at the rate of two copies in memory, clients at all nodes',
      `that rate · ${numberText(twoCopies.wireBytes)} / n, measured bytes a job`,
      ...each((nodes) => {
        const jobsPerSecond = rateOverAll(figures, 'memory, two copies', nodes);
        return jobsPerSecond === null ? '' : rate((jobsPerSecond * twoCopies.wireBytes) / nodes);
      }),
    ],
    [
      'links a node keeps',
      'n − 1 up to 128, above that 32 + 64 for work',
      ...each((nodes) => `${linksKept(nodes)}`),
    ],
    [
      'durable, by itself: ms at least',
      '2 · 10³ / d',
      ...each((nodes) => (nodes === 1 ? '' : numberText(durableLeastMs(figures)))),
    ],
  ];
}

function limitsPart(figures: CostFigures): string {
  return `## Where the next limit is

Computed, but where it says otherwise; in the order in which they come for a cluster that grows.

${[processorLimit(figures), commitLimit(figures), queueLimit(figures), linksLimit(figures), membersLimit(figures)].map((text, index) => `${index + 1}. ${text}`).join('\n')}`;
}

function processorLimit(figures: CostFigures): string {
  const through = rateThroughOne(figures, 'memory, one copy', 10);
  const dearest = [...pathOf(figures, 'memory, one copy').steps]
    .filter(({ step }) => step.startsWith('front:'))
    .sort((a, b) => b.micros - a.micros)
    .slice(0, 2)
    .map(({ step, micros }) => `"${step}" with ${numberText(micros)} µs`);
  return `**The main thread of the node that clients talk to**: ${wholeText(through?.jobsPerSecond ?? null)} jobs/s at ten nodes, however many run the jobs (limit: ${through?.limit}). A second node to talk to doubles
   it: a job's owner is whichever node its client talks to, and owners share nothing. What lies in the code of a job itself would let one node do ${wholeText(frontRateOfPath(figures))} a second; the rest of F is sockets, gathering and
   garbage collection, so fewer turns and fewer bytes a job lift it first, then the dearest steps, ${dearest.join(' and ')}.`;
}

function commitLimit(figures: CostFigures): string {
  return `**Syncs of the journal**, for durable jobs: a node commits what one turn and the commit before have gathered. From ${numberText(jobsPerCommit(figures))} jobs a commit on (10⁶ / max(F, W) / d, durable F and W) its processor is the limit and not
   this disk; with fewer in flight it is the disk. A disk that syncs a tenth as often needs ten times as many in flight, and makes one job by itself ten times as slow. More in flight lifts it, or a disk that syncs faster.`;
}

function queueLimit(figures: CostFigures): string {
  const { ownerCounted } = figures.memory.queued;
  return `**Memory of a queue**: a node owns ${queuedMax(figures).toLocaleString('en-US')} unfinished jobs of 100 bytes at most (the lesser of \`queueLengthMax\` and \`queueBytesMax\` / ${numberText(ownerCounted)} counted bytes) and answers \`BUSY\` then. More nodes lift it,
   or both options and more memory; then collections of a large heap come next, which hold up heartbeats.`;
}

function linksLimit({ reach }: CostFigures): string {
  const largest = Math.max(...reach.map(({ nodes }) => nodes));
  const those = reach.filter(({ nodes }) => nodes === largest);
  const nodes = largest.toLocaleString('en-US');
  const part = numberText(100 * linkedPart(largest));
  return `**Links, where jobs have copies in more than ${limits.meshLinksMax + 1} nodes.** A holder is drawn from all nodes, and a node has links to few: at ${nodes} nodes to ${part} % of them ((32 + 64) / (n − 1); ${defaultLinksConfig.linksMax} links at most), so a front
   has to make a link for most jobs and to close another, which it doesn't before that is some time old. Simulated at ${nodes} nodes: ${those.map(reachText).join('; ')}. So what a front takes there is bounded by links before it is by its
   processor, and shows as time. Clients at more nodes lift it, each of which then takes fewer jobs; holders that are chosen among those with a link would, too. Jobs with one copy don't know this limit: they go to nodes that there are links to.`;
}

function reachText(each: ReachFigures): string {
  const by = each.fronts === 1 ? 'one front' : `${each.fronts.toLocaleString('en-US')} fronts together`;
  return `with ${each.jobsPerSecond.toLocaleString('en-US')} jobs/s at ${by}, ${acknowledgedText(each)} % are acknowledged within 10 s, half of them within ${time(each.p50Ms)} and 99 of 100 within ${time(each.p99Ms)}`;
}

function membersLimit(figures: CostFigures): string {
  const { bytes, wireBytes } = figures.memory.member;
  const most = limits.membersMax;
  return `**The list of members**: every node knows every other, up to ${most.toLocaleString('en-US')}, which takes ${mebibytes(memberListBytes(figures, most))} of each node's heap (${numberText(bytes)} bytes each) and ${mebibytes(wireBytes * (most - 1))} on the wire when one joins. At a thousand nodes
   a node without jobs takes ${numberText(100 * idleShare(figures, 1_000))} % of a core, and hardly more messages than at ten. Its number is a limit of both protocols, not of the processor.`;
}

function machinePart({ machine }: CostFigures): string {
  const commit = machine.commit === null ? '' : ` Rondo at commit ${machine.commit}.`;
  return `## The machine, and again

${machine.cores} cores of ${machine.processor}, ${machine.memoryGiB} GiB of memory, ${machine.kernel}, Node ${machine.node}.${commit}

    npm run bench
    npm run cost-model

The first measures the processes that the second counts with, and may be left out where [results.json](results.json) is of this machine. All figures are in [cost-model.json](cost-model.json); \`npm run cost-model -- --pages\` writes this page
anew from it, \`npm run cost-model -- --processes\` with what results.json says now, \`npm run cost-model -- --quick\` takes a look and writes nothing.`;
}

function wholeText(value: number | null): string {
  return value === null ? '' : Number(value.toPrecision(3)).toLocaleString('en-US');
}

function mebibytes(bytes: number): string {
  return `${numberText(bytes / 2 ** 20)} MiB`;
}
