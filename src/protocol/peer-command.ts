import type { RoutePolicy, SubmitOptions } from '../core/commands.js';
import { type JobState, jobStates } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { PeerCommand } from '../core/messages.js';
import type { FieldReader } from './peer-fields.js';

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
} as const satisfies Record<PeerCommand['type'], number>;

/** On the wire a policy is its position here. */
export const routePolicies: readonly RoutePolicy[] = ['round-robin', 'least-loaded', 'affinity'];

/**
 * A command inside an `ask`: its kind, then
 * submit: wait, task, args, [option...] · wait: job, timeoutMs or nil · status, cancel, retry, claim: job ·
 * jobs: state or nil, task or nil, limit · drain, resume: node or nil · nodes, tasks, info, leave: nothing.
 */
export function encodeCommand(command: PeerCommand): unknown[] {
  const kind = commandKinds[command.type];
  switch (command.type) {
    case 'submit':
      return [kind, command.wait, command.task, command.args, encodeOptions(command.options)];
    case 'wait':
      return [kind, command.job, command.timeoutMs];
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
      ];
    case 'drain':
    case 'resume':
      return [kind, command.node];
    case 'nodes':
    case 'tasks':
    case 'info':
    case 'leave':
      return [kind];
  }
}

/** The reverse; null for a kind of command that only a newer node knows. */
export function decodeCommand(fields: FieldReader): PeerCommand | null {
  switch (fields.integer(0, 127)) {
    case commandKinds.submit:
      return {
        type: 'submit',
        wait: fields.boolean(),
        task: fields.name(),
        args: fields.payload(),
        options: readOptions(fields.nested('options', 0)),
      };
    case commandKinds.wait:
      return { type: 'wait', job: fields.jobId(), timeoutMs: fields.nullable(readDuration) };
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
    default:
      return null;
  }
}

/**
 * priority, delayMs, atMs, timeoutMs, retries, backoffMs, key, route, affinity, [tag, value, tag, value...], node,
 * copies, durable, ttlMs
 */
function encodeOptions(options: SubmitOptions): unknown[] {
  return [
    options.priority,
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
}

function readOptions(fields: FieldReader): SubmitOptions {
  return {
    priority: fields.integer(-limits.priorityMax, limits.priorityMax),
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
  };
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
