import type { NodeId } from '../ids.js';
import { bytesReply, errorReply, okReply, type Reply } from '../reply.js';
import { whyNobody } from '../routing/candidates.js';
import { awaitsText } from './dependencies.js';
import type { MemberView } from './member-view.js';
import type { JobRecord } from './record.js';
import type { Schedules } from './schedules.js';

/** What RUN and WAIT answer for a job that has its outcome. */
export function outcomeReply(record: JobRecord, wants: 'outcome' | 'end' = 'outcome'): Reply {
  switch (record.state) {
    case 'done':
      if (wants === 'end' || record.result === null) return okReply('null');
      return typeof record.result === 'string' ? okReply(record.result) : bytesReply(record.result);
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

/**
 * The STATUS object of PROTOCOL.md, as JSON text. A handler's progress is in it as it came: it is never taken apart here.
 * `reason`: why a queued job can't start.
 */
export function statusText(
  record: JobRecord,
  members: MemberView,
  schedules: Pick<Schedules, 'factsOf'>,
  reason = (): string | null => whyNobody(record.spec, members.all()),
): string {
  const { spec } = record;
  const nameOf = (node: NodeId): string => members.get(node)?.name ?? node;
  const facts = JSON.stringify({
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
    notBefore: record.state === 'delayed' && record.awaits.length === 0 ? isoTime(record.notBeforeMs) : null,
    startedAt: record.startedAtMs === null ? null : isoTime(record.startedAtMs),
    finishedAt: record.finishedAtMs === null ? null : isoTime(record.finishedAtMs),
  });
  const trouble = JSON.stringify({
    waiting: waitingText(record, reason),
    error: record.error,
    ...(spec.cron === null ? {} : scheduleFields(record, schedules)),
  });
  return `${facts.slice(0, -1)},"progress":${record.progress ?? 'null'},${trouble.slice(1)}`;
}

function waitingText({ state, awaits }: JobRecord, reason: () => string | null): string | null {
  if (state === 'queued') return reason();
  return state === 'delayed' && awaits.length > 0 ? awaitsText(awaits) : null;
}

/** What only a schedule has. */
function scheduleFields(record: JobRecord, schedules: Pick<Schedules, 'factsOf'>): Record<string, unknown> {
  const { cron, timeZone } = record.spec;
  const { fired, lastMs, lastJob } = schedules.factsOf(record);
  return {
    cron,
    zone: timeZone ?? 'UTC',
    next: record.state === 'delayed' ? isoTime(record.notBeforeMs) : null,
    last: lastMs === null ? null : isoTime(lastMs),
    lastJob,
    fired,
  };
}

export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
