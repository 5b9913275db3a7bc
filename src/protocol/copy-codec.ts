import { copyStates, type JobCopy } from '../core/jobs/copy.js';
import type { JobSpec } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { Payload } from '../core/payload.js';
import { encodeError, readError } from './job-error-fields.js';
import { routePolicies } from './peer-command.js';
import type { FieldReader } from './peer-fields.js';

/**
 * A copy of a job as plain values, the same on the wire and in a journal:
 * generation, isSettled, epoch, owner, change, [spec...], args or nil, instance, [holder...], state, attempt, failures,
 * fatalities, executor or nil, notBeforeMs, finishedAtMs or nil, [error's name, error's message] or nil, result or nil
 */
export function encodeCopy(copy: JobCopy): unknown[] {
  return [
    copy.generation,
    copy.isSettled,
    copy.epoch,
    copy.owner,
    copy.change,
    encodeSpec(copy.spec),
    copy.args,
    copy.instance,
    copy.holders,
    copyStates.indexOf(copy.state),
    copy.attempt,
    copy.failures,
    copy.fatalities,
    copy.executor,
    copy.notBeforeMs,
    copy.finishedAtMs,
    copy.error === null ? null : encodeError(copy.error),
    copy.result,
  ];
}

/** The reverse. Each field is checked by itself: a PeerFault for a wrong one. Bytes are copied out of what was only lent. */
export function decodeCopy(fields: FieldReader): JobCopy {
  return {
    generation: fields.count(),
    isSettled: fields.boolean(),
    epoch: fields.count(),
    owner: fields.nodeId(),
    change: fields.count(),
    spec: decodeSpec(fields.nested('spec', 0)),
    args: fields.nullable(readPayload),
    instance: fields.instanceId(),
    // A job that is being moved is with its old holders still, and with its new ones.
    holders: fields.nodeIds(2 * limits.copiesMax),
    state: fields.oneOf(copyStates),
    attempt: fields.count(),
    failures: fields.count(),
    fatalities: fields.count(),
    executor: fields.nullable((inner) => inner.nodeId()),
    notBeforeMs: fields.wallMs(),
    finishedAtMs: fields.nullable((inner) => inner.wallMs()),
    error: fields.nullable((inner) => readError(inner.nested('error', 0))),
    result: fields.nullable(readPayload),
  };
}

/**
 * id, task, priority, timeoutMs, retries, backoffMs, ttlMs, route, affinity, [tag, value, tag, value...], node, copies,
 * durable, [after...], cron, timeZone, createdAtMs
 */
function encodeSpec(spec: JobSpec): unknown[] {
  return [
    spec.id,
    spec.task,
    spec.priority,
    spec.timeoutMs,
    spec.retries,
    spec.backoffMs,
    spec.ttlMs,
    routePolicies.indexOf(spec.route),
    spec.affinity,
    spec.on.flat(),
    spec.node,
    spec.copies,
    spec.durable,
    spec.after,
    spec.cron,
    spec.timeZone,
    spec.createdAtMs,
  ];
}

function decodeSpec(fields: FieldReader): JobSpec {
  return {
    id: fields.jobId(),
    task: fields.name(),
    priority: fields.integer(-limits.priorityMax, limits.priorityMax),
    timeoutMs: fields.durationMs(),
    retries: fields.integer(0, limits.retriesMax),
    backoffMs: fields.durationMs(),
    ttlMs: fields.durationMs(),
    route: fields.oneOf(routePolicies),
    affinity: fields.nullable(readLabel),
    on: fields.pairs(limits.tagsPerNodeMax),
    node: fields.nullable((inner) => inner.name()),
    copies: fields.integer(1, limits.copiesMax),
    durable: fields.boolean(),
    after: fields.jobIds(limits.afterMax),
    cron: fields.nullable(readLabel),
    timeZone: fields.nullable(readLabel),
    createdAtMs: fields.wallMs(),
  };
}

function readLabel(fields: FieldReader): string {
  return fields.label();
}

function readPayload(fields: FieldReader): Payload {
  return fields.payload();
}
