import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { directoryFor, TestJournal } from '../support/test-journal.js';

const writing = fileURLToPath(new URL('../support/journal-writing.js', import.meta.url));
const slotCount = 700;

/** A process that writes from this number on is killed, most likely within a commit; returns the last number that it told. */
async function writeAndDie(
  directory: string,
  instance: string,
  offset: number,
  linesMax: number,
): Promise<number> {
  const child = spawn(process.execPath, [writing, directory, instance, String(offset)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let told = offset;
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    told = Number(line);
    if (++lines === linesMax) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  if (signal !== 'SIGKILL') throw new Error(`it ended by itself (${signal})`);
  return told;
}

t.test('what a process was told is written is there after it was killed, time after time', async (t) => {
  const directory = directoryFor(t);
  const lineage: string[] = [];
  let offset = 0;
  for (let round = 0; round < 8; round++) {
    const instance = `aaaa${round}`;
    lineage.push(instance);
    const told = await writeAndDie(directory, instance, offset, 5 + 13 * round);
    t.ok(told > offset, `${told - offset} were told`);
    const journal = await TestJournal.open(directory, { instance: 'zzzzz' });
    t.same(journal.logged, [], 'the file is whole');
    t.same(journal.contents.lineage.slice(0, -1), lineage);
    const { changes } = journal;
    const missing: number[] = [];
    for (let number = Math.max(1, told - slotCount + 1); number <= told; number++) {
      if ((changes[(number * 7) % slotCount] ?? 0) < number) missing.push(number);
    }
    t.same(missing, []);
    // What was not told yet may be there too; it is not to be taken for something else.
    offset = Math.max(...Object.values(changes));
    t.ok(Object.entries(changes).every(([slot, change]) => (change * 7) % slotCount === Number(slot)));
    await journal.close();
  }
});
