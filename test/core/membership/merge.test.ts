import fc from 'fast-check';
import t from 'tap';
import { incarnationMax, isPresent, type MemberRecord, type MemberState } from '../../../src/core/member.js';
import { supersedes } from '../../../src/core/membership/merge.js';
import { aliveMember } from './builders.js';

const states: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];
const records: fc.Arbitrary<MemberRecord> = fc
  .record({
    // Few values, so that equal incarnations with other states and contents are common.
    incarnation: fc.oneof(fc.nat(3), fc.constant(incarnationMax)),
    state: fc.constantFrom(...states),
    instance: fc.constantFrom('aaaaa', 'bbbbb'),
    address: fc.constantFrom('x:1', 'y:1'),
    draining: fc.boolean(),
  })
  .map((change) => aliveMember('b', change));

/** Of two records of one member, the one that all nodes keep, in whatever order they hear of them. */
function mergeRecords(a: MemberRecord, b: MemberRecord): MemberRecord {
  return supersedes(b, a) ? b : a;
}

t.test('merging is commutative', async () => {
  fc.assert(
    fc.property(records, records, (a, b) => {
      t.strictSame(mergeRecords(a, b), mergeRecords(b, a));
    }),
  );
});

t.test('merging is associative', async () => {
  fc.assert(
    fc.property(records, records, records, (a, b, c) => {
      t.strictSame(mergeRecords(mergeRecords(a, b), c), mergeRecords(a, mergeRecords(b, c)));
    }),
  );
});

t.test('merging is idempotent, and nothing supersedes itself', async () => {
  fc.assert(
    fc.property(records, (a) => {
      t.equal(mergeRecords(a, { ...a }), a);
      t.notOk(supersedes({ ...a }, a));
    }),
  );
});

t.test(
  'in whatever order records come, the incarnation never falls and the dead stay dead at theirs',
  async () => {
    fc.assert(
      fc.property(fc.array(records, { minLength: 1, maxLength: 12 }), (heard) => {
        let known = heard[0] as MemberRecord;
        for (const record of heard) {
          const next = mergeRecords(known, record);
          t.ok(next.incarnation >= known.incarnation);
          if (next.incarnation === known.incarnation && !isPresent(known)) t.notOk(isPresent(next));
          known = next;
        }
      }),
    );
  },
);
