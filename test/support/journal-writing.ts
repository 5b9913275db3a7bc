import { writeSync } from 'node:fs';
import { copyIn, TestJournal } from './test-journal.js';

/** A process that writes to the journal in its first argument without an end, for a test to kill. Each line is a number told as written. */
const journal = await TestJournal.open(process.argv[2] as string, { instance: process.argv[3] as string });
/** Slots are used over and over: the change of one is the number of its write. */
const slotCount = 700;
const inFlightMax = 300;
const offset = Number(process.argv[4]);

for (;;) {
  const told = journal.writtenSeq;
  writeSync(1, `${offset + told}\n`);
  while (journal.seq - told < inFlightMax) {
    const number = offset + journal.seq + 1;
    const slot = (number * 7) % slotCount;
    const isLarge = number % 97 === 0;
    journal.write(copyIn(slot, number, isLarge ? { args: JSON.stringify('z'.repeat(20_000)) } : {}));
  }
  await journal.until(() => journal.writtenSeq > told);
}
