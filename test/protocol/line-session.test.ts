import t from 'tap';
import type { ClientCommand } from '../../src/core/commands.js';
import { errorReply, okReply, type Reply } from '../../src/core/reply.js';
import { createTokenCheck } from '../../src/protocol/access.js';
import { ByteBudget } from '../../src/protocol/byte-budget.js';
import { helloText } from '../../src/protocol/help.js';
import { LineSession } from '../../src/protocol/line-session.js';
import type { SessionLimits } from '../../src/protocol/line-session-contract.js';

const limits: SessionLimits = {
  lineBytesMax: 1024,
  bodyBytesMax: 1024,
  requestsInFlightMax: 4,
  outputBytesHigh: 1024,
};

/** A session and what it does, each request of the node in short as `seq:type`. */
class Play {
  readonly session: LineSession;
  readonly commands: ClientCommand[] = [];
  readonly answers: string[] = [];
  /** Requests that the client has ended. */
  readonly ended: number[] = [];

  constructor(options: { token?: string; limits?: Partial<SessionLimits>; receiving?: ByteBudget } = {}) {
    let seq = 0;
    this.session = new LineSession({
      limits: { ...limits, ...options.limits },
      tokenCheck: options.token === undefined ? null : createTokenCheck(options.token),
      hello: helloText({ name: 'a' }, { authRequired: options.token !== undefined, limits }),
      nextSeq: () => ++seq,
      ended: (seq) => this.ended.push(seq),
      answered: (reply, isMistake) => {
        this.answers.push(`${reply.ok ? 'OK' : reply.code}${isMistake ? ' mistake' : ''}`);
      },
      receiving: options.receiving ?? new ByteBudget(1024 * 1024),
      refusedForRoom: () => {},
    });
  }

  send(text: string): string[] {
    this.session.push(Buffer.from(text));
    return this.take();
  }

  end(): string[] {
    this.session.end();
    return this.take();
  }

  take(): string[] {
    const taken: string[] = [];
    for (let next = this.session.next(); next !== null; next = this.session.next()) {
      this.commands.push(next.command);
      taken.push(`${next.seq}:${next.command.type}`);
    }
    return taken;
  }

  reply(seq: number, reply: Reply = okReply(String(seq))): void {
    this.session.reply(seq, reply);
  }

  said(): string {
    const { data = '' } = this.session.takeOutput() ?? {};
    return Buffer.from(data).toString();
  }
}

t.test('untagged requests are answered in their order, tagged ones as soon as they are done', async (t) => {
  const play = new Play();
  t.strictSame(play.send('NODES\n@t TASKS\nINFO\nPING\n'), ['1:nodes', '2:tasks', '3:info']);
  play.reply(3);
  t.equal(play.said(), '', 'INFO waits for NODES');
  play.reply(2);
  t.equal(play.said(), '@t OK 2\n');
  play.reply(1);
  t.equal(play.said(), 'OK 1\nOK 3\nOK pong\n');
  t.strictSame(play.answers, ['OK', 'OK', 'OK', 'OK']);
});

t.test('an answer to what is answered already, or was never asked, is ignored', async (t) => {
  const play = new Play();
  play.send('NODES\n');
  play.reply(2);
  play.reply(1);
  play.reply(1, okReply('again'));
  t.equal(play.said(), 'OK 1\n');
});

t.test('a tag may be used for two requests at a time: both answers carry it', async (t) => {
  const play = new Play();
  play.send('@t NODES\n@t TASKS\n');
  play.reply(2);
  play.reply(1);
  t.equal(play.said(), '@t OK 2\n@t OK 1\n');
});

t.test('an answer never takes more than its line', async (t) => {
  const play = new Play();
  play.send('NODES\n@e TASKS\n');
  play.reply(1, okReply('[1,\r\n2]'));
  play.reply(2, errorReply('JOB_FAILED', 'one\n@x OK two'));
  t.equal(play.said(), 'OK [1, 2]\n@e ERR JOB_FAILED one @x OK two\n');
});

