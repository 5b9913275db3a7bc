import { type CopyRank, type CopyStage, copyStates, type JobCopy } from '../core/jobs/copy.js';
import type { JobError } from '../core/jobs/record.js';
import { type JobSpec, sharedSpec, specFor } from '../core/jobs/spec.js';
import { limits } from '../core/limits.js';
import type { JobUpdate } from '../core/messages.js';
import type { Payload } from '../core/payload.js';
import { encodeError, readError } from './job-error-fields.js';
import { routePolicies } from './peer-command.js';
import type { FieldReader } from './peer-fields.js';
import { basePriority, readBasePriority, readPriorityAbove, withPriorityAbove } from './priority-fields.js';

/**
 * A copy of a job as plain values, the same on the wire and in a journal:
 * generation, stage, epoch, owner, change, [spec...], args or nil, instance, [holder...], state, attempt, failures,
 * fatalities, executor or nil, notBeforeMs, finishedAtMs or nil, [error's name, error's message] or nil, result or nil,
 * [awaited job...]
 */
export function encodeCopy(copy: JobCopy): unknown[] {
  // Written out, as all that is done once a job here: spreading costs many times as much.
  return [
    copy.generation,
    copy.stage,
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
    copy.awaits,
  ];
}

/** What may change of a job: the same fields but for spec and args. */
export function encodeUpdate(update: JobUpdate): unknown[] {
  return [
    update.generation,
    update.stage,
    update.epoch,
    update.owner,
    update.change,
    update.instance,
    update.holders,
    copyStates.indexOf(update.state),
    update.attempt,
    update.failures,
    update.fatalities,
    update.executor,
    update.notBeforeMs,
    update.finishedAtMs,
    update.error === null ? null : encodeError(update.error),
    update.result,
    update.awaits,
  ];
}

/** generation, stage, epoch, owner, change */
export function encodeRank({ generation, stage, epoch, owner, change }: CopyRank): unknown[] {
  return [generation, stage, epoch, owner, change];
}

/** The reverse. Each field is checked by itself: a PeerFault for a wrong one. Bytes are copied out of what was only lent. */
export function decodeCopy(fields: FieldReader): JobCopy {
  // The fields are read in the order in which they stand here.
  return {
    generation: fields.count(),
    stage: fields.integer(0, 2) as CopyStage,
    epoch: fields.count(),
    owner: fields.nodeId(),
    change: fields.count(),
    spec: decodeSpec(fields.nested('spec', 0)),
    args: fields.nullable(readPayload),
    instance: fields.instanceId(),
    holders: readHolders(fields),
    state: fields.oneOf(copyStates),
    attempt: fields.count(),
    failures: fields.count(),
    fatalities: fields.count(),
    executor: fields.nullable(readNodeId),
    notBeforeMs: fields.wallMs(),
    finishedAtMs: fields.nullable(readWallMs),
    error: fields.nullable(readNestedError),
    result: fields.nullable(readPayload),
    awaits: fields.jobIds(limits.afterMax),
  };
}

export function decodeUpdate(fields: FieldReader): JobUpdate {
  return {
    generation: fields.count(),
    stage: fields.integer(0, 2) as CopyStage,
    epoch: fields.count(),
    owner: fields.nodeId(),
    change: fields.count(),
    instance: fields.instanceId(),
    holders: readHolders(fields),
    state: fields.oneOf(copyStates),
    attempt: fields.count(),
    failures: fields.count(),
    fatalities: fields.count(),
    executor: fields.nullable(readNodeId),
    notBeforeMs: fields.wallMs(),
    finishedAtMs: fields.nullable(readWallMs),
    error: fields.nullable(readNestedError),
    result: fields.nullable(readPayload),
    awaits: fields.jobIds(limits.afterMax),
  };
}

export function decodeRank(fields: FieldReader): CopyRank {
  return {
    generation: fields.count(),
    stage: fields.integer(0, 2) as CopyStage,
    epoch: fields.count(),
    owner: fields.nodeId(),
    change: fields.count(),
  };
}

/** A job that is being moved is with its old holders still, and with its new ones. */
function readHolders(fields: FieldReader): readonly string[] {
  const holders = fields.nodeIds(2 * limits.copiesMax);
  // One that is named twice would be waited for twice.
  const isTwo = holders.length === 2 && holders[0] !== holders[1];
  return holders.length < 2 || isTwo ? holders : [...new Set(holders)];
}

function readNodeId(fields: FieldReader): string {
  return fields.nodeId();
}

function readWallMs(fields: FieldReader): number {
  return fields.wallMs();
}

function readNestedError(fields: FieldReader): JobError {
  return readError(fields.nested('error', 0));
}

/**
 * id, task, priority, timeoutMs, retries, backoffMs, ttlMs, route, affinity, [tag, value, tag, value...], node, copies,
 * durable, [after...], cron, timeZone, createdAtMs, above
 */
function encodeSpec(spec: JobSpec): unknown[] {
  const fields = [
    spec.id,
    spec.task,
    basePriority(spec.priority),
    spec.timeoutMs,
    spec.retries,
    spec.backoffMs,
    spec.ttlMs,
    routePolicies.indexOf(spec.route),
    spec.affinity,
    spec.on.length === 0 ? spec.on : spec.on.flat(),
    spec.node,
    spec.copies,
    spec.durable,
    spec.after,
    spec.cron,
    spec.timeZone,
    spec.createdAtMs,
  ];
  return withPriorityAbove(fields, spec.priority);
}

function decodeSpec(fields: FieldReader): JobSpec {
  const id = fields.jobId();
  const task = fields.name();
  const base = readBasePriority(fields);
  const timeoutMs = fields.durationMs();
  const retries = fields.integer(0, limits.retriesMax);
  const backoffMs = fields.durationMs();
  const ttlMs = fields.durationMs();
  const route = fields.oneOf(routePolicies);
  const affinity = fields.nullable(readLabel);
  const on = fields.pairs(limits.tagsPerNodeMax);
  const node = fields.nullable(readName);
  const copies = fields.integer(1, limits.copiesMax);
  const durable = fields.boolean();
  const after = fields.jobIds(limits.afterMax);
  const cron = fields.nullable(readLabel);
  const timeZone = fields.nullable(readLabel);
  const createdAtMs = fields.wallMs();
  const priority = base + readPriorityAbove(fields);
  const common = sharedSpec({
    task,
    priority,
    timeoutMs,
    retries,
    backoffMs,
    ttlMs,
    route,
    affinity,
    on,
    node,
    copies,
    durable,
    cron,
    timeZone,
  });
  return specFor(id, after, common, createdAtMs);
}

function readName(fields: FieldReader): string {
  return fields.name();
}

function readLabel(fields: FieldReader): string {
  return fields.label();
}

function readPayload(fields: FieldReader): Payload {
  return fields.payload();
}
