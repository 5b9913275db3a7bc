import { type ErrorCode, errorCodes } from '../core/errors.js';
import type { AttemptOutcome } from '../core/jobs/record.js';
import { limits } from '../core/limits.js';
import type { JobMessage, RefuseReason, StopReason } from '../core/messages.js';
import type { Reply } from '../core/reply.js';
import { encodeError, readError } from './job-error-fields.js';
import type { MessageCodecs } from './peer-codec.js';
import { decodeCommand, encodeCommand } from './peer-command.js';
import { copyCodecs } from './peer-copies.js';
import { type FieldReader, nestedFields, readKey } from './peer-fields.js';
import { streamCodecs } from './peer-streams.js';
import { basePriority, readBasePriority, readPriorityAbove, withPriorityAbove } from './priority-fields.js';

/** On the wire a reason or an outcome is its position here; new ones come last, with a new protocol version. */
const refuseReasons: readonly RefuseReason[] = ['no_room', 'unknown_task', 'draining'];
const stopReasons: readonly StopReason[] = ['cancelled', 'timed_out', 'fenced', 'shutdown'];
const outcomeTypes: readonly AttemptOutcome['type'][] = [
  'done',
  'failed',
  'timed_out',
  'stopped',
  'crashed',
  'displaced',
];

/** The fields of each job message after its kind, in order. A key is three fields: job, epoch, attempt. */
export const jobCodecs: MessageCodecs<JobMessage> = {
  ...copyCodecs,
  ...streamCodecs,
  /** key, task, args, priority, timeoutMs, isolate, session, streams, room, above */
  run: {
    encode: (message) => {
      const { key, task, args, priority, timeoutMs, isolate, session, streams, room } = message;
      const { job, epoch, attempt } = key;
      const base = basePriority(priority);
      // Nearly all of them are such; an array that grows, or is spread, takes twice the time and memory.
      if (streams && room !== undefined && priority === base)
        return [job, epoch, attempt, task, args, base, timeoutMs, isolate, session, true, room];
      const fields = [job, epoch, attempt, task, args, base, timeoutMs, isolate, session];
      return [...fields, ...lastOfRun(priority, streams, room)];
    },
    decode: (fields) => {
      const key = readKey(fields);
      const task = fields.name();
      const args = fields.payload();
      const priority = readBasePriority(fields);
      const timeoutMs = fields.durationMs();
      const isolate = fields.boolean();
      const session = fields.count();
      // Of an older node neither, or no room.
      const streams = fields.flag();
      const room = fields.optional((inner) => inner.count());
      const raised = priority + readPriorityAbove(fields);
      const type = 'run';
      if (streams && room !== null)
        return { type, key, task, args, priority: raised, timeoutMs, isolate, session, streams, room };
      const run = { type, key, task, args, priority: raised, timeoutMs, isolate, session } as const;
      return streams ? { ...run, streams } : run;
    },
  },
  /** seq, key, outcome, then what the outcome has: result · error's name, error's message, final or alone */
  ran: {
    encode: ({ seq, key: { job, epoch, attempt }, outcome }) => {
      const type = outcomeTypes.indexOf(outcome.type);
      if (outcome.type === 'done') return [seq, job, epoch, attempt, type, outcome.result];
      return [seq, job, epoch, attempt, type, ...encodeOutcomeFields(outcome)];
    },
    decode: (fields) => ({
      type: 'ran',
      seq: fields.count(),
      key: readKey(fields),
      outcome: readOutcome(fields),
    }),
  },
  /** seq */
  ran_ack: {
    encode: (message) => [message.seq],
    decode: (fields) => ({ type: 'ran_ack', seq: fields.count() }),
  },
  /** key, reason */
  refuse: {
    encode: ({ key, reason }) => [key.job, key.epoch, key.attempt, refuseReasons.indexOf(reason)],
    decode: (fields) => ({ type: 'refuse', key: readKey(fields), reason: fields.oneOf(refuseReasons) }),
  },
  /** key, reason */
  stop: {
    encode: ({ key, reason }) => [key.job, key.epoch, key.attempt, stopReasons.indexOf(reason)],
    decode: (fields) => ({ type: 'stop', key: readKey(fields), reason: fields.oneOf(stopReasons) }),
  },
  /** seq, [[key]...], window */
  holding: {
    encode: ({ seq, attempts, window }) => [
      seq,
      attempts.map(({ job, epoch, attempt }) => [job, epoch, attempt]),
      window,
    ],
    decode: (fields) => ({
      type: 'holding',
      seq: fields.count(),
      attempts: fields
        .array(limits.attemptsHeldMax)
        .map((value) => readKey(nestedFields(value, 'holding: attempt', 0))),
      window: fields.integer(0, limits.attemptsPerGrantMax),
    }),
  },
  /** seq */
  resync: {
    encode: (message) => [message.seq],
    decode: (fields) => ({ type: 'resync', seq: fields.count() }),
  },
  /** nothing */
  resync_wanted: {
    encode: () => [],
    decode: () => ({ type: 'resync_wanted' }),
  },
  /** window */
  grant: {
    encode: (message) => [message.window],
    decode: (fields) => ({ type: 'grant', window: fields.integer(0, limits.attemptsPerGrantMax) }),
  },
  /** key */
  started: {
    encode: ({ key }) => [key.job, key.epoch, key.attempt],
    decode: (fields) => ({ type: 'started', key: readKey(fields) }),
  },
  /** key, value */
  progress: {
    encode: ({ key, value }) => [key.job, key.epoch, key.attempt, value],
    decode: (fields) => ({
      type: 'progress',
      key: readKey(fields),
      value: fields.progress(),
    }),
  },
  /** seq, command */
  ask: {
    encode: ({ seq, command }) => [seq, encodeCommand(command)],
    decode: (fields) => {
      const seq = fields.count();
      const command = decodeCommand(fields.nested('command', 0));
      return command === null ? null : { type: 'ask', seq, command };
    },
  },
  /** seq, true, text, items, bytes or nil · seq, false, code, message, items */
  answer: {
    encode: ({ seq, reply, items }) =>
      reply.ok
        ? [seq, true, reply.text, items ?? 0, reply.bytes ?? null]
        : [seq, false, reply.code, reply.message, items ?? 0],
    decode: (fields) => {
      const seq = fields.count();
      const { reply, items } = readReply(fields);
      return { type: 'answer', seq, reply, ...(items > 0 && { items }) };
    },
  },
  /** [seq...] */
  asks_taken: {
    encode: ({ seqs }) => [seqs],
    decode: (fields) => ({ type: 'asks_taken', seqs: readSeqs(fields) }),
  },
  /** [seq...] */
  answers_taken: {
    encode: ({ seqs }) => [seqs],
    decode: (fields) => ({ type: 'answers_taken', seqs: readSeqs(fields) }),
  },
  /** instance, round, next, [seq...] */
  asking: {
    encode: ({ instance, round, next, seqs }) => [instance, round, next, seqs],
    decode: (fields) => ({
      type: 'asking',
      instance: fields.instanceId(),
      round: fields.count(),
      next: fields.count(),
      seqs: readSeqs(fields),
    }),
  },
  /** round, [seq...] */
  asks_unknown: {
    encode: ({ round, seqs }) => [round, seqs],
    decode: (fields) => ({ type: 'asks_unknown', round: fields.count(), seqs: readSeqs(fields) }),
  },
  /** seq */
  ask_abandoned: {
    encode: (message) => [message.seq],
    decode: (fields) => ({ type: 'ask_abandoned', seq: fields.count() }),
  },
};