t.test('at the limit of requests in flight no more are read, until one is answered', async (t) => {
  const play = new Play();
  t.strictSame(play.send('NODES\n@t NODES\nNODES\nNODES\nNODES\nNODES\n').length, 4);
  t.ok(play.session.isFull);
  t.ok(play.session.hasUnread);
  play.reply(3);
  t.strictSame(play.take(), [], 'its answer is held back, so it still counts');
  play.reply(1);
  t.strictSame(play.take(), ['5:nodes', '6:nodes'], 'both answers are out');
  t.notOk(play.session.hasUnread);
});

t.test('no more is read while many answers are not taken', async (t) => {
  const play = new Play({ limits: { requestsInFlightMax: 1_000 } });
  play.send('PING\n'.repeat(200));
  t.ok(play.session.isFull);
  let said = '';
  while (play.session.hasOutput) {
    const output = play.said();
    t.ok(output.length <= limits.outputBytesHigh + 'OK pong\n'.length);
    said += output;
    play.take();
  }
  t.equal(said, 'OK pong\n'.repeat(200));
});

t.test('with a token, all but the open verbs need AUTH first, mistakes and bodies included', async (t) => {
  const play = new Play({ token: 's3cret' });
  t.strictSame(
    play.send('PING\nHELP PING\nHELLO\nNODES\nJOBS limit=x\nRUN echo bytes=5\nLEAVE\nNOSUCH\n'),
    [],
  );
  const said = play.said().split('\n');
  t.equal(said[0], 'OK pong');
  t.match(said[1], /^OK \{"verb":"PING"/);
  t.match(said[2], /^OK \{"server":"rondo","protocol":1,"name":"a","auth":true,"limits":/);
  for (const line of said.slice(3, 6)) t.match(line, /^ERR UNAUTHORIZED /);
  t.match(said[6], /^ERR UNKNOWN_VERB /);
  t.strictSame(play.send('AUTH\nAUTH s3cre\nAUTH s3crett\nAUTH S3CRET\nNODES\n'), []);
  t.match(play.said().split('\n'), [/^ERR BAD_REQUEST/, ...Array(4).fill(/^ERR UNAUTHORIZED/), '']);
  t.strictSame(play.send('AUTH s3cret\nNODES\nAUTH wrong\nNODES\n'), ['1:nodes', '2:nodes']);
  play.reply(1);
  play.reply(2);
  t.equal(play.said(), 'OK\nOK 1\nERR UNAUTHORIZED this is not the token of this node\nOK 2\n');
});

t.test('without a token, AUTH is fine', async (t) => {
  const play = new Play();
  play.send('AUTH whatever\n');
  t.equal(play.said(), 'OK\n');
});

t.test(
  'QUIT is answered last, tagged requests before it included, and nothing after it is read',
  async (t) => {
    const play = new Play();
    t.strictSame(play.send('@t NODES\nNODES\n@q QUIT\nPING\nLEAVE\n'), ['1:nodes', '2:nodes']);
    t.ok(play.session.isFinishing);
    play.reply(2);
    t.equal(play.said(), 'OK 2\n');
    t.notOk(play.session.isFinished);
    play.reply(1);
    t.equal(play.said(), '@t OK 1\n@q OK\n');
    t.ok(play.session.isFinished);
    t.strictSame(play.send('PING\n'), []);
    t.equal(play.said(), '');
  },
);

t.test('a client that half-closes gets what is due', async (t) => {
  const play = new Play();
  play.send('NODES\nTASKS\n');
  t.strictSame(play.end(), []);
  play.reply(2);
  play.reply(1);
  t.ok(play.session.isFinished);
  t.equal(play.said(), 'OK 1\nOK 2\n');
});

t.test('the half-close is taken in turn when the session was full', async (t) => {
  const play = new Play({ limits: { requestsInFlightMax: 1 } });
  play.send('NODES\nTASKS\nINFO');
  play.end();
  t.ok(play.session.hasUnread);
  play.reply(1);
  t.strictSame(play.take(), ['2:tasks']);
  play.reply(2);
  t.strictSame(play.take(), []);
  t.equal(play.said(), 'OK 1\nOK 2\nERR BAD_REQUEST the connection ended in the middle of a line\n');
  t.ok(play.session.isFinished);
});

t.test(
  'after an error that can not be read on from, what is due is given, then the error, then it ends',
  async (t) => {
    for (const [bytes, code] of [
      [`${'x'.repeat(1025)}\n`, 'LINE_TOO_LONG'],
      ['RUN echo bytes=1025\n', 'BODY_TOO_LARGE'],
      ['RUN echo bytes=x\n', 'BAD_OPTION'],
    ] as const) {
      const play = new Play();
      play.send(`NODES\n${bytes}PING\n`);
      t.equal(play.said(), '');
      play.reply(1);
      t.match(play.said().split('\n'), ['OK 1', new RegExp(`^ERR ${code} `), '']);
      t.ok(play.session.isFinished);
    }
    const play = new Play();
    play.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    t.match(play.said(), /^ERR WRONG_PROTOCOL [^\n]*HTTP[^\n]*\n$/);
    t.ok(play.session.isFinished);
  },
);

t.test('a body that is shorter or longer than it says costs its own request only', async (t) => {
  const play = new Play();
  t.strictSame(play.send('@a RUN echo bytes=2\n12345\n@b RUN echo bytes=4\n12\nNODES\nNODES\n'), [
    '1:submit',
    '2:nodes',
  ]);
  t.match(play.commands[0], { args: '12' });
  t.match(play.said().split('\n'), [
    /^ERR BAD_REQUEST no line break/,
    /^@b ERR BAD_JSON/,
    /^ERR BAD_REQUEST no line break/,
    '',
  ]);
  play.reply(1);
  play.reply(2);
  t.equal(play.said(), '@a OK 1\nOK 2\n', 'in step again');
});

t.test('bad UTF-8 is told with the tag of its request, and its body is passed over', async (t) => {
  const play = new Play();
  play.session.push(Buffer.from('@a RUN echo bytes=6 "\xff"\nLEAVE\n\nPING\n', 'latin1'));
  t.strictSame(play.take(), []);
  t.equal(play.said(), '@a ERR BAD_UTF8 the line is not valid UTF-8\nOK pong\n');
});

t.test('finish lets what is in flight be answered', async (t) => {
  const idle = new Play();
  idle.session.finish();
  t.ok(idle.session.isFinished);
  const busy = new Play();
  busy.send('NODES\n');
  busy.session.finish();
  t.strictSame([...busy.session.unansweredSeqs()], [1]);
  t.notOk(busy.session.isFinished);
  busy.reply(1);
  t.ok(busy.session.isFinished);
  t.equal(busy.said(), 'OK 1\n');
});

t.test('mistakes of the client are told apart from errors of jobs', async (t) => {
  const play = new Play();
  play.send('NODES\nNOSUCH\n');
  play.reply(1, errorReply('INTERNAL', 'x'));
  t.strictSame(play.answers, ['UNKNOWN_VERB mistake', 'INTERNAL']);
});

t.test('a body for which there is no room is passed over; one that has ended makes room', async (t) => {
  const receiving = new ByteBudget(100);
  const first = new Play({ receiving });
  const second = new Play({ receiving });
  first.send('@a RUN echo bytes=60\n');
  t.equal(receiving.bytes, 60, 'as long as it was announced');
  t.strictSame(second.send('@b RUN echo bytes=60\n'.concat('LEAVE\n'.repeat(10), '\nPING\n')), []);
  t.match(second.said(), /^@b ERR BUSY retry-after=1s [^\n]+\nOK pong\n$/);
  t.strictSame(first.send(`${'1'.repeat(60)}\n`), ['1:submit']);
  t.equal(receiving.bytes, 0);
  t.strictSame(second.send(`RUN echo bytes=60\n${'1'.repeat(60)}\n`), ['1:submit']);
});

t.test('a line that has begun takes room until it ends or its client does', async (t) => {
  const receiving = new ByteBudget(100);
  const first = new Play({ receiving });
  first.send(`RUN echo ${'1'.repeat(51)}`);
  t.equal(receiving.bytes, 60);
  const second = new Play({ receiving });
  second.send(`RUN echo ${'1'.repeat(51)}`);
  t.match(second.said(), /^ERR BUSY retry-after=1s [^\n]+\n$/);
  t.ok(second.session.isFinished, 'nobody has read its tag, or where it ends');
  t.strictSame(first.send('\n'), ['1:submit']);
  t.equal(receiving.bytes, 0);
  first.send('RUN echo');
  first.session.finish();
  t.equal(receiving.bytes, 0);
});

t.test('a request moves on with each byte, a long body with each 64 KiB', async (t) => {
  const bodyBytes = 200 * 1024;
  const play = new Play({ limits: { bodyBytesMax: bodyBytes } });
  const moves = (text: string): boolean => {
    const before = play.session.moveCount;
    play.send(text);
    return play.session.moveCount > before;
  };
  t.ok(moves('RUN echo '));
  t.ok(moves('b'));
  t.ok(moves(`ytes=${bodyBytes}\n`));
  t.ok(play.session.isInsideRequest);
  t.notOk(moves('1'.repeat(64 * 1024 - 1)));
  t.ok(moves('1'));
  t.ok(moves('1'.repeat(bodyBytes - 64 * 1024)));
  play.send('\n');
  t.notOk(play.session.isInsideRequest);
});

t.test(
  'the line break behind a body may be left for later, whether the body was taken or refused',
  async (t) => {
    for (const line of [
      'RUN echo bytes=2\n{}',
      'NOSUCHVERB bytes=2\n{}',
      'NOSUCHVERB bytes=0\n',
      'RUN echo bytes=2\n{}\r',
    ]) {
      const play = new Play();
      play.send(line);
      t.notOk(play.session.isInsideRequest, line);
    }
    const play = new Play();
    play.send('NOSUCHVERB bytes=2\n{');
    t.ok(play.session.isInsideRequest, 'the body itself has to come');
  },
);

t.test('a request that does not go on is refused with its tag, and ends the session', async (t) => {
  const receiving = new ByteBudget(100);
  const play = new Play({ receiving });
  t.strictSame(play.send('NODES\n@b RUN echo bytes=60\n1'), ['1:nodes']);
  play.session.giveUpRequest();
  t.match(play.said(), /^@b ERR SLOW_CLIENT [^\n]+\n$/);
  t.equal(receiving.bytes, 0);
  play.reply(1);
  t.equal(play.said(), 'OK 1\n');
  t.ok(play.session.isFinished);
});

t.test('a session that is cut off forgets all answers but its last word', async (t) => {
  const play = new Play();
  play.send('NODES\n@t NODES\nNODES\n');
  play.reply(2);
  play.reply(3);
  t.equal(play.session.answerBytes, '@t OK 2\nOK 3\n'.length, 'one that waits for an earlier one counts');
  play.session.cutOff(errorReply('REPLIES_TOO_LARGE', 'too much'));
  t.strictSame([...play.session.unansweredSeqs()], []);
  play.reply(1);
  t.equal(play.said(), 'ERR REPLIES_TOO_LARGE too much\n');
  t.ok(play.session.isFinished);
  t.equal(play.session.answerBytes, 0);
});

t.test('output comes in texts of whole lines', async (t) => {
  const play = new Play({ limits: { requestsInFlightMax: 1_000 } });
  play.send('@t NODES\n'.repeat(100));
  for (let seq = 1; seq <= 100; seq++) play.reply(seq, okReply('ä'.repeat(10_000)));
  const bytes = play.session.answerBytes;
  const texts: string[] = [];
  while (play.session.hasOutput) texts.push(play.said());
  t.ok(texts.length > 1 && texts.every((text) => text.endsWith('\n')));
  t.ok(texts.every((text) => Buffer.byteLength(text) <= 256 * 1024));
  t.equal(Buffer.byteLength(texts.join('')), bytes);
  t.equal(play.session.answerBytes, 0);
});

t.test('spaces before a request are passed over', async (t) => {
  const play = new Play();
  play.send('  PING\n  @t PING\n   \n');
  t.match(play.said(), /^OK pong\n@t OK pong\nERR BAD_REQUEST no verb/);
});
