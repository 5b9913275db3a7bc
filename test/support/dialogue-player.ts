import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Dialogue, type DialogueStep, fillIn, matchReply } from './dialogue.js';

export interface PlayOptions {
  /** How long one answer may take. */
  readonly answerTimeoutMs?: number;
}

/** Plays a dialogue on a connection of its own to `host:port`. Rejects with the transcript where an answer is another. */
export async function playDialogue(
  dialogue: Dialogue,
  address: string,
  options: PlayOptions = {},
): Promise<void> {
  const separator = address.lastIndexOf(':');
  const socket = connect({
    host: address.slice(0, separator).replace(/^\[|\]$/g, ''),
    port: Number(address.slice(separator + 1)),
    allowHalfOpen: true,
  });
  const replies = new ReplyReader(socket, options.answerTimeoutMs ?? 10_000);
  await once(socket, 'connect');
  const captured = new Map<string, string>();
  const transcript: string[] = [];
  try {
    for (const step of dialogue.steps) await playStep(step, { socket, replies, captured, transcript });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${transcript.join('\n')}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

interface Scene {
  readonly socket: Socket;
  readonly replies: ReplyReader;
  readonly captured: Map<string, string>;
  readonly transcript: string[];
}

async function playStep(step: DialogueStep, scene: Scene): Promise<void> {
  const { socket, replies, captured, transcript } = scene;
  switch (step.type) {
    case 'send':
    case 'send_raw': {
      const bytes = step.type === 'send' ? fillIn(step.text, captured) : Buffer.from(step.text);
      transcript.push(`C: ${bytes.toString('utf8').slice(0, 200)}`);
      socket.write(Buffer.concat([bytes, Buffer.from('\n')]));
      return;
    }
    case 'half_close':
      transcript.push('C: (half-close)');
      socket.end();
      return;
    case 'expect': {
      const reply = await replies.next();
      transcript.push(reply === null ? 'S: (closed)' : `S: ${reply}`);
      if (reply === null || !matchReply(step.pattern, reply, captured)) {
        throw new Error(`line ${step.line}: the answer should be: ${step.pattern}`);
      }
      return;
    }
    case 'expect_close': {
      const reply = await replies.next();
      transcript.push(reply === null ? 'S: (closed)' : `S: ${reply}`);
      if (reply !== null) throw new Error(`line ${step.line}: the connection should be closed`);
      return;
    }
  }
}

/** The lines that come from a socket, one at a time; null once it has ended. */
class ReplyReader {
  private readonly lines: string[] = [];
  private partial = '';
  private hasEnded = false;
  private wake: (() => void) | null = null;

  constructor(
    socket: Socket,
    private readonly timeoutMs: number,
  ) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const parts = (this.partial + text).split('\n');
      this.partial = parts.pop() ?? '';
      this.lines.push(...parts);
      this.wake?.();
    });
    const end = (): void => {
      this.hasEnded = true;
      this.wake?.();
    };
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }

  async next(): Promise<string | null> {
    while (this.lines.length === 0 && !this.hasEnded) await this.change();
    return this.lines.shift() ?? null;
  }

  private change(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no answer within ${this.timeoutMs} ms`)),
        this.timeoutMs,
      );
      this.wake = () => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
    });
  }
}
