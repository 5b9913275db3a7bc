import { connect, type Socket } from 'node:net';
import { parseAddress } from '../../test/support/line-connection.js';

/** What came of a request. */
export type Answer =
  | { readonly type: 'reply'; readonly text: string }
  /** There was no connection to send it on. */
  | { readonly type: 'unsent' }
  /** It was sent, and nobody knows what came of it. */
  | { readonly type: 'unknown'; readonly why: string };

/** Where a node takes requests now, and what to say first. */
export interface EntryAddress {
  readonly client: string;
  readonly token: string | null;
}

interface Asked {
  readonly timer: NodeJS.Timeout;
  resolve(answer: Answer): void;
}

const connectTimeoutMs = 2_000;

/**
 * One client's way into a node: one connection with any number of tagged requests in flight. When it is lost the next request makes
 * a new one. It never asks twice by itself.
 */
export class Entry {
  #connecting: Promise<Socket | null> | null = null;
  #socket: Socket | null = null;
  #tagCount = 0;
  readonly #asked = new Map<string, Asked>();

  constructor(
    readonly name: string,
    private readonly where: () => EntryAddress,
  ) {}

  async ask(request: string, timeoutMs: number): Promise<Answer> {
    this.#connecting ??= this.#connect();
    const socket = await this.#connecting;
    if (socket === null || socket.destroyed) return { type: 'unsent' };
    return this.#send(socket, request, timeoutMs);
  }

  close(): void {
    this.#socket?.destroy();
  }

  #send(socket: Socket, request: string, timeoutMs: number): Promise<Answer> {
    const tag = (++this.#tagCount).toString(36);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#asked.delete(tag);
        resolve({ type: 'unknown', why: 'no answer in time' });
      }, timeoutMs);
      this.#asked.set(tag, { timer, resolve });
      socket.write(`@${tag} ${request}\n`);
    });
  }

  async #connect(): Promise<Socket | null> {
    const { client, token } = this.where();
    const socket = connect({ ...parseAddress(client), noDelay: true });
    this.#socket = socket;
    this.#listen(socket);
    const isConnected = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), connectTimeoutMs);
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve(true);
      });
      socket.once('close', () => {
        clearTimeout(timer);
        resolve(false);
      });
    });
    if (!isConnected) return null;
    if (token === null) return socket;
    const greeted = await this.#send(socket, `AUTH ${token}`, connectTimeoutMs);
    if (greeted.type === 'reply' && greeted.text.startsWith('OK')) return socket;
    socket.destroy();
    return null;
  }

  #listen(socket: Socket): void {
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#hear(line);
    });
    socket.on('error', () => {}); // What it was does not matter: 'close' follows.
    socket.on('close', () => {
      this.#connecting = null;
      for (const { timer, resolve } of this.#asked.values()) {
        clearTimeout(timer);
        resolve({ type: 'unknown', why: 'the connection was lost' });
      }
      this.#asked.clear();
    });
  }

  #hear(line: string): void {
    const [, tag = '', text = ''] = /^@(\S+) (.*)$/.exec(line) ?? [];
    const asked = this.#asked.get(tag);
    if (asked === undefined) return; // It came too late.
    this.#asked.delete(tag);
    clearTimeout(asked.timer);
    asked.resolve({ type: 'reply', text });
  }
}
