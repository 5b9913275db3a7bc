import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startNode } from '../support/cluster-node.js';
import { type Dialogue, parseDialogues } from '../support/dialogue.js';
import { playDialogue } from '../support/dialogue-player.js';

const root = process.cwd();
const dialogues = parseDialogues(readFileSync(join(root, 'src/protocol/PROTOCOL.md'), 'utf8'));
const directory = mkdtempSync(join(tmpdir(), 'rondo-dialogues-'));
const taskArgs = ['--tasks', join(root, 'test/fixtures/tasks')];

t.teardown(() => rmSync(directory, { recursive: true, force: true }));

t.test('each dialogue of PROTOCOL.md goes as written on a real node', async (t) => {
  await playAll(t, [], 'any');
});

t.test('so do those on a node that has a token', async (t) => {
  const config = join(directory, 'rondo.yaml');
  writeFileSync(config, 'clientToken: s3cret\n');
  await playAll(t, ['--config', config], 'auth');
});

t.test('and the one that ends its node', async (t) => {
  await playAll(t, [], 'leave');
});

/** Starts one node and plays those under this condition, one after the other. */
async function playAll(t: Test, args: string[], condition: string): Promise<void> {
  // One node by itself: what starts clusters asks it questions, and this one may want AUTH first.
  const node = await startNode({ name: condition, directory, args: [...taskArgs, ...args] });
  t.teardown(() => node.stop());
  for (const dialogue of dialogues.filter((dialogue) => conditionOf(dialogue) === condition)) {
    await t.resolves(playDialogue(dialogue, node.client), `${dialogue.title}, line ${dialogue.line}`);
  }
}

/** The other conditions (`busy`, `fault`, `full`) are played against a port with nothing behind it. */
function conditionOf(dialogue: Dialogue): string {
  return dialogue.conditions[0] ?? 'any';
}
