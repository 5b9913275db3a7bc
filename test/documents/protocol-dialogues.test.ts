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
  await play(t, [], under('any'));
});

t.test('so do those on a node that has a token', async (t) => {
  const config = join(directory, 'rondo.yaml');
  writeFileSync(config, 'clientToken: s3cret\n');
  await play(t, ['--config', config], under('auth'));
});

t.test('and those on a node that keeps no journal', async (t) => {
  await play(t, ['--no-journal'], under('memory'));
});

t.test('and those that end their node, each on one of its own', async (t) => {
  for (const dialogue of under('leave')) await play(t, [], [dialogue]);
});

/** Starts one node and plays these, one after the other. */
async function play(t: Test, args: string[], played: readonly Dialogue[]): Promise<void> {
  // One node by itself: what starts clusters asks it questions, and this one may want AUTH first.
  const name = `line-${played[0]?.line}`;
  const node = await startNode({ name, directory, args: [...taskArgs, ...args] });
  t.teardown(() => node.stop());
  for (const dialogue of played) {
    await t.resolves(playDialogue(dialogue, node.client), `${dialogue.title}, line ${dialogue.line}`);
  }
}

function under(condition: string): readonly Dialogue[] {
  return dialogues.filter((dialogue) => conditionOf(dialogue) === condition);
}

/** The other conditions (`busy`, `fault`, `full`) are played against a port with nothing behind it. */
function conditionOf(dialogue: Dialogue): string {
  return dialogue.conditions[0] ?? 'any';
}
