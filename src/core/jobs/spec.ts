import type { RoutePolicy, SubmitOptions } from '../commands.js';
import type { JobId } from '../ids.js';
import type { TaskOffer } from '../member.js';
import type { JobsConfig } from './config.js';

/** What a job asks for, fixed when it is accepted; copied to every holder. */
export interface JobSpec {
  readonly id: JobId;
  readonly task: string;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly backoffMs: number;
  readonly ttlMs: number;
  readonly route: RoutePolicy;
  readonly affinity: string | null;
  readonly on: readonly (readonly [key: string, value: string])[];
  readonly node: string | null;
  readonly copies: number;
  readonly durable: boolean;
  /** Jobs that must be done before this one may start. */
  readonly after: readonly JobId[];
  /** A schedule: the job never runs itself; at each time that this cron expression names, it submits one. Null: a job. */
  readonly cron: string | null;
  /** The time zone of `cron`, an IANA name; null: UTC. */
  readonly timeZone: string | null;
  readonly createdAtMs: number;
  /** Jobs with the same wait in one line, see `classNameOf`; absent in what another node has sent. */
  readonly className?: string;
}

/** On what a job is taken: what applies where it says nothing, its task's own options, then the node's; and the promise that it gets. */
export interface Terms {
  readonly config: JobsConfig;
  readonly task: TaskOffer;
  /** Nodes that are to hold it, where so many are there. */
  readonly copies: number;
  /** Each copy is on disk before it counts. */
  readonly isDurable: boolean;
}

/** Terms, and what they make of the options that a job came with. */
export interface SpecTerms extends Terms {
  readonly common: CommonSpec;
}

/** What most jobs of a task have in common. */
type CommonSpec = Omit<JobSpec, 'id' | 'after' | 'createdAtMs' | 'className'> & {
  readonly className: string;
};

/** A spec that keeps nothing but what is its own: of a million jobs that wait, most ask for the same. */
class SharingSpec implements JobSpec {
  constructor(
    readonly id: JobId,
    readonly after: readonly JobId[],
    readonly createdAtMs: number,
    private readonly common: CommonSpec,
  ) {}

  get task(): string {
    return this.common.task;
  }

  get priority(): number {
    return this.common.priority;
  }

  get timeoutMs(): number {
    return this.common.timeoutMs;
  }

  get retries(): number {
    return this.common.retries;
  }

  get backoffMs(): number {
    return this.common.backoffMs;
  }

  get ttlMs(): number {
    return this.common.ttlMs;
  }

  get route(): RoutePolicy {
    return this.common.route;
  }

  get affinity(): string | null {
    return this.common.affinity;
  }

  get on(): JobSpec['on'] {
    return this.common.on;
  }

  get node(): string | null {
    return this.common.node;
  }

  get copies(): number {
    return this.common.copies;
  }

  get durable(): boolean {
    return this.common.durable;
  }

  get cron(): string | null {
    return this.common.cron;
  }

  get timeZone(): string | null {
    return this.common.timeZone;
  }

  get className(): string {
    return this.common.className;
  }
}

const none: readonly JobId[] = [];
/** What the latest job of each task asked for. */
const latest = new Map<string, CommonSpec>();
const latestMax = 1_024;

/** The spec of a new job. */
export function specFor(
  id: JobId,
  after: readonly JobId[],
  common: CommonSpec,
  createdAtMs: number,
): JobSpec {
  return new SharingSpec(id, after.length === 0 ? none : after, createdAtMs, common);
}

/** What all jobs have in common that are taken with these options on these terms. */
export function commonSpec(options: SubmitOptions, terms: Terms): CommonSpec {
  const { config, task } = terms;
  const asked = {
    task: task.name,
    priority: options.priority,
    timeoutMs: options.timeoutMs ?? task.timeoutMs ?? config.timeoutMs,
    retries: options.retries ?? task.retries ?? config.retries,
    backoffMs: options.backoffMs ?? config.backoffMs,
    ttlMs: options.ttlMs ?? config.ttlMs,
    route: options.route,
    affinity: options.affinity,
    on: options.on,
    node: options.node,
    copies: terms.copies,
    durable: terms.isDurable,
    cron: options.cron,
    timeZone: options.timeZone,
  };
  return sharedSpec(asked);
}

/** Space can't stand in any name, so joined names can't run into each other. */
export function classNameOf(
  spec: Pick<JobSpec, 'task' | 'on' | 'node' | 'route' | 'affinity' | 'className'>,
): string {
  const { task, on, node, route, affinity, className } = spec;
  if (className !== undefined) return className;
  if (on.length === 0 && node === null && route === 'round-robin') return task;
  const tags = on.map(([key, value]) => `${key}=${value}`).join(' ');
  return `${task} ${route} ${node ?? ''} ${affinity ?? ''} ${tags}`;
}

/** The same object as the task's job before had, where it says the same. */
export function sharedSpec(asked: Omit<CommonSpec, 'className'>): CommonSpec {
  const before = latest.get(asked.task);
  if (before !== undefined && isSame(before, asked)) return before;
  if (latest.size >= latestMax) latest.clear();
  const common = { ...asked, className: classNameOf(asked) };
  latest.set(common.task, common);
  return common;
}

function isSame(a: CommonSpec, b: Omit<CommonSpec, 'className'>): boolean {
  return (
    a.priority === b.priority &&
    a.timeoutMs === b.timeoutMs &&
    a.retries === b.retries &&
    a.backoffMs === b.backoffMs &&
    a.ttlMs === b.ttlMs &&
    a.route === b.route &&
    a.affinity === b.affinity &&
    a.node === b.node &&
    a.copies === b.copies &&
    a.durable === b.durable &&
    a.cron === b.cron &&
    a.timeZone === b.timeZone &&
    a.on.length === b.on.length &&
    a.on.every(([key, value], index) => b.on[index]?.[0] === key && b.on[index]?.[1] === value)
  );
}
