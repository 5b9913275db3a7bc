import t from 'tap';
import { atStakeText, countAtStake, fateOf } from '../../../src/core/jobs/at-stake.js';
import type { JobRecord } from '../../../src/core/jobs/record.js';

function unfinished(change: {
  holders: number;
  missing?: number;
  durable?: boolean;
  slot?: number;
}): JobRecord {
  const { holders, missing = 0, durable = false, slot = 0 } = change;
  const names = Array.from({ length: holders }, (_, position) => `node${position}`);
  return {
    state: 'queued',
    outcome: null,
    holders: names,
    missing,
    spec: { durable },
    slot,
  } as unknown as JobRecord;
}

t.test('what becomes of a job follows from who has it by the time its owner ends', (t) => {
  t.equal(fateOf(unfinished({ holders: 2 })), 'held');
  t.equal(fateOf(unfinished({ holders: 2, missing: 0b01, durable: true, slot: 7 })), 'held');
  t.equal(fateOf(unfinished({ holders: 2, missing: 0b10 })), 'lost', 'it is still on its way there');
  t.equal(fateOf(unfinished({ holders: 3, missing: 0b010 })), 'held', 'one of two has it');
  t.equal(fateOf(unfinished({ holders: 2, missing: 0b10, durable: true, slot: 7 })), 'journaled');
  t.equal(fateOf(unfinished({ holders: 1, missing: 0b01, durable: true, slot: 7 })), 'lost', 'not synced');
  t.equal(fateOf(unfinished({ holders: 1 })), 'lost');
  t.end();
});

t.test(
  'of a job that is on its way to its next owner, a holder other than this node goes on with it',
  (t) => {
    const handed = { missing: 1, pending: [{ type: 'handed' }] };
    const fate = (based: number, change: { durable?: boolean; slot?: number } = {}) =>
      fateOf({ ...unfinished({ holders: 3, ...change }), ...handed, based } as unknown as JobRecord);
    t.equal(fate(0b001), 'held', 'the next owner held it');
    t.equal(fate(0b110), 'held', 'a further holder has it');
    t.equal(fate(0b010), 'lost', 'this node alone has it');
    t.equal(fate(0b010, { durable: true, slot: 7 }), 'journaled');
    t.equal(fate(0b000, { durable: true, slot: 7 }), 'lost', 'not synced');
    t.end();
  },
);

t.test('jobs that have ended are not counted, and the sentence names what there is', (t) => {
  const alone = unfinished({ holders: 1 });
  const kept = unfinished({ holders: 1, durable: true, slot: 1 });
  const over = { ...alone, state: 'done' } as JobRecord;
  const ending = { ...alone, state: 'running', outcome: { type: 'done', result: '1' } } as JobRecord;
  t.strictSame(countAtStake([alone, kept, kept, over, ending, unfinished({ holders: 2 })]), {
    journaled: 2,
    lost: 1,
  });
  t.equal(
    atStakeText({ journaled: 2, lost: 1 }),
    '2 are in its journal, and go on when it starts again; 1 is lost: submit it again elsewhere',
  );
  t.equal(
    atStakeText({ journaled: 1, lost: 2 }),
    '1 is in its journal, and goes on when it starts again; 2 are lost: submit them again elsewhere',
  );
  t.equal(atStakeText({ journaled: 0, lost: 0 }), 'other nodes hold them, and go on with them');
  t.end();
});
