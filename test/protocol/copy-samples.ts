import fc from 'fast-check';
import { type CopyStage, copyStates, type JobCopy } from '../../src/core/jobs/copy.js';
import type { JobSpec } from '../../src/core/jobs/spec.js';
import { limits } from '../../src/core/limits.js';
import type { JobUpdate, PeerMessage } from '../../src/core/messages.js';
import { nodeA, nodeB } from './peer-samples.js';

export function specOf(changes: Partial<JobSpec> = {}): JobSpec {
  return {
    id: `${nodeA}-cdefg-1z`,
    task: 'echo',
    priority: 0,
    timeoutMs: 60_000,
    retries: 3,
    backoffMs: 250,
    ttlMs: 86_400_000,
    route: 'round-robin',
    affinity: null,
    on: [],
    node: null,
    copies: 2,
    durable: true,
    after: [],
    cron: null,
    timeZone: null,
    createdAtMs: 1_700_000_000_000,
    ...changes,
  };
}

export function copyOf(changes: Partial<JobCopy> = {}): JobCopy {
  return {
    generation: 0,
    stage: 0,
    epoch: 1,
    owner: nodeA,
    change: 0,
    spec: specOf(),
    args: '{"n":1}',
    instance: 'cdefg',
    holders: [nodeA, nodeB],
    state: 'waiting',
    attempt: 0,
    failures: 0,
    fatalities: 0,
    executor: null,
    notBeforeMs: 1_700_000_000_000,
    finishedAtMs: null,
    error: null,
    result: null,
    awaits: [],
    ...changes,
  };
}

const finished = { stage: 2 as const, change: 2, attempt: 1, finishedAtMs: 1_700_000_000_250.5 };

/** Copies in every state, by name: whatever a copy may hold is in one of them. */
export const copies: Readonly<Record<string, JobCopy>> = {
  waiting: copyOf(),
  isolated: copyOf({ change: 7, attempt: 2, failures: 1, fatalities: 1, executor: nodeB }),
  retried: copyOf({ generation: 3, epoch: 2 ** 40, attempt: 4, error: { name: 'E', message: 'größer\n' } }),
  done: copyOf({ ...finished, args: null, state: 'done', result: '"ünï 😀"' }),
  'done, with bytes': copyOf({ ...finished, args: null, state: 'done', result: new Uint8Array([0, 255]) }),
  failed: copyOf({ ...finished, state: 'failed', error: { name: '', message: '' } }),
  cancelled: copyOf({ ...finished, state: 'cancelled' }),
  'with all that a job may ask for': copyOf({
    args: new Uint8Array(0),
    holders: [nodeB],
    spec: specOf({
      id: `key-${'v'.repeat(26)}`,
      priority: -limits.priorityMax,
      timeoutMs: 0.5,
      ttlMs: limits.durationMsMax,
      route: 'affinity',
      affinity: 'user 4, größer',
      on: [
        ['__proto__', 'yes'],
        ['zone', 'a'],
      ],
      node: 'b',
      copies: limits.copiesMax,
      durable: false,
      after: [`${nodeB}-00000-0`, `key-${'0'.repeat(26)}`],
      createdAtMs: -1,
    }),
  }),
  'above what may be given': copyOf({ spec: specOf({ priority: limits.raisedPriorityMax }) }),
  'a schedule': copyOf({
    spec: specOf({ cron: '*/5 * * * 1-5', timeZone: 'America/Argentina/Buenos_Aires' }),
    notBeforeMs: 0,
  }),
};

/** Any copy that there can be, with arguments of up to a few kB. */
export function anyCopy(): fc.Arbitrary<JobCopy> {
  const count = fc.oneof(fc.nat(9), fc.constantFrom(2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER));
  const text = fc.string({ unit: 'grapheme', maxLength: 300 });
  const payload = fc.oneof(text, fc.uint8Array({ maxLength: 4_000 }));
  const nodeId = fc.constantFrom(nodeA, nodeB);
  const wallMs = fc
    .double({ min: -limits.wallMsMax, max: limits.wallMsMax, noNaN: true })
    .map((ms) => ms + 0);
  const orNull = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null });
  return fc
    .record({
      generation: count,
      stage: fc.constantFrom<CopyStage>(0, 1, 2),
      epoch: count,
      owner: nodeId,
      change: count,
      spec: fc
        .record({
          priority: fc.integer({ min: -limits.priorityMax, max: limits.raisedPriorityMax }),
          timeoutMs: fc.double({ min: 0, max: limits.durationMsMax, noNaN: true }),
          retries: fc.integer({ min: 0, max: limits.retriesMax }),
          createdAtMs: wallMs,
          copies: fc.integer({ min: 1, max: limits.copiesMax }),
        })
        .map(specOf),
      args: orNull(payload),
      instance: fc.constant('cdefg'),
      holders: fc.uniqueArray(nodeId, { maxLength: 3 }),
      state: fc.constantFrom(...copyStates),
      attempt: count,
      failures: count,
      fatalities: count,
      executor: orNull(nodeId),
      notBeforeMs: wallMs,
      finishedAtMs: orNull(wallMs),
      error: orNull(
        fc.record({ name: fc.string({ maxLength: 20 }), message: text }, { noNullPrototype: true }),
      ),
      result: orNull(payload),
      awaits: fc.uniqueArray(fc.constantFrom(`${nodeA}-cdefg-1`, `${nodeB}-cdefg-2`), { maxLength: 2 }),
    })
    .map(copyOf);
}

/** Messages about copies, in every shape. */
export const copyMessages: readonly PeerMessage[] = [
  { type: 'keep', seq: 4, entries: Object.values(copies).map((copy) => ({ type: 'copy', copy })) },
  {
    type: 'keep',
    seq: 5,
    entries: [
      { type: 'update', job: `${nodeA}-cdefg-1`, update: updateOf(copyOf({ change: 3 })) },
      { type: 'update', job: `${nodeA}-cdefg-2`, update: updateOf(copyOf({ state: 'done', result: '1' })) },
      {
        type: 'drop',
        job: `${nodeA}-cdefg-3`,
        rank: { generation: 1, stage: 2, epoch: 3, owner: nodeB, change: 9 },
      },
    ],
  },
  { type: 'kept', seq: 4, refused: [] },
  {
    type: 'kept',
    seq: 5,
    refused: (['fenced', 'lacking', 'full', 'failed'] as const).map((reason, index) => ({ index, reason })),
  },
  {
    type: 'ask',
    seq: 12,
    command: {
      type: 'inquire',
      items: [
        {
          job: `${nodeA}-cdefg-1`,
          instance: 'cdefg',
          isDurable: true,
          generation: 0,
          stage: 1,
          epoch: 2,
          owner: nodeA,
          change: 5,
        },
      ],
    },
  },
];

function updateOf({ spec: _spec, args: _args, ...update }: JobCopy): JobUpdate {
  return update;
}

/** The same with every spec as a plain object: what is decoded shares what its specs have in common, and shows it by getters. */
export function withPlainSpecs<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(withPlainSpecs) as Value;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const isSpec = 'createdAtMs' in value && 'timeZone' in value;
  const entries = isSpec
    ? specKeys.map((key) => [key, (value as unknown as JobSpec)[key]] as const)
    : Object.entries(value);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withPlainSpecs(inner as unknown)])) as Value;
}

const specKeys = Object.keys(specOf()) as (keyof JobSpec)[];
