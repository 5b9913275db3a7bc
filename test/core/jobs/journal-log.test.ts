import t from 'tap';
import type { JobCopy } from '../../../src/core/jobs/copy.js';
import { JournalLog } from '../../../src/core/jobs/journal-log.js';
import { Outbox } from '../../../src/core/outbox.js';
import { copyIn } from '../../support/test-journal.js';

t.test(
  'what is written in one turn goes out in batches, and is written once the last of them is',
  async (t) => {
    const outbox = new Outbox(() => null);
    const log = new JournalLog(outbox, 'open');
    for (let job = 1; job <= 1_000; job++) log.write(0, copyIn(job, 1).copy as JobCopy);
    const told: boolean[] = [];
    log.after((isOnDisk) => told.push(isOnDisk));
    log.flush();
    const batches = outbox.take().flatMap((effect) => (effect.type === 'journal' ? [effect] : []));
    t.same(
      batches.map(({ writes }) => writes.length),
      [256, 256, 256, 232],
    );
    t.equal(new Set(batches.flatMap(({ writes }) => writes.map(({ slot }) => slot))).size, 1_000);
    log.written((batches[2] as { seq: number }).seq);
    t.same(told, []);
    log.written((batches[3] as { seq: number }).seq);
    t.same(told, [true]);
  },
);

t.test('who waits for a journal that fails in between is told so, once', async (t) => {
  const outbox = new Outbox(() => null);
  const log = new JournalLog(outbox, 'open');
  for (let job = 1; job <= 600; job++) log.write(0, copyIn(job, 1).copy as JobCopy);
  const told: boolean[] = [];
  log.after((isOnDisk) => told.push(isOnDisk));
  log.flush();
  log.written(1);
  log.failed();
  t.same(told, [false]);
});

t.test(
  'what is written comes before what is erased, so that a job that changes its slot is always in one',
  async (t) => {
    const outbox = new Outbox(() => null);
    const log = new JournalLog(outbox, 'open');
    log.reserve(300);
    for (let slot = 1; slot <= 300; slot++) log.erase(slot);
    for (let job = 1; job <= 300; job++) log.write(0, copyIn(job, 1).copy as JobCopy);
    log.flush();
    const writes = outbox.take().flatMap((effect) => (effect.type === 'journal' ? [...effect.writes] : []));
    const firstErased = writes.findIndex(({ copy }) => copy === null);
    t.ok(writes.slice(firstErased).every(({ copy }) => copy === null));
  },
);

t.test('a batch with many bytes takes no further job', async (t) => {
  const outbox = new Outbox(() => null);
  const log = new JournalLog(outbox, 'open');
  for (let job = 1; job <= 10; job++)
    log.write(0, copyIn(job, 1, { args: new Uint8Array(400 * 1024) }).copy as JobCopy);
  log.flush();
  const batches = outbox.take().flatMap((effect) => (effect.type === 'journal' ? [effect.writes] : []));
  t.same(
    batches.map(({ length }) => length),
    [3, 3, 3, 1],
  );
});
