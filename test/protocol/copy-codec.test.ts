import fc from 'fast-check';
import { pack, unpack } from 'msgpackr';
import t from 'tap';
import type { JobCopy } from '../../src/core/jobs/copy.js';
import { limits } from '../../src/core/limits.js';
import { decodeCopy, encodeCopy } from '../../src/protocol/copy-codec.js';
import { FieldReader } from '../../src/protocol/peer-fields.js';
import { anyCopy, copies, copyOf, specOf, withPlainSpecs } from './copy-samples.js';
import { nodeA, nodeB } from './peer-samples.js';

/** Positions in the array of a copy. */
const at = {
  generation: 0,
  stage: 1,
  epoch: 2,
  owner: 3,
  change: 4,
  spec: 5,
  args: 6,
  instance: 7,
  holders: 8,
  state: 9,
  attempt: 10,
  failures: 11,
  fatalities: 12,
  executor: 13,
  notBeforeMs: 14,
  finishedAtMs: 15,
  error: 16,
  result: 17,
} as const;

/** Positions in the array of its spec. */
const inSpec = {
  id: 0,
  task: 1,
  priority: 2,
  timeoutMs: 3,
  retries: 4,
  backoffMs: 5,
  ttlMs: 6,
  route: 7,
  affinity: 8,
  on: 9,
  node: 10,
  copies: 11,
  durable: 12,
  after: 13,
  cron: 14,
  timeZone: 15,
  createdAtMs: 16,
} as const;

/** As it comes back from msgpack. */
function valuesOf(copy: JobCopy): unknown[] {
  return unpack(pack(encodeCopy(copy))) as unknown[];
}

function decodeValues(values: readonly unknown[]): JobCopy {
  return withPlainSpecs(decodeCopy(new FieldReader(values, 'copy', 0)));
}

function withField(field: keyof typeof at, value: unknown): unknown[] {
  return valuesOf(copyOf()).with(at[field], value);
}

function withSpecField(field: keyof typeof inSpec, value: unknown): unknown[] {
  return withField('spec', (valuesOf(copyOf())[at.spec] as unknown[]).with(inSpec[field], value));
}

t.test('a copy in every state comes back as it was', (t) => {
  for (const [name, copy] of Object.entries(copies)) t.strictSame(decodeValues(valuesOf(copy)), copy, name);
  t.end();
});

t.test('a copy with the largest arguments and result comes back as it was', (t) => {
  const text = copyOf({ args: 'x'.repeat(limits.bodyBytesMax), result: '€'.repeat(100_000) });
  t.ok(decodeValues(valuesOf(text)).args === text.args, 'text');
  t.equal(decodeValues(valuesOf(text)).result, text.result);
  const bytes = copyOf({ args: new Uint8Array(limits.bodyBytesMax).fill(7) });
  t.ok(
    Buffer.from(bytes.args as Uint8Array).equals(decodeValues(valuesOf(bytes)).args as Uint8Array),
    'bytes',
  );
  t.end();
});

t.test('any copy comes back as it was', (t) => {
  fc.assert(fc.property(anyCopy(), (copy) => t.strictSame(decodeValues(valuesOf(copy)), copy)));
  t.end();
});

t.test('a holder that is named twice is one', (t) => {
  const twice = copyOf({ holders: [nodeA, nodeB, nodeA] });
  t.strictSame(decodeValues(valuesOf(twice)).holders, [nodeA, nodeB]);
  t.end();
});

t.test('bytes are copied out of what was only lent', (t) => {
  const frame = pack(encodeCopy(copyOf({ args: new Uint8Array([1, 2, 3]) })));
  const copy = decodeValues(unpack(frame) as unknown[]);
  frame.fill(0);
  t.same(copy.args, new Uint8Array([1, 2, 3]));
  t.end();
});

t.test('fields that a newer version adds at the end, of the copy or of its spec, are ignored', (t) => {
  for (const [name, copy] of Object.entries(copies)) {
    const values = valuesOf(copy);
    const spec = values[at.spec] as unknown[];
    // Left out where it says nothing.
    if (spec.length === Object.keys(inSpec).length) spec.push(null);
    spec.push('new', [1]);
    t.strictSame(decodeValues([...values, ['deeper', null], 5]), copy, name);
  }
  t.end();
});

t.test('a copy that is cut short anywhere is refused', (t) => {
  const values = valuesOf(copyOf());
  for (let length = 0; length < values.length; length++) {
    t.throws(() => decodeValues(values.slice(0, length)), { code: 'FIELD_INVALID' }, `${length} values`);
  }
  const spec = values[at.spec] as unknown[];
  for (let length = 0; length < spec.length; length++) {
    t.throws(() => decodeValues(withField('spec', spec.slice(0, length))), { code: 'FIELD_INVALID' });
  }
  t.end();
});

t.test('an error that is too long is cut where it is sent', (t) => {
  const copy = copyOf({ error: { name: 'N'.repeat(1_000), message: 'm'.repeat(100_000) } });
  t.same(decodeValues(valuesOf(copy)).error, {
    name: 'N'.repeat(limits.errorNameLengthMax),
    message: 'm'.repeat(limits.errorMessageLengthMax),
  });
  t.end();
});

t.test('-0 is 0, as msgpack can spell both', (t) => {
  for (const field of ['generation', 'epoch', 'change', 'attempt', 'notBeforeMs', 'finishedAtMs'] as const) {
    t.equal(Object.is(decodeValues(withField(field, -0))[field], 0), true, field);
  }
  for (const field of ['timeoutMs', 'ttlMs', 'createdAtMs', 'priority'] as const) {
    t.equal(Object.is(decodeValues(withSpecField(field, -0)).spec[field], 0), true, field);
  }
  t.end();
});

