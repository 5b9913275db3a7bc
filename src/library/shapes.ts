import type { JobState } from '../core/jobs/record.js';

export type { JobState };

/** What is known of a job. Times are ISO 8601, or null for what has not happened yet. A newer node may tell more. */
export interface JobStatus {
  /** Its id. */
  readonly id: string;
  /** The task that it runs. */
  readonly task: string;
  /** Where it is on its way: `delayed`, `queued`, `running`, then `done`, `failed` or `cancelled`. */
  readonly state: JobState;
  /** How often it has run, or begun to. */
  readonly attempts: number;
  /** Name of the node that answers for it. */
  readonly owner: string;
  /** Name of the node that runs it; null while none does. */
  readonly executor: string | null;
  /** Names of the nodes that hold it, its owner first. */
  readonly holders: readonly string[];
  /** How many are to hold it. */
  readonly copies: number;
  /** Whether they have it on disk. */
  readonly durable: boolean;
  /** Higher first. */
  readonly priority: number;
  /** How many attempts after the first it was given. */
  readonly retries: number;
  /** When it was submitted. */
  readonly createdAt: string;
  /** The time before which it doesn't start, while it is delayed. */
  readonly notBefore: string | null;
  /** When its latest attempt began. */
  readonly startedAt: string | null;
  /** When it ended. */
  readonly finishedAt: string | null;
  /** The latest value that its task gave to `ctx.progress`. */
  readonly progress: unknown;
  /** Why it can't start now, as a sentence for people. */
  readonly waiting: string | null;
  /** The last thing that went wrong. */
  readonly error: JobFault | null;
}

/** What went wrong in an attempt. */
export interface JobFault {
  /** The name of the error that the task threw, or what Rondo calls it: `TimeoutError`, `DependencyFailed`. */
  readonly name: string;
  /** What it says. */
  readonly message: string;
}

/** What is known of a schedule, which is a job that never runs itself. The last three fields are what its owner knows since it has it. */
export interface ScheduleStatus extends JobStatus {
  /** The expression, its fields with spaces between. */
  readonly cron: string;
  /** The time zone that it is meant in. */
  readonly zone: string;
  /** The next time that it fires; ISO 8601. */
  readonly next: string | null;
  /** The last time that it fired for. */
  readonly last: string | null;
  /** The id of the job of that time. */
  readonly lastJob: string | null;
  /** How many jobs it has submitted. */
  readonly fired: number;
}

/** What happens to a job that is followed. */
export type JobEvent<Yield = unknown> = StateEvent | ProgressEvent | DataEvent<Yield> | MissedEvent;

/** Where the job is: at once, and at each change; of those that pass while nothing is taken, the last. */
export interface StateEvent {
  /** Which event this is. */
  readonly type: 'state';
  /** The id of the job. */
  readonly id: string;
  /** Where it is on its way. */
  readonly state: JobState;
  /** How often it has run, or begun to. With each attempt it yields anew. */
  readonly attempt: number;
  /** Name of the node that answers for it. */
  readonly owner: string | null;
  /** Name of the node that runs it; null while none does. */
  readonly executor: string | null;
}

/** The latest value that its task gave to `ctx.progress`. */
export interface ProgressEvent {
  /** Which event this is. */
  readonly type: 'progress';
  /** The value. */
  readonly value: unknown;
}

/** What its task has yielded: each value once, in order. */
export interface DataEvent<Yield = unknown> {
  /** Which event this is. */
  readonly type: 'data';
  /** The value; a Buffer where the task has yielded bytes. */
  readonly value: Yield;
  /** The attempt that has yielded it. */
  readonly attempt: number;
}

/** Values were yielded before the next one that no node keeps any more. */
export interface MissedEvent {
  /** Which event this is. */
  readonly type: 'missed';
  /** How many; null where nobody knows, nor whether there were any, since a node was lost with what it kept. */
  readonly count: number | null;
  /** The attempt that has yielded them. */
  readonly attempt: number;
}

/** What was published to a topic. */
export interface TopicMessage<Data = unknown> {
  /** The topic that it was published to. */
  readonly topic: string;
  /** What was published; a Buffer where that was bytes. */
  readonly data: Data;
}

/** A member of the cluster, as the node that answers sees it. */
export interface NodeStatus {
  /** Its id, the same over restarts. */
  readonly id: string;
  /** Its name. */
  readonly name: string;
  /** Whether it is there: `alive`, `suspect`, `dead` or `left`. */
  readonly state: 'alive' | 'suspect' | 'dead' | 'left';
  /** Rises with each of its starts. */
  readonly incarnation: number;
  /** Where other nodes reach it, `host:port`. */
  readonly address: string;
  /** Where clients reach it, as it sees that itself, `host:port`. */
  readonly client: string;
  /** What it is or has; `on` of a job asks for these. */
  readonly tags: Readonly<Record<string, string>>;
  /** The names of the tasks that it offers. */
  readonly tasks: readonly string[];
  /** Whether it drains, and so takes no new jobs. */
  readonly draining: boolean;
  /** `open`; `failed` while its disk takes no writes; null where it keeps no journal. */
  readonly journal: 'open' | 'failed' | null;
}

/** A task on offer, and who offers it. */
export interface TaskOffer {
  /** Its name. */
  readonly name: string;
  /** The names of the nodes that offer it and are alive. */
  readonly nodes: readonly string[];
}

/** Facts and counters of the node that answers. It tells more than this, under names that PROTOCOL.md has. */
export interface NodeInfo {
  /** Its name. */
  readonly name: string;
  /** Its id. */
  readonly id: string;
  /** The version of Rondo that it runs. */
  readonly version: string;
  /** The cluster that it belongs to. */
  readonly cluster: string;
  /** How long it has been up, in milliseconds. */
  readonly uptimeMs: number;
  /** Attempts that it may run at once. */
  readonly concurrency: number;
  /** Attempts that it runs. */
  readonly running: number;
  /** How many members it sees in each state. */
  readonly members: Readonly<Record<'alive' | 'suspect' | 'dead' | 'left', number>>;
  /** How many jobs it owns in each state. */
  readonly jobs: Readonly<Record<JobState, number>>;
  /** What else it tells. */
  readonly [more: string]: unknown;
}

/** What a node that leaves can tell beforehand of the jobs that it owns. */
export interface LeavePlan {
  /** Unfinished jobs that it owns. */
  readonly unfinished: number;
  /** Those of them that no other node holds or is there to take. */
  readonly dropped: number;
  /** Those of these that are not in its journal either. */
  readonly lost: number;
  /** How long it waits for what runs, in milliseconds. */
  readonly drainTimeoutMs: number;
}
