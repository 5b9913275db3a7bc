import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { limits } from '../../src/core/limits.js';
import { KnownPeersFile, readKnownPeers } from '../../src/store/known-peers.js';
import { directoryFor } from '../support/test-journal.js';

/** What was said of it, by each reading. */
const said: string[] = [];
const read = (directory: string): string[] => readKnownPeers(directory, (why) => said.push(why));

const notExpected = (error: Error): never => {
  throw error;
};

t.test('what was kept last is there at the next start', async (t) => {
  const directory = directoryFor(t);
  t.strictSame(read(directory), []);
  const file = new KnownPeersFile(directory, notExpected);
  for (let count = 1; count <= 20; count++) file.keep([`host-${count}:7410`, '[::1]:7410']);
  await file.close(false);
  t.strictSame(read(directory), ['host-20:7410', '[::1]:7410']);
  t.strictSame(readdirSync(directory), ['peers.json'], 'nothing is left beside it');
  t.equal(statSync(join(directory, 'peers.json')).mode & 0o777, 0o600);
});

t.test('what nobody has written keeps no node from starting', async (t) => {
  const directory = directoryFor(t);
  const many = Array.from({ length: 100 }, (_, index) => `host${index}:1`);
  const tooMany = JSON.stringify({ version: 1, peers: many });
  const table: [text: string, peers: readonly string[]][] = [
    ['', []],
    ['{"version":1,"peers":["a:', []],
    ['null', []],
    ['{"version":2,"peers":["a:1"]}', []],
    ['{"version":1,"peers":"a:1"}', []],
    ['{"version":1,"peers":["a:1",7,"no port","b:99999","c:2"]}', ['a:1', 'c:2']],
    [tooMany, many.slice(0, limits.knownPeersMax)],
  ];
  for (const [text, peers] of table) {
    writeFileSync(join(directory, 'peers.json'), text);
    t.strictSame(read(directory), peers, text.slice(0, 60));
  }
  rmSync(join(directory, 'peers.json'));
  mkdirSync(join(directory, 'peers.json'));
  t.strictSame(read(directory), [], 'a directory in its place');
  t.match(said, [/JSON/, /JSON/, /no list/, /no list/, /no list/, /peers\.json/]);
});

t.test('a file that cannot be written is told, and the next one is tried again', async (t) => {
  const directory = directoryFor(t);
  const told: string[] = [];
  const file = new KnownPeersFile(directory, ({ message }) => told.push(message));
  mkdirSync(join(directory, 'peers.json', 'full'), { recursive: true });
  file.keep(['a:1']);
  await file.close(false);
  t.equal(told.length, 1);
  rmSync(join(directory, 'peers.json'), { recursive: true });
  file.keep(['b:1']);
  await file.close(false);
  t.strictSame(read(directory), ['b:1']);
  t.equal(told.length, 1);
});