t.test('a wrong type is refused in every field', (t) => {
  const wrong = [{}, undefined, Symbol.iterator, [[{}]], Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 60)];
  for (const field of Object.keys(at) as (keyof typeof at)[]) {
    for (const value of wrong) {
      t.throws(() => decodeValues(withField(field, value)), { code: 'FIELD_INVALID' }, field);
    }
  }
  for (const field of Object.keys(inSpec) as (keyof typeof inSpec)[]) {
    for (const value of wrong) {
      t.throws(() => decodeValues(withSpecField(field, value)), { code: 'FIELD_INVALID' }, `spec: ${field}`);
    }
  }
  t.end();
});

t.test('a value out of range is refused', (t) => {
  const counts = ['generation', 'epoch', 'change', 'attempt', 'failures', 'fatalities'] as const;
  const wrong: readonly (readonly [name: string, values: unknown[]])[] = [
    ...counts.flatMap((field) =>
      [-1, 1.5, 2 ** 53, 1e300, '1', null, 1n].map(
        (value) => [`${field} of ${value}`, withField(field, value)] as const,
      ),
    ),
    ['stage of 3', withField('stage', 3)],
    ['stage of true', withField('stage', true)],
    ['an owner in capitals', withField('owner', nodeA.toUpperCase())],
    ['no owner', withField('owner', null)],
    ['an instance of 4 characters', withField('instance', 'abcd')],
    ['arguments that are a number', withField('args', 1)],
    ['a holder that is a number', withField('holders', [nodeA, 5])],
    ['a state of 4', withField('state', 4)],
    ['a state by name', withField('state', 'done')],
    ['an executor that is no id', withField('executor', 'b')],
    ['a time after the last that there is', withField('notBeforeMs', limits.wallMsMax + 1)],
    ['a time before the first that there is', withField('finishedAtMs', -limits.wallMsMax - 1)],
    ['no time to start at', withField('notBeforeMs', null)],
    ['an error without a message', withField('error', ['E'])],
    ['an error that is text', withField('error', 'E')],
    ['a result that is true', withField('result', true)],
    ['a job id with an owner that is none', withSpecField('id', 'x-cdefg-1')],
    ['a task with a line break', withSpecField('task', 'echo\n')],
    ['a priority over the limit', withSpecField('priority', limits.priorityMax + 1)],
    ['a priority of 0.5', withSpecField('priority', 0.5)],
    ['a time-out of -1', withSpecField('timeoutMs', -1)],
    ['a time-out over the limit', withSpecField('timeoutMs', limits.durationMsMax + 1)],
    ['retries over the limit', withSpecField('retries', limits.retriesMax + 1)],
    ['a backoff of -1', withSpecField('backoffMs', -1)],
    ['a ttl over the limit', withSpecField('ttlMs', limits.durationMsMax + 1)],
    ['a policy of 3', withSpecField('route', 3)],
    ['an affinity with a control character', withSpecField('affinity', 'a\u0007')],
    ['a tag without a value', withSpecField('on', ['a'])],
    ['a tag twice', withSpecField('on', ['a', '1', 'a', '2'])],
    ['a node with a space', withSpecField('node', 'a b')],
    ['no copies', withSpecField('copies', 0)],
    ['copies over the limit', withSpecField('copies', limits.copiesMax + 1)],
    ['durable of 0', withSpecField('durable', 0)],
    ['after what is no job', withSpecField('after', ['x'])],
    ['an empty cron expression', withSpecField('cron', '')],
    ['a time zone with a line break', withSpecField('timeZone', 'UTC\n')],
    ['no time of creation', withSpecField('createdAtMs', null)],
  ];
  for (const [name, values] of wrong) {
    t.throws(() => decodeValues(values), { code: 'FIELD_INVALID' }, name);
  }
  t.end();
});

t.test('every list and text is taken at its limit and refused one over it', (t) => {
  const job = specOf().id;
  const tagsOf = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => [`k${index}`, 'v']).flat();
  const bounded: readonly (readonly [name: string, max: number, valuesOf: (count: number) => unknown[]])[] = [
    ['holders', 2 * limits.copiesMax, (count) => withField('holders', Array(count).fill(nodeA))],
    ['jobs before it', limits.afterMax, (count) => withSpecField('after', Array(count).fill(job))],
    ['tags', limits.tagsPerNodeMax, (count) => withSpecField('on', tagsOf(count))],
    ['a cron expression', limits.keyLengthMax, (count) => withSpecField('cron', '*'.repeat(count))],
    ['arguments', limits.bodyBytesMax, (count) => withField('args', 'x'.repeat(count))],
    ['a result', limits.bodyBytesMax, (count) => withField('result', new Uint8Array(count))],
    ["an error's name", limits.errorNameLengthMax, (count) => withField('error', ['x'.repeat(count), ''])],
    [
      "an error's message",
      limits.errorMessageLengthMax,
      (count) => withField('error', ['', 'x'.repeat(count)]),
    ],
  ];
  for (const [name, max, values] of bounded) {
    t.ok(decodeValues(values(max)), `${name}: ${max}`);
    t.throws(() => decodeValues(values(max + 1)), { code: 'FIELD_INVALID' }, `${name}: one more`);
  }
  t.end();
});
