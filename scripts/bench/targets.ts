import { onDisk } from './contenders/own.js';
import type { WorkloadId } from './figures.js';
import { ceilingOf, type Entry, type Group, numberText, rondoOf } from './summary.js';

/** What Rondo is to reach, as the page says it. */
export interface Target {
  /** Where its explanation stands in limits.json, when it is not met. */
  readonly id: string;
  readonly workload: WorkloadId;
  readonly aim: string;
  /** Null where what it compares was not measured. */
  readonly judge: (groups: readonly Group[]) => Verdict | null;
}

export interface Verdict {
  readonly measured: string;
  readonly isMet: boolean;
}

const enqueueAim = 150_000;
const nodeCounts = ['1 node', '2 nodes', '3 nodes', '5 nodes', '8 nodes'];

/** What stands where the targets would, of a run that has hardly measured. */
export const notJudged = 'No target is judged: a quick run has hardly measured.';

export const targets: readonly Target[] = [
  {
    id: 'a-ceiling',
    workload: 'a',
    aim: '1,000 in flight, in memory: ≥ 0.6 of the bare relay',
    judge: (groups) => compare(groups, inFlight, 0.6, ceilingOf),
  },
  {
    id: 'a-gearman',
    workload: 'a',
    aim: "1,000 in flight, in memory: ≥ gearmand's",
    judge: (groups) => compare(groups, inFlight, 1, bestOf('gearman')),
  },
  {
    id: 'a-moleculer',
    workload: 'a',
    aim: "1,000 in flight, in memory: ≥ 1.5 × Moleculer's",
    judge: (groups) => compare(groups, inFlight, 1.5, bestOf('moleculer')),
  },
  {
    id: 'a-bullmq',
    workload: 'a',
    aim: "1,000 in flight, in memory: ≥ 10 × BullMQ's",
    judge: (groups) => compare(groups, inFlight, 10, bestOf('bullmq')),
  },
  {
    id: 'b-ceiling',
    workload: 'b',
    aim: "one at a time, p50: ≤ 1.3 × the bare relay's",
    judge: (groups) => compare(groups, oneAtATime, 1.3, ceilingOf),
  },
  {
    id: 'b-moleculer',
    workload: 'b',
    aim: "one at a time, p50: ≤ 1.3 × Moleculer's",
    judge: (groups) => compare(groups, oneAtATime, 1.3, bestOf('moleculer')),
  },
  {
    id: 'c-enqueue',
    workload: 'c',
    aim: "acknowledged enqueue: ≥ 150,000/s and ≥ beanstalkd's",
    judge: (groups) => (entriesOf(groups, 'c', 'beanstalkd').length === 0 ? null : judgeEnqueue(groups)),
  },
  {
    id: 'd-bullmq',
    workload: 'd',
    aim: 'durable on two nodes, end to end: ≥ 5 × BullMQ with appendfsync always',
    judge: (groups) => compareDurable(groups, 5, 'bullmq', /always/i, /^end to end/),
  },
  {
    id: 'd-jetstream',
    workload: 'd',
    aim: "durable on two nodes, end to end: ≥ JetStream's publish to a single copy",
    judge: (groups) => compareDurable(groups, 1, 'nats', /./, /^enqueue/),
  },
  {
    id: 'h-efficiency',
    workload: 'h',
    aim: 'jobs that wait: ≥ 95 % of what the slots can do on 1, 2, 3, 5 and 8 nodes',
    judge: judgeEfficiency,
  },
  {
    id: 'i-run',
    workload: 'i',
    aim: 'others run beside 10⁶ queued: ≥ 0.5 of the speed beside none',
    judge: (groups) => compareRows(groups, 'i', ['10^6 queued, others run', '0 queued, others run'], 0.5),
  },
  {
    id: 'i-taken',
    workload: 'i',
    aim: 'more are taken beside 10⁶ queued: ≥ 0.5 of the speed beside none',
    judge: (groups) =>
      compareRows(groups, 'i', ['10^6 queued, more are taken', '0 queued, more are taken'], 0.5),
  },
  {
    id: 'j-jobs',
    workload: 'j',
    aim: 'jobs with TLS: ≥ 0.8 of plain',
    judge: (groups) => compareRows(groups, 'j', ['jobs, TLS', 'jobs, plain'], 0.8),
  },
  {
    id: 'j-stream',
    workload: 'j',
    aim: 'a stream with TLS: ≥ 0.8 of plain',
    judge: (groups) => compareRows(groups, 'j', ['a stream, TLS', 'a stream, plain'], 0.8),
  },
  { id: 'k-ready', workload: 'k', aim: 'ready: ≤ 300 ms', judge: (groups) => atMost(groups, 'ready', 300) },
  {
    id: 'k-resident',
    workload: 'k',
    // 75 MB, in the unit that is measured in.
    aim: 'idle memory: ≤ 71.5 MiB',
    judge: (groups) => atMost(groups, 'resident', 71.5),
  },
  {
    id: 'k-cpu',
    workload: 'k',
    aim: 'idle, one of eight nodes: ≤ 0.5 % of a core',
    judge: (groups) => atMost(groups, 'cpu', 0.5),
  },
];

