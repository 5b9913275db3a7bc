import type { InstanceId } from '../ids.js';
import { payloadBytes } from '../payload.js';
import type { CopyRank, JobCopy } from './copy.js';
import { isFinished, type JobRecord } from './record.js';

/** What others are told of a job, as it stands now. Written out: a literal made by spreading costs a hundred times as much. */
export function copyOf(record: JobRecord, instance: InstanceId): JobCopy {
  const { outcome } = record;
  const state = stateOf(record);
  return {
    generation: record.generation,
    stage: stageOf(record),
    epoch: record.epoch,
    owner: record.owner,
    change: record.change,
    spec: record.spec,
    args: state === 'done' ? null : record.args,
    instance,
    holders: record.holders,
    state,
    attempt: record.attempt,
    failures: record.failures,
    fatalities: record.fatalities,
    executor: record.fatalities > 0 ? record.executor : null,
    awaits: record.awaits,
    // Clocks differ: only of a job that waits for its time does it say anything.
    notBeforeMs: record.state === 'delayed' ? record.notBeforeMs : 0,
    finishedAtMs: record.finishedAtMs,
    error: outcome?.type === 'failed' ? outcome.error : record.error,
    result: outcome?.type === 'done' ? outcome.result : record.result,
  };
}

export function rankOf(record: JobRecord): CopyRank {
  const { generation, epoch, owner, change } = record;
  return { generation, stage: stageOf(record), epoch, owner, change };
}

function stateOf(record: JobRecord): JobCopy['state'] {
  if (record.outcome !== null) return record.outcome.type;
  return isFinished(record.state) ? (record.state as JobCopy['state']) : 'waiting';
}

function stageOf(record: JobRecord): CopyRank['stage'] {
  if (isFinished(record.state)) return 2;
  return record.outcome === null ? 0 : 1;
}

/** What a holder has to be told takes; `isBased`: it has the arguments. */
export function bytesToCopy(record: JobRecord, isBased: boolean): number {
  const { outcome } = record;
  const result = outcome?.type === 'done' ? payloadBytes(outcome.result) : 0;
  return result + (isBased || record.args === null ? 0 : payloadBytes(record.args));
}
