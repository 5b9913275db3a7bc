import { createHash } from 'node:crypto';
import type { SubmitCommand } from '../commands.js';
import type { JobId, NodeId } from '../ids.js';
import type { Instant } from '../instant.js';
import type { JobCopy } from './copy.js';
import { type JobOutcome, JobRecord, type JobState } from './record.js';
import { type SpecTerms, specFor } from './spec.js';

export interface RecordSource {
  readonly command: SubmitCommand;
  readonly id: JobId;
  readonly owner: NodeId;
  /** Shared by all records that nobody else holds. */
  readonly holders: readonly NodeId[];
  readonly terms: SpecTerms;
  readonly now: Instant;
}

/** A new job's record: delayed if it has to wait for its time, else queued. */
export function buildRecord({ command, id, owner, holders, terms, now }: RecordSource): JobRecord {
  const { options } = command;
  const notBeforeMs = Math.max(now.wallMs + options.delayMs, options.atMs ?? 0);
  const isDelayed = notBeforeMs > now.wallMs;
  const record = new JobRecord({
    spec: specFor(id, options.after, terms.common, now.wallMs),
    args: command.args,
    state: isDelayed || options.after.length > 0 ? 'delayed' : 'queued',
    owner,
    epoch: 1,
    holders,
    change: 0,
    slot: 0,
  });
  if (isDelayed) record.notBeforeMs = notBeforeMs;
  if (options.after.length > 0) record.awaits = options.after;
  return record;
}

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
  const { spec, args, owner, epoch, holders, change } = copy;
  const isOver = copy.state !== 'waiting';
  const isHeld = (copy.awaits.length > 0 || spec.cron !== null) && !isOver;
  const waiting = isHeld || (copy.notBeforeMs > now.wallMs && !isOver) ? 'delayed' : 'queued';
  // An outcome that has not been told yet goes to the holders first.
  const state = isOver && copy.stage === 2 ? (copy.state as JobState) : waiting;
  const record = new JobRecord({ spec, args, state, owner, epoch, holders, change, slot });
  record.generation = copy.generation;
  record.attempt = copy.attempt;
  record.failures = copy.failures;
  record.fatalities = copy.fatalities;
  record.awaits = copy.awaits;
  record.notBeforeMs = copy.notBeforeMs;
  record.finishedAtMs = copy.finishedAtMs;
  record.error = copy.error;
  record.result = copy.result;
  return record;
}

/** The id of the job with this key: the same on every node, so that two of them can't make two jobs of it unawares. */
export function idOfKey(key: string): JobId {
  const digest = createHash('sha256').update(key).digest();
  let bits = 0n;
  for (const byte of digest.subarray(0, 17)) bits = (bits << 8n) | BigInt(byte);
  return `key-${(bits >> 6n).toString(32).padStart(26, '0')}`;
}
