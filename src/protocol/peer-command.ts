import {
  defaultSubmitOptions,
  type RoutePolicy,
  type SubmitCommand,
  type SubmitOptions,
} from '../core/commands.js';
import { type JobState, jobStates } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { InquiryItem, PeerCommand } from '../core/messages.js';
import { decodeRank, encodeRank } from './copy-codec.js';
import { type FieldReader, nestedFields } from './peer-fields.js';
import { encodeStart, readStart } from './peer-streams.js';
import { basePriority, readBasePriority, readPriorityAbove, withPriorityAbove } from './priority-fields.js';

const commandKinds = {
  submit: 0,
  wait: 1,
  status: 2,
  cancel: 3,
  retry: 4,
  jobs: 5,
  nodes: 6,
  tasks: 7,
  info: 8,
  drain: 9,
  resume: 10,
  leave: 11,
  claim: 12,
  inquire: 14,
  watch: 15,
} as const satisfies Record<PeerCommand['type'], number>;

/**
 * A submit with after, cron or zone has a kind of its own: a node that doesn't know these must not run the job at once.
 */
const heldBackSubmitKind = 13;
/** One that streams, likewise: an older node would tell nothing before the outcome. */
const streamingSubmitKind = 16;

/** On the wire a policy is its position here. */
export const routePolicies: readonly RoutePolicy[] = ['round-robin', 'least-loaded', 'affinity'];

/**
 * A command inside an `ask`: its kind, then
 * submit: wait, task, args, [option...] · one that is held back: the same, [job...], cron or nil, time zone or nil ·
 * one that streams: [room, position], then those of the kind that it is otherwise · watch: job, [room, position] ·
 * wait: job, timeoutMs or nil, and true for its end without its result · status, cancel, retry, claim: job ·
 * jobs: state or nil, task or nil, limit, and true for schedules only · drain, resume: node or nil ·
 * nodes, tasks, info, leave: nothing · inquire: [[job, instance, isDurable, generation, stage, epoch, owner, change]...].
 */
export function encodeCommand(command: PeerCommand): unknown[] {
  const kind = commandKinds[command.type];
  switch (command.type) {
    case 'submit':
      return encodeSubmit(command);
    case 'watch':
      return [kind, command.job, encodeStart(command.stream)];
    case 'wait':
      return [kind, command.job, command.timeoutMs, ...(command.brief ? [true] : [])];
    case 'status':
    case 'cancel':
    case 'retry':
    case 'claim':
      return [kind, command.job];
    case 'jobs':
      return [
        kind,
        command.state === null ? null : jobStates.indexOf(command.state),
        command.task,
        command.limit,
        ...(command.schedules ? [true] : []),
      ];
    case 'drain':
    case 'resume':
      return [kind, command.node];
    case 'nodes':
    case 'tasks':
    case 'info':
    case 'leave':
      return [kind];
    case 'inquire':
      return [kind, command.items.map(encodeInquiry)];
  }
}

/** The reverse; null for a kind of command that only a newer node knows. */
export function decodeCommand(fields: FieldReader): PeerCommand | null {
  switch (fields.integer(0, 127)) {
    case commandKinds.submit:
      return readSubmit(fields, false);
    case heldBackSubmitKind:
      return readSubmit(fields, true);
    case streamingSubmitKind: {
      const stream = readStart(fields.nested('stream', 0));
      return { ...readSubmit(fields, fields.integer(0, 127) === heldBackSubmitKind), stream };
    }
    case commandKinds.watch:
      return { type: 'watch', job: fields.jobId(), stream: readStart(fields.nested('stream', 0)) };
    case commandKinds.wait:
      return {
        type: 'wait',
        job: fields.jobId(),
        timeoutMs: fields.nullable(readDuration),
        ...(fields.flag() ? { brief: true } : {}),
      };
    case commandKinds.status:
      return { type: 'status', job: fields.jobId() };
    case commandKinds.cancel:
      return { type: 'cancel', job: fields.jobId() };
    case commandKinds.retry:
      return { type: 'retry', job: fields.jobId() };
    case commandKinds.jobs:
      return {
        type: 'jobs',
        state: fields.nullable(readState),
        task: fields.nullable(readName),
        limit: fields.integer(0, limits.jobsListedMax),
        ...(fields.flag() ? { schedules: true } : {}),
      };
    case commandKinds.nodes:
      return { type: 'nodes' };
    case commandKinds.tasks:
      return { type: 'tasks' };
    case commandKinds.info:
      return { type: 'info' };
    case commandKinds.drain:
      return { type: 'drain', node: fields.nullable(readName) };
    case commandKinds.resume:
      return { type: 'resume', node: fields.nullable(readName) };
    case commandKinds.leave:
      return { type: 'leave' };
    case commandKinds.claim:
      return { type: 'claim', job: fields.jobId() };
    case commandKinds.inquire:
      return { type: 'inquire', items: fields.array(limits.inquiryItemsMax).map(readInquiry) };
    default:
      return null;
  }
}

