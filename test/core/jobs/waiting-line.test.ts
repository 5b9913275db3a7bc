import fc from 'fast-check';
import t from 'tap';
import type { JobRecord, JobState } from '../../../src/core/jobs/record.js';
import { WaitingLine } from '../../../src/core/jobs/waiting-line.js';

/** As much of a record as a line looks at. */
function queuedRecord(id: number, priority: number): JobRecord {
  return { spec: { id: String(id), priority }, state: 'queued' as JobState, place: null } as JobRecord;
}

t.test('jobs leave by priority, then in order of arrival', async () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 200 }), (priorities) => {
      const line = new WaitingLine();
      const records = priorities.map((priority, id) => queuedRecord(id, priority));
      for (const record of records) line.push(record);
      const left: JobRecord[] = [];
      for (let record = line.shift(); record !== undefined; record = line.shift()) left.push(record);
      const expected = [...records].sort((a, b) => b.spec.priority - a.spec.priority);
      return left.every((record, index) => record === expected[index]) && left.length === expected.length;
    }),
  );
});

t.test('jobs that left the line are passed over and not counted', async (t) => {
  const line = new WaitingLine();
  const records = Array.from({ length: 5_000 }, (_, id) => queuedRecord(id, 0));
  for (const record of records) line.push(record);
  for (const record of records.slice(0, 4_999)) {
    line.remove(record);
  }
  t.equal(line.length, 1);
  t.equal(line.shift(), records[4_999]);
  t.equal(line.shift(), undefined);
  t.equal(line.length, 0);
});

t.test('a job that had its turn goes ahead of its equals, and not of a higher priority', async (t) => {
  const line = new WaitingLine();
  const [normal, high, again] = [queuedRecord(1, 0), queuedRecord(2, 1), queuedRecord(3, 0)] as const;
  line.push(normal);
  line.push(high);
  line.pushFront(again);
  t.same([line.shift(), line.shift(), line.shift()], [high, again, normal]);
});

t.test('a job that was cancelled and retried while it stood in line runs once', async (t) => {
  const line = new WaitingLine();
  const record = queuedRecord(1, 0);
  line.push(record);
  line.remove(record);
  line.push(record);
  t.equal(line.length, 1);
  t.equal(line.shift(), record);
  t.equal(line.shift(), undefined);
  t.equal(line.length, 0);
});

t.test('an empty place keeps nothing of the job that left it', async (t) => {
  const line = new WaitingLine();
  const record = queuedRecord(1, 0);
  line.push(record);
  const { place } = record;
  line.remove(record);
  t.same(place, { record: null });
  line.remove(record);
  t.equal(line.length, 0);
});
