import type { NodeId } from '../ids.js';
import { errorReply, okReply, type Reply } from '../reply.js';
import { whyNobody } from '../routing/candidates.js';
import type { MemberView } from './member-view.js';
import type { JobRecord } from './record.js';

/** What RUN and WAIT answer for a job that has its outcome. */
export function outcomeReply(record: JobRecord): Reply {
  switch (record.state) {
    case 'done':
      return okReply(typeof record.result === 'string' ? record.result : 'null');
    case 'cancelled':
      return errorReply('JOB_CANCELLED', `job ${record.spec.id} was cancelled`);
    case 'failed':
      return errorReply(
        'JOB_FAILED',
        JSON.stringify({
          id: record.spec.id,
          name: record.error?.name ?? 'Error',
          message: record.error?.message ?? '',
          attempts: record.attempt,
        }),
      );
    default:
      return errorReply('INTERNAL', `job ${record.spec.id} is ${record.state} and has no outcome`);
  }
}

/** What SUBMIT answers: the id, and the promise this job got. */
export function acceptedReply(record: JobRecord): Reply {
  return okReply(
    `${record.spec.id} copies=${record.holders.length} durable=${record.spec.durable ? 'yes' : 'no'}`,
  );
}

/** The STATUS object of PROTOCOL.md. */
export function describeJob(record: JobRecord, members: MemberView): Record<string, unknown> {
  const { spec } = record;
  const nameOf = (node: NodeId): string => members.get(node)?.name ?? node;
  return {
    id: spec.id,
    task: spec.task,
    state: record.state,
    attempts: record.attempt,
    owner: nameOf(record.owner),
    executor: record.executor === null ? null : nameOf(record.executor),
    holders: record.holders.map(nameOf),
    copies: spec.copies,
    durable: spec.durable,
    priority: spec.priority,
    retries: spec.retries,
    createdAt: isoTime(spec.createdAtMs),
    notBefore: record.state === 'delayed' ? isoTime(record.notBeforeMs) : null,
    startedAt: isoTime(record.startedAtMs),
    finishedAt: isoTime(record.finishedAtMs),
    progress: record.progress === null ? null : JSON.parse(record.progress),
    waiting: record.state === 'queued' ? whyNobody(spec, members.all()) : null,
    error: record.error,
  };
}

function isoTime(wallMs: number | null): string | null {
  return wallMs === null ? null : new Date(wallMs).toISOString();
}
