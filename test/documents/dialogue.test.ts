import t from 'tap';
import { fillIn, matchReply, parseDialogues } from '../support/dialogue.js';
import { playDialogue } from '../support/dialogue-player.js';
import { startFakeNode } from '../support/fake-node.js';

t.test('dialogues are found with their title, conditions and steps; other fences are not', async (t) => {
  const markdown = [
    '# One',
    '```',
    'C: no',
    '```',
    '## `Two`',
    '```dialogue auth x',
    'C: PING',
    'C> {}',
    '',
    'C:',
  ];
  const dialogues = parseDialogues(
    [...markdown, 'S: OK', 'C: (half-close)', 'S: (closed)', '```'].join('\n'),
  );
  t.strictSame(dialogues, [
    {
      title: 'Two',
      line: 6,
      conditions: ['auth', 'x'],
      steps: [
        { type: 'send', text: 'PING', line: 7 },
        { type: 'send_raw', text: '{}', line: 8 },
        { type: 'send', text: '', line: 10 },
        { type: 'expect', pattern: 'OK', line: 11 },
        { type: 'half_close', line: 12 },
        { type: 'expect_close', line: 13 },
      ],
    },
  ]);
});

t.test('what is no step, or has no end, is refused with its line', async (t) => {
  t.throws(() => parseDialogues('```dialogue\nPING\n```'), /line 2: "PING" is no step/);
  t.throws(() => parseDialogues('\n```dialogue\nC: PING\n'), /line 2: this dialogue has no end/);
});

t.test('a pattern matches the whole reply, and what it caught before must come again', async (t) => {
  const captured = new Map<string, string>();
  const id = '0123456789ab-cdefg-1z';
  t.ok(matchReply('OK <id> copies=1', `OK ${id} copies=1`, captured));
  t.ok(matchReply('OK {"id":"<id>",...}', `OK {"id":"${id}","a":1}`, captured));
  t.notOk(matchReply('OK <id>', 'OK 0123456789ab-cdefg-2', captured));
  t.notOk(matchReply('OK <id2>', 'OK nothing', captured));
  t.notOk(matchReply('OK', 'OK and more', captured));
  t.ok(matchReply('OK <json>', 'OK [1, 2]', captured));
  t.notOk(matchReply('OK <json>', 'OK [1, 2', captured));
  t.notOk(matchReply('OK a.c', 'OK abc', captured));
});

t.test('placeholders of a line are filled in', async (t) => {
  t.strictSame(
    fillIn('WAIT <id> <0xff><x*3>', new Map([['id', 'a-1']])),
    Buffer.from('WAIT a-1 \xffxxx', 'latin1'),
  );
  t.throws(() => fillIn('WAIT <id>', new Map()), /<id> was not caught/);
});

t.test('a dialogue that differs is rejected with its line and the transcript', async (t) => {
  const { server, address } = await startFakeNode();
  const play = (text: string) => {
    const [dialogue] = parseDialogues(`\`\`\`dialogue\n${text}\n\`\`\``);
    if (dialogue === undefined) throw new Error('no dialogue');
    return playDialogue(dialogue, address, { answerTimeoutMs: 200 });
  };
  await play('C: PING\nS: OK pong\nC: (half-close)\nS: (closed)');
  await t.rejects(play('C: PING\nS: OK ping'), /line 3: the answer should be: OK ping\nC: PING\nS: OK pong/);
  await t.rejects(play('C: PING\nS: (closed)'), /line 3: the connection should be closed/);
  await t.rejects(
    play('C: QUIT\nS: OK\nS: OK'),
    /line 4: the answer should be: OK\nC: QUIT\nS: OK\nS: \(closed\)/,
  );
  await t.rejects(play('S: OK'), /no answer within 200 ms/);
  await server.shutdown(0);
});