interface Place {
  readonly workload: WorkloadId;
  readonly row: string;
  readonly metric: string;
}

const inFlight: Place = { workload: 'a', row: '1000 in flight', metric: 'rate' };
const oneAtATime: Place = { workload: 'b', row: 'one at a time', metric: 'p50' };

function groupAt(groups: readonly Group[], { workload, row, metric }: Place): Group | undefined {
  return groups.find((each) => each.workload === workload && each.row === row && each.metric === metric);
}

function bestOf(system: string): (group: Group) => Entry | null {
  return ({ entries }) => entries.find((entry) => entry.system === system) ?? null;
}

/** Rondo's figure as a multiple of another one in the same row: at least so much of it, or at most where less is better. */
function compare(
  groups: readonly Group[],
  place: Place,
  factor: number,
  otherOf: (group: Group) => Entry | null,
): Verdict | null {
  const group = groupAt(groups, place);
  if (group === undefined) return null;
  return verdictOf({
    mine: rondoOf(group),
    other: otherOf(group),
    unit: group.unit,
    factor,
    isMoreBetter: group.isMoreBetter,
  });
}

interface Compared {
  readonly mine: Entry | null;
  readonly other: Entry | null;
  readonly unit: string;
  readonly factor: number;
  readonly isMoreBetter?: boolean;
}

function verdictOf({ mine, other, unit, factor, isMoreBetter = true }: Compared): Verdict | null {
  if (mine === null || other === null) return null;
  const ratio = mine.median / other.median;
  const isMet = isMoreBetter ? ratio >= factor : ratio <= factor;
  const figures = `${numberText(mine.median)} and ${numberText(other.median)} ${unit}`;
  const against = other.contender === mine.contender ? '' : ` (${other.contender})`;
  return { measured: `${ratio.toFixed(2)} ×: ${figures}${against}`, isMet };
}

/** Two rows of Rondo's own. */
function compareRows(
  groups: readonly Group[],
  workload: WorkloadId,
  [row, base]: readonly [string, string],
  factor: number,
): Verdict | null {
  const group = groupAt(groups, { workload, row, metric: 'rate' });
  const baseGroup = groupAt(groups, { workload, row: base, metric: 'rate' });
  if (group === undefined || baseGroup === undefined) return null;
  return verdictOf({ mine: rondoOf(group), other: rondoOf(baseGroup), unit: group.unit, factor });
}

function judgeEnqueue(groups: readonly Group[]): Verdict | null {
  const group = groupAt(groups, { workload: 'c', row: 'enqueue', metric: 'rate' });
  const mine = group === undefined ? null : rondoOf(group);
  if (group === undefined || mine === null) return null;
  const beanstalkd = fastest(entriesOf([group], 'c', 'beanstalkd'));
  const aim = Math.max(enqueueAim, beanstalkd?.median ?? 0);
  const others = beanstalkd === null ? '' : `, beanstalkd ${numberText(beanstalkd.median)}`;
  return { measured: `${numberText(mine.median)} jobs/s${others}`, isMet: mine.median >= aim };
}

/** Rondo end to end, in whichever row the other system has what it is compared with. */
function compareDurable(
  groups: readonly Group[],
  factor: number,
  system: string,
  contender: RegExp,
  row: RegExp,
): Verdict | null {
  const group = groupAt(groups, { workload: 'd', row: 'end to end', metric: 'rate' });
  const mine = group?.entries.find((entry) => entry.contender === onDisk) ?? null;
  const others = groups
    .filter((each) => row.test(each.row))
    .flatMap((each) => entriesOf([each], 'd', system).filter((entry) => contender.test(entry.contender)));
  return verdictOf({ mine, other: fastest(others), unit: 'jobs/s', factor });
}

function entriesOf(groups: readonly Group[], workload: WorkloadId, system: string): Entry[] {
  return groups
    .filter((group) => group.workload === workload && group.metric === 'rate')
    .flatMap(({ entries }) => entries.filter((entry) => entry.system === system));
}

function fastest(entries: readonly (Entry | null)[]): Entry | null {
  return entries.reduce(
    (best, entry) => (entry !== null && (best === null || entry.median > best.median) ? entry : best),
    null,
  );
}

function judgeEfficiency(groups: readonly Group[]): Verdict | null {
  const shares = nodeCounts.flatMap((row) => {
    const group = groupAt(groups, { workload: 'h', row, metric: 'efficiency' });
    const entry = group === undefined ? null : rondoOf(group);
    return entry === null ? [] : [entry.median];
  });
  if (shares.length < nodeCounts.length) return null;
  return {
    measured: `${shares.map(numberText).join(', ')} %`,
    isMet: shares.every((share) => share >= 95),
  };
}

function atMost(groups: readonly Group[], metric: string, most: number): Verdict | null {
  const group = groupAt(groups, { workload: 'k', row: 'idle', metric });
  const mine = group === undefined ? null : rondoOf(group);
  if (group === undefined || mine === null) return null;
  const ceiling = ceilingOf(group);
  const beside = ceiling === null ? '' : `; ${ceiling.contender}: ${numberText(ceiling.median)}`;
  return { measured: `${numberText(mine.median)} ${group.unit}${beside}`, isMet: mine.median <= most };
}