function encodeSubmit({ stream, ...command }: SubmitCommand): unknown[] {
  const submit = encodeWhole(command);
  return stream === undefined ? submit : [streamingSubmitKind, encodeStart(stream), ...submit];
}

function encodeWhole({ wait, task, args, options }: SubmitCommand): unknown[] {
  const { after, cron, timeZone } = options;
  const fields = [wait, task, args, encodeOptions(options)];
  if (after.length === 0 && cron === null) return [commandKinds.submit, ...fields];
  return [heldBackSubmitKind, ...fields, after, cron, timeZone];
}

function readSubmit(fields: FieldReader, isHeldBack: boolean): SubmitCommand {
  const wait = fields.boolean();
  const task = fields.name();
  const args = fields.payload();
  const options = readOptions(fields.nested('options', 0));
  return {
    type: 'submit',
    wait,
    task,
    args,
    options: { ...options, ...(isHeldBack && readHeldBack(fields)) },
  };
}

function readHeldBack(fields: FieldReader): Pick<SubmitOptions, 'after' | 'cron' | 'timeZone'> {
  return {
    after: fields.jobIds(limits.afterMax),
    cron: fields.nullable((inner) => inner.text(limits.cronLengthMax)),
    timeZone: fields.nullable((inner) => inner.text(limits.timeZoneLengthMax)),
  };
}

/**
 * priority, delayMs, atMs, timeoutMs, retries, backoffMs, key, route, affinity, [tag, value, tag, value...], node,
 * copies, durable, ttlMs, above
 */
function encodeOptions(options: SubmitOptions): unknown[] {
  const fields = [
    basePriority(options.priority),
    options.delayMs,
    options.atMs,
    options.timeoutMs,
    options.retries,
    options.backoffMs,
    options.key,
    routePolicies.indexOf(options.route),
    options.affinity,
    options.on.flat(),
    options.node,
    options.copies,
    options.durable,
    options.ttlMs,
  ];
  return withPriorityAbove(fields, options.priority);
}

function readOptions(fields: FieldReader): SubmitOptions {
  const priority = readBasePriority(fields);
  return {
    ...defaultSubmitOptions,
    delayMs: fields.durationMs(),
    atMs: fields.nullable((inner) => inner.integer(-limits.wallMsMax, limits.wallMsMax)),
    timeoutMs: fields.nullable(readDuration),
    retries: fields.nullable((inner) => inner.integer(0, limits.retriesMax)),
    backoffMs: fields.nullable(readDuration),
    key: fields.nullable((inner) => inner.label()),
    route: fields.oneOf(routePolicies),
    affinity: fields.nullable((inner) => inner.label()),
    on: fields.pairs(limits.tagsPerNodeMax),
    node: fields.nullable(readName),
    copies: fields.nullable((inner) => inner.integer(0, limits.membersMax)),
    durable: fields.nullable((inner) => inner.boolean()),
    ttlMs: fields.nullable(readDuration),
    priority: priority + readPriorityAbove(fields),
  };
}

function encodeInquiry(item: InquiryItem): unknown[] {
  return [item.job, item.instance, item.isDurable, ...encodeRank(item)];
}

function readInquiry(value: unknown): InquiryItem {
  const fields = nestedFields(value, 'inquiry', 0);
  const job = fields.jobId();
  const instance = fields.instanceId();
  const isDurable = fields.boolean();
  return { job, instance, isDurable, ...decodeRank(fields) };
}

function readDuration(fields: FieldReader): number {
  return fields.durationMs();
}

function readName(fields: FieldReader): string {
  return fields.name();
}

function readState(fields: FieldReader): JobState {
  return fields.oneOf(jobStates);
}