/** What older nodes don't know: left out from where it says nothing. */
function lastOfRun(priority: number, streams = false, room?: number): unknown[] {
  if (priority > limits.priorityMax) return withPriorityAbove([streams, room ?? null], priority);
  if (!streams) return [];
  return room === undefined ? [true] : [true, room];
}

/** Claims may be open beside as many other asks. */
function readSeqs(fields: FieldReader): number[] {
  return fields.counts(2 * limits.asksMax);
}

function encodeOutcomeFields(outcome: AttemptOutcome): unknown[] {
  switch (outcome.type) {
    case 'done':
      return [outcome.result];
    case 'failed':
      return [...encodeError(outcome.error), outcome.final];
    case 'crashed':
      return [...encodeError(outcome.error), outcome.alone];
    case 'timed_out':
    case 'stopped':
    case 'displaced':
      return [];
  }
}

function readOutcome(fields: FieldReader): AttemptOutcome {
  const type = fields.oneOf(outcomeTypes);
  switch (type) {
    case 'done':
      return { type, result: fields.payload() };
    case 'failed':
      return { type, error: readError(fields), final: fields.boolean() };
    case 'crashed':
      return { type, error: readError(fields), alone: fields.boolean() };
    case 'timed_out':
    case 'stopped':
    case 'displaced':
      return { type };
  }
}

/** How many items came before it an older node doesn't say: it sends none. */
function readReply(fields: FieldReader): { reply: Reply; items: number } {
  const readItems = (): number => fields.optional((inner) => inner.count()) ?? 0;
  if (fields.boolean()) {
    const text = fields.text(limits.replyLengthMax);
    const items = readItems();
    const bytes = fields.optional((inner) => inner.bytes());
    return { reply: bytes === null ? { ok: true, text } : { ok: true, text, bytes }, items };
  }
  const code = fields.name();
  const message = fields.text(limits.replyLengthMax);
  const items = readItems();
  if (Object.hasOwn(errorCodes, code))
    return { reply: { ok: false, code: code as ErrorCode, message }, items };
  // A newer node's code: clients of this one have never heard of it.
  return { reply: { ok: false, code: 'INTERNAL', message: `${code}: ${message}` }, items };
}
