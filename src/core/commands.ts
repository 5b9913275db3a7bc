import type { JobId } from './ids.js';
import type { JobState } from './jobs/record.js';
import type { Payload } from './payload.js';
import type { Topic } from './topics/topic.js';

/** What a client can ask of the cluster, whatever spelling it used. Durations are milliseconds. */
export type ClientCommand = NodeCommand | TopicCommand;

/** About jobs, nodes and the cluster. */
export type NodeCommand =
  | SubmitCommand
  | {
      readonly type: 'wait';
      readonly job: JobId;
      readonly timeoutMs: number | null;
      /** Only how it ended, and not its result. */
      readonly brief?: true;
    }
  /** What happens to a job, as items, until its outcome. */
  | { readonly type: 'watch'; readonly job: JobId; readonly stream: StreamStart }
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

/** About topics. */
export type TopicCommand =
  /** What is published to these topics from now on, as items, until the request is abandoned. */
  | {
      readonly type: 'subscribe';
      /** Topics, or patterns of them. */
      readonly topics: readonly Topic[];
      /** And before that the last so many messages of each. */
      readonly replay: number;
    }
  | { readonly type: 'publish'; readonly topic: Topic; readonly payload: Payload }
  | { readonly type: 'subscribers'; readonly topics: readonly Topic[] };

/** How the items of a streaming request begin. */
export interface StreamStart {
  /**
   * Bytes of items, by `itemBytes`, that whoever asked takes at first; more as it says so (`items_wanted`). 0: it is not its turn yet, and
   * what happens until then is none of its business.
   */
  readonly room: number;
  /** What it has already; null: nothing. */
  readonly after: StreamPosition | null;
}

/** A place in what the attempts of a job yield: after so many chunks of that attempt. */
export interface StreamPosition {
  readonly epoch: number;
  readonly attempt: number;
  readonly chunk: number;
}

export interface SubmitCommand {
  readonly type: 'submit';
  /** RUN: answer with the outcome; SUBMIT: answer with the id. */
  readonly wait: boolean;
  /** RUN with `stream=yes`: what happens to it is told as items before its outcome. */
  readonly stream?: StreamStart;
  readonly task: string;
  readonly args: Payload;
  readonly options: SubmitOptions;
}

/** How it begins to be told items, if it is to be told any. */
export function streamOf(command: { readonly type: string }): StreamStart | null {
  const { stream } = command as { readonly stream?: StreamStart };
  return stream ?? null;
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
