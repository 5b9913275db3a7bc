import { createHash } from 'node:crypto';
import type { SubmitCommand } from '../commands.js';
import type { JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { TaskOffer } from '../member.js';
import type { JobsConfig } from './config.js';
import type { JobRecord } from './record.js';

/** What applies where a job says nothing: its task's own options, then the node's. */
export interface JobSpecDefaults {
  readonly config: JobsConfig;
  readonly task: TaskOffer;
}

export interface RecordSource {
  readonly command: SubmitCommand;
  readonly id: JobId;
  readonly owner: NodeId;
  /** Shared by all records that nobody else holds. */
  readonly holders: readonly NodeId[];
  readonly defaults: JobSpecDefaults;
  readonly now: Instant;
}

/** A new job's record: delayed if it has to wait for its time, else queued. */
export function buildRecord({ command, id, owner, holders, defaults, now }: RecordSource): JobRecord {
  const { options } = command;
  const { config, task } = defaults;
  const notBeforeMs = Math.max(now.wallMs + options.delayMs, options.atMs ?? 0);
  return {
    spec: {
      id,
      task: command.task,
      priority: options.priority,
      timeoutMs: options.timeoutMs ?? task.timeoutMs ?? config.timeoutMs,
      retries: options.retries ?? task.retries ?? config.retries,
      backoffMs: options.backoffMs ?? config.backoffMs,
      ttlMs: options.ttlMs ?? config.ttlMs,
      route: options.route,
      affinity: options.affinity,
      on: options.on,
      node: options.node,
      copies: 1,
      durable: false,
      after: options.after,
      cron: options.cron,
      timeZone: options.timeZone,
      createdAtMs: now.wallMs,
    },
    args: command.args,
    state: notBeforeMs > now.wallMs || options.after.length > 0 ? 'delayed' : 'queued',
    owner,
    epoch: 1,
    attempt: 0,
    failures: 0,
    fatalities: 0,
    hasStarted: false,
    holders,
    executor: null,
    notBeforeMs,
    startedAtMs: null,
    finishedAtMs: null,
    error: null,
    progress: null,
    result: null,
    cancelling: false,
    awaits: options.after,
    waiters: null,
    deadline: null,
    place: null,
    older: null,
    newer: null,
  };
}

/** The id of the job with this key: the same on every node, so that two of them can't make two jobs of it unawares. */
export function idOfKey(key: string): JobId {
  const digest = createHash('sha256').update(key).digest();
  let bits = 0n;
  for (const byte of digest.subarray(0, 17)) bits = (bits << 8n) | BigInt(byte);
  return `key-${(bits >> 6n).toString(32).padStart(26, '0')}`;
}
