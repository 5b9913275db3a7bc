import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { errorCodes } from '../../src/core/errors.js';
import { errorReply } from '../../src/core/reply.js';
import { verbSpecs } from '../../src/protocol/verbs.js';
import { type Dialogue, parseDialogues } from '../support/dialogue.js';
import { playDialogue } from '../support/dialogue-player.js';
import { type FakeNodeOptions, startFakeNode } from '../support/fake-node.js';

const markdown = readFileSync(join(process.cwd(), 'src/protocol/PROTOCOL.md'), 'utf8');
const dialogues = parseDialogues(markdown);

/** Those that only the protocol itself answers, `echo` and `sleep` apart: they need no node behind the port. */
const titlesWithoutNode = [
  'Grammar',
  "A connection's life",
  'Tags and order',
  'Bodies',
  'HELLO',
  'AUTH token',
  'PING',
  'HELP [VERB]',
  'QUIT',
  'BAD_REQUEST',
  'BAD_UTF8',
  'BAD_JSON',
  'BAD_OPTION',
  'UNKNOWN_VERB',
  'UNSUPPORTED',
  'LINE_TOO_LONG',
  'BODY_TOO_LARGE',
  'WRONG_PROTOCOL',
  'UNAUTHORIZED',
];

const conditions = new Map<string, FakeNodeOptions>([
  ['auth', { authToken: 's3cret' }],
  ['busy', { answer: errorReply('BUSY', 'retry-after=250ms the queue is full') }],
  ['fault', { answer: errorReply('INTERNAL', 'see the log') }],
  ['full', { limits: { connectionsMax: 1 } }],
  ['halting', { limits: { stallTimeoutMs: 200 } }],
  ['moved', { answer: errorReply('MOVED', 'the job has another owner now') }],
  ['small', { limits: { replyBytesMax: 500 } }],
  ['subscribed', { answer: errorReply('TOO_MANY_SUBSCRIPTIONS', 'end some') }],
  ['unwritable', { answer: errorReply('STORE_FAILED', 'the journal of this node takes no writes') }],
]);

t.test('PROTOCOL.md lists exactly the error codes there are', async (t) => {
  const [lineProtocol = ''] = markdown.split('## Peer protocol\n');
  const listed = [...lineProtocol.matchAll(/^\| `([A-Z_0-9]+)` +\|/gm)].map((match) => match[1]);
  t.strictSame(listed, Object.keys(errorCodes));
});

t.test('each verb and each error code has a dialogue', async (t) => {
  const said = dialogues.flatMap(({ steps }) =>
    steps.map((step) => (step.type === 'send' ? step.text : step.type === 'expect' ? step.pattern : '')),
  );
  const shows = (word: string): boolean => said.some((text) => text.split(' ').includes(word));
  t.strictSame(
    [...verbSpecs.keys()].filter((verb) => !shows(verb)),
    [],
  );
  t.strictSame(
    Object.keys(errorCodes).filter((code) => !shows(code)),
    [],
  );
});

t.test('each dialogue about the protocol alone goes as written', async (t) => {
  for (const title of titlesWithoutNode) {
    t.ok(
      dialogues.some((dialogue) => dialogue.title === title),
      `${title} is in PROTOCOL.md`,
    );
  }
  for (const dialogue of dialogues.filter(isPlayable)) {
    t.test(`${dialogue.title}, line ${dialogue.line}`, (t) => play(t, dialogue));
  }
});

function isPlayable({ title, conditions: words }: Dialogue): boolean {
  return (
    titlesWithoutNode.includes(title) ||
    ['busy', 'fault', 'full', 'halting', 'moved', 'small', 'subscribed', 'unwritable'].includes(
      words[0] ?? '',
    )
  );
}

async function play(t: Test, dialogue: Dialogue): Promise<void> {
  const { server, address } = await startFakeNode(conditions.get(dialogue.conditions[0] ?? ''));
  t.teardown(() => server.shutdown(0));
  if (dialogue.conditions[0] === 'full') {
    const first = connect(Number(address.split(':').pop()), '127.0.0.1');
    t.teardown(() => first.destroy());
    first.write('PING\n');
    await once(first, 'data');
  }
  await t.resolves(playDialogue(dialogue, address), 'goes as written');
}
