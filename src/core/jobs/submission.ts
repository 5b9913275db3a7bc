import { createHash } from 'node:crypto';
import type { SubmitCommand } from '../commands.js';
import type { JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { TaskOffer } from '../member.js';
import type { JobsConfig } from './config.js';
import type { JobCopy } from './copy.js';
import type { JobOutcome, JobRecord, JobSpec } from './record.js';

/** On what a job is taken: what applies where it says nothing, its task's own options, then the node's; and the promise that it gets. */
export interface Terms {
  readonly config: JobsConfig;
  readonly task: TaskOffer;
  /** Nodes that are to hold it, where so many are there. */
  readonly copies: number;
  /** Each copy is on disk before it counts. */
  readonly isDurable: boolean;
}

export interface RecordSource {
  readonly command: SubmitCommand;
  readonly id: JobId;
  readonly owner: NodeId;
  /** Shared by all records that nobody else holds. */
  readonly holders: readonly NodeId[];
  readonly terms: Terms;
  readonly now: Instant;
}

/** A new job's record: delayed if it has to wait for its time, else queued. */
export function buildRecord({ command, id, owner, holders, terms, now }: RecordSource): JobRecord {
  const { options } = command;
  const { config, task } = terms;
  const notBeforeMs = Math.max(now.wallMs + options.delayMs, options.atMs ?? 0);
  return {
    spec: {
      id,
      task: task.name,
      priority: options.priority,
      timeoutMs: options.timeoutMs ?? task.timeoutMs ?? config.timeoutMs,
      retries: options.retries ?? task.retries ?? config.retries,
      backoffMs: options.backoffMs ?? config.backoffMs,
      ttlMs: options.ttlMs ?? config.ttlMs,
      route: options.route,
      affinity: options.affinity,
      on: shareDemands(options.on),
      node: options.node,
      copies: terms.copies,
      durable: terms.isDurable,
      after: options.after.length === 0 ? none : options.after,
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
    holders,
    generation: 0,
    change: 0,
    based: 0,
    notBeforeMs,
    finishedAtMs: null,
    error: null,
    result: null,
    awaits: options.after.length === 0 ? none : options.after,
    ...unborn,
  };
}

/** A million waiting jobs are mostly alike: what many records say is kept once. */
const none: readonly JobId[] = [];
let latestDemands: JobSpec['on'] = [];

/** The same array as the job before had, where it says the same. */
function shareDemands(on: JobSpec['on']): JobSpec['on'] {
  const isSame =
    on.length === latestDemands.length &&
    on.every(
      ([key, value], index) => latestDemands[index]?.[0] === key && latestDemands[index]?.[1] === value,
    );
  if (!isSame) latestDemands = on;
  return latestDemands;
}

/** What a record has that no copy does: all that ends with its owner's process. */
const unborn = {
  hasStarted: false,
  missing: 0,
  pending: null,
  outcome: null,
  slot: 0,
  executor: null,
  startedAtMs: null,
  progress: null,
  cancelling: false,
  waiters: null,
  deadline: null,
  place: null,
  older: null,
  newer: null,
} as const;

/** The outcome that a copy has and nobody may have been told yet. */
export function outcomeToSettle({ state, stage, result, error }: JobCopy): JobOutcome | null {
  if (stage === 2) return null;
  switch (state) {
    case 'waiting':
      return null;
    case 'done':
      return { type: 'done', result: result ?? 'null' };
    case 'failed':
      return { type: 'failed', error: error ?? { name: 'Error', message: '' } };
    case 'cancelled':
      return { type: 'cancelled' };
  }
}

/** The record of a job that another node has owned, as this one goes on with it. */
export function recordOf(copy: JobCopy, slot: number, now: Instant): JobRecord {
  const { spec, args, owner, epoch, generation, change, attempt, failures, fatalities } = copy;
  const { holders, notBeforeMs, finishedAtMs, error, result, awaits } = copy;
  const isOver = copy.state !== 'waiting';
  const isHeld = (awaits.length > 0 || spec.cron !== null) && !isOver;
  const waiting = isHeld || (notBeforeMs > now.wallMs && !isOver) ? 'delayed' : 'queued';
  return {
    spec,
    args,
    // An outcome that has not been told yet goes to the holders first.
    state: isOver && copy.stage === 2 ? (copy.state as JobRecord['state']) : waiting,
    owner,
    epoch,
    attempt,
    failures,
    fatalities,
    holders,
    generation,
    change,
    based: 0,
    awaits,
    notBeforeMs,
    finishedAtMs,
    error,
    result,
    ...unborn,
    slot,
  };
}

/** The id of the job with this key: the same on every node, so that two of them can't make two jobs of it unawares. */
export function idOfKey(key: string): JobId {
  const digest = createHash('sha256').update(key).digest();
  let bits = 0n;
  for (const byte of digest.subarray(0, 17)) bits = (bits << 8n) | BigInt(byte);
  return `key-${(bits >> 6n).toString(32).padStart(26, '0')}`;
}
