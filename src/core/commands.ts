import type { JobId } from './ids.js';
import type { JobState } from './jobs/record.js';
import type { Payload } from './payload.js';

/** What a client can ask of the cluster, whatever spelling it used. Durations are milliseconds. */
export type ClientCommand =
  | SubmitCommand
  | {
      readonly type: 'wait';
      readonly job: JobId;
      readonly timeoutMs: number | null;
      /** Only how it ended, and not its result. */
      readonly brief?: true;
    }
  | { readonly type: 'status'; readonly job: JobId }
  | { readonly type: 'cancel'; readonly job: JobId }
  | { readonly type: 'retry'; readonly job: JobId }
  | {
      readonly type: 'jobs';
      readonly state: JobState | null;
      readonly task: string | null;
      readonly limit: number;
      /** Only schedules. */
      readonly schedules?: true;
    }
  | { readonly type: 'nodes' }
  | { readonly type: 'tasks' }
  | { readonly type: 'info' }
  | { readonly type: 'drain'; readonly node: string | null }
  | { readonly type: 'resume'; readonly node: string | null }
  | { readonly type: 'leave' };

export interface SubmitCommand {
  readonly type: 'submit';
  /** RUN: answer with the outcome; SUBMIT: answer with the id. */
  readonly wait: boolean;
  readonly task: string;
  readonly args: Payload;
  readonly options: SubmitOptions;
}

export type RoutePolicy = 'round-robin' | 'least-loaded' | 'affinity';

/** Null is "not said": the task's own options, then the node's defaults apply. */
export interface SubmitOptions {
  readonly priority: number;
  readonly delayMs: number;
  /** Wall time in ms since 1970, or null. */
  readonly atMs: number | null;
  readonly timeoutMs: number | null;
  readonly retries: number | null;
  readonly backoffMs: number | null;
  readonly key: string | null;
  readonly route: RoutePolicy;
  readonly affinity: string | null;
  /** Only nodes that carry all these tags. */
  readonly on: readonly (readonly [key: string, value: string])[];
  readonly node: string | null;
  readonly copies: number | null;
  readonly durable: boolean | null;
  readonly ttlMs: number | null;
  /** Jobs that must be done before this one starts. */
  readonly after: readonly JobId[];
  /** A schedule, that is, a job that submits others: when, as fields with a space between. */
  readonly cron: string | null;
  /** The IANA name of the time zone of `cron`; null: UTC. */
  readonly timeZone: string | null;
}

export const defaultSubmitOptions: SubmitOptions = {
  priority: 0,
  delayMs: 0,
  atMs: null,
  timeoutMs: null,
  retries: null,
  backoffMs: null,
  key: null,
  route: 'round-robin',
  affinity: null,
  on: [],
  node: null,
  copies: null,
  durable: null,
  ttlMs: null,
  after: [],
  cron: null,
  timeZone: null,
};
