import type { FaultKind } from './fault-plan.js';

/**
 * What clients saw, each event with the job's number, which no other job has. A job is invoked again at another node after `fail`,
 * and after `unknown` where it has a key.
 */
export type ClientEvent = {
  readonly number: number;
  /** Milliseconds since 1970, as all times here: nodes and clients share the machine's clock. */
  readonly atMs: number;
  readonly node: string;
} & (
  | {
      readonly type: 'invoke';
      readonly durationMs: number;
      readonly delayMs: number;
      /** With a key, the node that is asked may hand the job to another one. */
      readonly hasKey: boolean;
    }
  | { readonly type: 'ok'; readonly id: string }
  /** Refused with a code that says that the job was not taken. */
  | { readonly type: 'fail'; readonly code: string }
  | { readonly type: 'unknown'; readonly why: string }
  /** WAIT has told how the job ended; `number` in the result is checked against the job's own. */
  | { readonly type: 'outcome'; readonly outcome: 'done' | 'failed'; readonly text: string }
);

/** A handler has started: what it wrote down itself. */
export interface Run {
  readonly number: number;
  readonly attempt: number;
  readonly node: string;
  readonly atMs: number;
}

/** A fault, from its first moment until all nodes were up and knew each other again. */
export interface FaultPeriod {
  readonly kind: FaultKind;
  readonly nodes: readonly string[];
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface History {
  readonly events: readonly ClientEvent[];
  readonly runs: readonly Run[];
  readonly faults: readonly FaultPeriod[];
}

/** Times in milliseconds. */
export interface Spread {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What a history shows. Lists hold the numbers of jobs. */
export interface Findings {
  readonly submitted: number;
  readonly acknowledged: number;
  /** Never acknowledged, and not known to be refused. */
  readonly unknown: number;
  readonly unknownThatRan: number;
  /** Each answer that the job was not taken, by its code. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly runs: number;
  /** Acknowledged, and never run. */
  readonly lost: readonly number[];
  /** Run, and never submitted, or refused by every node that was asked. */
  readonly unexpected: readonly number[];
  /** Runs beyond the first of a job. */
  readonly duplicates: number;
  /** Of these, with no fault between the run before and this one, nor shortly before. */
  readonly duplicatesWithoutFault: number;
  /** Acknowledged, and nobody could tell how they ended. */
  readonly withoutOutcome: readonly number[];
  /** Ended otherwise than by being done, though the handler never fails. */
  readonly failed: readonly number[];
  /** Done with the result of another job. */
  readonly wrongResults: readonly number[];
  /** From the kill of a node until a job that it ran starts again. */
  readonly rerunAfterKill: Spread;
  /** From the stop of a node until a job that it ran starts elsewhere. */
  readonly rerunAfterStop: Spread;
  /** From the kill of a node until a job starts that it owned, by its acknowledgement, and that was due by then. */
  readonly takeover: Spread;
}

/** So long after a fault its consequences may still show: a late death, a link that is dropped. */
const aftermathMs = 10_000;
/** A job that is due so shortly after the kill counts as due: few are due at the very moment. */
const dueSoonMs = 500;

/** Reads a history as the checker of a no-loss test does. Only after a full drain does it prove anything. */
export function checkHistory({ events, runs, faults }: History): Findings {
  const jobs = storiesOf(events, runs);
  const all = [...jobs.values()];
  const acknowledged = all.filter((job) => job.acknowledgedAtMs !== null);
  const uncertain = all.filter((job) => job.acknowledgedAtMs === null && job.isUncertain);
  const again = all.flatMap(({ runs: [, ...later] }) => later).length;
  return {
    submitted: all.filter((job) => job.isInvoked).length,
    acknowledged: acknowledged.length,
    unknown: uncertain.length,
    unknownThatRan: uncertain.filter((job) => job.runs.length > 0).length,
    refusals: countRefusals(events),
    runs: runs.length,
    lost: numbersOf(acknowledged.filter((job) => job.runs.length === 0)),
    unexpected: numbersOf(all.filter((job) => job.runs.length > 0 && !mayRun(job))),
    duplicates: again,
    duplicatesWithoutFault: all.reduce((sum, job) => sum + unexplainedRuns(job, faults), 0),
    withoutOutcome: numbersOf(acknowledged.filter((job) => job.outcome === null)),
    failed: numbersOf(acknowledged.filter((job) => job.outcome === 'failed')),
    wrongResults: numbersOf(all.filter((job) => job.hasWrongResult)),
    rerunAfterKill: spreadOf(rerunsAfter('kill', all, faults)),
    rerunAfterStop: spreadOf(rerunsAfter('stop', all, faults)),
    takeover: spreadOf(takeovers(acknowledged, faults)),
  };
}

/** All that is known of one job. */
interface JobStory {
  readonly number: number;
  isInvoked: boolean;
  isUncertain: boolean;
  hasKey: boolean;
  durationMs: number;
  /** By the last node that was asked. */
  dueAtMs: number;
  acknowledgedAtMs: number | null;
  acknowledgedBy: string | null;
  outcome: 'done' | 'failed' | null;
  hasWrongResult: boolean;
  /** The earliest first. */
  readonly runs: Run[];
}

function storiesOf(events: readonly ClientEvent[], runs: readonly Run[]): Map<number, JobStory> {
  const jobs = new Map<number, JobStory>();
  const storyOf = (number: number): JobStory => {
    const story = jobs.get(number) ?? untoldStory(number);
    jobs.set(number, story);
    return story;
  };
  for (const event of events) tell(storyOf(event.number), event);
  for (const run of [...runs].sort((one, other) => one.atMs - other.atMs)) {
    storyOf(run.number).runs.push(run);
  }
  return jobs;
}

function untoldStory(number: number): JobStory {
  return {
    number,
    isInvoked: false,
    isUncertain: false,
    hasKey: false,
    durationMs: 0,
    dueAtMs: 0,
    acknowledgedAtMs: null,
    acknowledgedBy: null,
    outcome: null,
    hasWrongResult: false,
    runs: [],
  };
}

function tell(story: JobStory, event: ClientEvent): void {
  switch (event.type) {
    case 'invoke':
      story.isInvoked = true;
      story.hasKey = event.hasKey;
      story.durationMs = event.durationMs;
      story.dueAtMs = event.atMs + event.delayMs;
      return;
    case 'ok':
      story.acknowledgedAtMs ??= event.atMs;
      story.acknowledgedBy ??= event.node;
      return;
    case 'fail':
      return;
    case 'unknown':
      story.isUncertain = true;
      return;
    case 'outcome':
      story.outcome = event.outcome;
      story.hasWrongResult = event.outcome === 'done' && numberIn(event.text) !== story.number;
  }
}

function numberIn(result: string): unknown {
  try {
    return (JSON.parse(result) as { n?: unknown } | null)?.n;
  } catch {
    return undefined;
  }
}

function countRefusals(events: readonly ClientEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of events) {
    if (event.type === 'fail') counts[event.code] = (counts[event.code] ?? 0) + 1;
  }
  return counts;
}

/** A job whose every answer was a refusal must not run. One that is still being asked about may. */
function mayRun(job: JobStory): boolean {
  return job.isInvoked && (job.acknowledgedAtMs !== null || job.isUncertain);
}

function unexplainedRuns({ runs }: JobStory, faults: readonly FaultPeriod[]): number {
  return runs.slice(1).filter((run, index) => {
    const before = runs[index] as Run;
    return !faults.some(({ fromMs, untilMs }) => fromMs <= run.atMs && untilMs + aftermathMs >= before.atMs);
  }).length;
}

/** Of each job that such a fault caught while it ran, how long until it ran again. After a stop only elsewhere: there it goes on. */
function rerunsAfter(
  kind: 'kill' | 'stop',
  jobs: readonly JobStory[],
  faults: readonly FaultPeriod[],
): number[] {
  return faults
    .filter((fault) => fault.kind === kind)
    .flatMap(({ nodes, fromMs }) =>
      jobs.flatMap(({ runs, durationMs }) => {
        const caught = runs.find(
          ({ node, atMs }) => nodes.includes(node) && atMs <= fromMs && fromMs < atMs + durationMs,
        );
        if (caught === undefined) return [];
        const again = runs.find(
          ({ node, atMs }) => atMs > fromMs && (kind === 'kill' || node !== caught.node),
        );
        return again === undefined ? [] : [again.atMs - fromMs];
      }),
    );
}

function takeovers(acknowledged: readonly JobStory[], faults: readonly FaultPeriod[]): number[] {
  return faults
    .filter(({ kind }) => kind === 'kill')
    .flatMap(({ nodes, fromMs }) =>
      acknowledged
        .filter(
          ({ hasKey, acknowledgedBy, acknowledgedAtMs, dueAtMs, runs: [first] }) =>
            !hasKey &&
            nodes.includes(acknowledgedBy as string) &&
            (acknowledgedAtMs as number) <= fromMs &&
            dueAtMs <= fromMs + dueSoonMs &&
            first !== undefined &&
            first.atMs > fromMs,
        )
        .map(({ runs: [first] }) => (first as Run).atMs - fromMs),
    );
}

/** Percentiles by nearest rank. */
export function spreadOf(timesMs: readonly number[]): Spread {
  const sorted = [...timesMs].sort((one, other) => one - other);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

function numbersOf(jobs: readonly JobStory[]): number[] {
  return jobs.map(({ number }) => number).sort((one, other) => one - other);
}
