import t from 'tap';
import { incarnationsPerStart } from '../../src/core/member.js';
import { createRandom } from '../../src/core/random.js';
import { SimDisk } from '../../src/sim/sim-disk.js';
import { startFromDisk } from '../../src/sim/sim-start.js';

const crashes = Array.from({ length: 200 }, (_, index) => createRandom(`crash-${index}`));
const newId = () => 'a00000000000';

t.test('a crash takes none, a part or all of what was not synced, and nothing else', async (t) => {
  const found = new Set<string>();
  for (const random of crashes) {
    const disk = new SimDisk();
    disk.append('journal', Buffer.from('one'));
    disk.sync('journal');
    disk.syncDirectory();
    disk.append('journal', Buffer.from('two'));
    disk.crash(random);
    found.add(String(disk.read('journal')));
  }
  t.same([...found].sort(), ['one', 'onet', 'onetw', 'onetwo']);
});

t.test('names are lost like contents until the directory is synced', async (t) => {
  const found = new Set<string>();
  for (const random of crashes) {
    const disk = new SimDisk();
    disk.write('old', Buffer.from('x'));
    disk.sync('old');
    disk.syncDirectory();
    disk.rename('old', 'new');
    disk.write('other', Buffer.alloc(0));
    disk.crash(random);
    found.add(disk.files().join());
  }
  t.same([...found].sort(), ['new', 'new,other', 'old']);
});

t.test('what a killed process wrote stays, and what is synced stays for good', async (t) => {
  const disk = new SimDisk();
  disk.write('a', Buffer.from('abc'));
  t.equal(String(disk.read('a')), 'abc');
  disk.truncate('a', 1);
  disk.sync('a');
  disk.syncDirectory();
  disk.crash(createRandom('x'));
  t.equal(String(disk.read('a')), 'a');
  const copy = disk.copy();
  disk.remove('a');
  t.same([disk.read('a'), String(copy.read('a'))], [null, 'a']);
});

t.test('whenever the power fails in a start, no later start shares an incarnation', async (t) => {
  for (const random of crashes) {
    const disk = new SimDisk();
    let highest = 0;
    for (let start = 0; start < 6; start++) {
      const identity = startFromDisk(disk, { newId, crashBefore: random.below(6) });
      if (identity !== null) {
        t.ok(identity.starts > highest);
        highest = identity.starts;
      }
      disk.crash(random);
    }
    t.ok(highest * incarnationsPerStart < 2 ** 52);
  }
});
