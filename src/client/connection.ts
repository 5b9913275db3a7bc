import { connect, type Socket } from 'node:net';
import { RondoError } from '../core/errors.js';
import { parseClientAddress } from './addresses.js';
import { type ClientReply, ReplyDecoder } from './reply-decoder.js';
import { type EncodedRequest, encodeRequest } from './request-line.js';

export interface ConnectionOptions {
  readonly address: string;
  readonly token: string | null;
  /** Limit for all of: name look-up, TCP, AUTH and the first answer. */
  readonly connectTimeoutMs: number;
  /** Requests written and not answered yet; the others wait here. */
  readonly inFlightMax: number;
  /** With answers owed and nothing heard for so long, the node is pinged; after three times that it counts as gone. */
  readonly quietMs: number;
  /** Called once, when the connection ended by anything but `close`. */
  readonly onLost: (lost: LostConnection) => void;
}

export interface LostConnection {
  readonly reason: string;
  /** Requests that were sent and will not be answered: each may or may not have happened. */
  readonly unansweredCount: number;
}

/** How a request ended on this connection. One that was not `sent` has had no effect anywhere. */
export type Exchange =
  | { readonly type: 'replied'; readonly reply: ClientReply }
  | { readonly type: 'lost'; readonly sent: boolean; readonly reason: string };

interface Pending {
  readonly request: EncodedRequest;
  readonly settle: (exchange: Exchange) => void;
}

/** Over this many bytes in the socket's queue, requests wait until it has drained. */
const socketQueueBytesHigh = 1024 * 1024;
const unansweredPingsMax = 2;

/** One connection to one node: any number of tagged requests at once, written together once a tick. */
export class Connection {
  readonly address: string;
  private readonly decoder = new ReplyDecoder();
  private readonly inFlight = new Map<string, Pending>();
  private waiting: Pending[] = [];
  private tagCount = 0;
  private flushScheduled = false;
  private heard = false;
  private unansweredPings = 0;
  private retired = false;
  private ended: { readonly reason: string } | null = null;
  private readonly quietTimer: NodeJS.Timeout;

  private constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
  ) {
    this.address = options.address;
    this.quietTimer = setInterval(() => this.checkQuiet(), options.quietMs).unref();
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('drain', () => this.scheduleFlush());
    socket.on('error', (error: NodeJS.ErrnoException) => this.end(reasonOf(error)));
    socket.on('close', () => this.end('it closed the connection'));
  }

  /**
   * Connects, and waits for a first answer, so that a port on which nothing or something else answers is found out
   * before any request goes there. Rejects with `UNREACHABLE` or `UNAUTHORIZED`.
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { host, port } = parseClientAddress(options.address);
    const connection = new Connection(connect({ host, port, noDelay: true }), options);
    const timer = setTimeout(
      () => connection.end(`no answer within ${options.connectTimeoutMs} ms`),
      options.connectTimeoutMs,
    );
    try {
      await connection.greet();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get isOpen(): boolean {
    return this.ended === null;
  }

  /** Sends a request, after those that wait before it. Always resolves. */
  exchange(request: EncodedRequest): Promise<Exchange> {
    return new Promise((settle) => {
      if (this.ended !== null) {
        settle({ type: 'lost', sent: false, reason: this.ended.reason });
        return;
      }
      this.waiting.push({ request, settle });
      this.scheduleFlush();
    });
  }

  /** No new requests will come: closes once those that are there are answered. */
  retire(): void {
    this.retired = true;
    this.closeIfIdle();
  }

  close(): void {
    this.end('this client closed it', { silently: true });
  }

  private async greet(): Promise<void> {
    const { token } = this.options;
    const authorized =
      token === null ? null : this.exchange(encodeRequest({ verb: 'AUTH', operands: [token] }));
    const greeted = this.exchange(encodeRequest({ verb: 'HELLO' }));
    for (const answer of [await authorized, await greeted]) {
      if (answer?.type === 'lost') throw new RondoError('UNREACHABLE', answer.reason);
    }
    const answer = await authorized;
    if (answer?.type === 'replied' && !answer.reply.ok) {
      throw new RondoError(answer.reply.code, answer.reply.message);
    }
  }

  private scheduleFlush(): void {
    if (this.flushScheduled || this.waiting.length === 0 || this.ended !== null) return;
    this.flushScheduled = true;
    process.nextTick(() => this.flush());
  }

  private flush(): void {
    this.flushScheduled = false;
    if (this.ended !== null) return;
    let text = '';
    let taken = 0;
    this.socket.cork();
    for (const pending of this.waiting) {
      if (this.inFlight.size >= this.options.inFlightMax) break;
      if (this.socket.writableLength + text.length > socketQueueBytesHigh) break;
      taken++;
      text += this.tagged(pending);
      const { body } = pending.request;
      if (body === null) continue;
      this.socket.write(text);
      this.socket.write(body);
      text = '\n';
    }
    if (text !== '') this.socket.write(text);
    this.socket.uncork();
    this.waiting = taken === this.waiting.length ? [] : this.waiting.slice(taken);
  }

  private tagged(pending: Pending): string {
    const tag = (this.tagCount++).toString(36);
    this.inFlight.set(tag, pending);
    return `@${tag} ${pending.request.text}`;
  }

  private receive(chunk: Buffer): void {
    this.heard = true;
    try {
      for (const { tag, reply } of this.decoder.push(chunk)) {
        if (tag === null) throw new RondoError('BAD_REPLY', describeUntagged(reply));
        const pending = this.inFlight.get(tag);
        this.inFlight.delete(tag);
        pending?.settle({ type: 'replied', reply });
      }
    } catch (error) {
      this.end((error as Error).message);
      return;
    }
    this.scheduleFlush();
    this.closeIfIdle();
  }

  private closeIfIdle(): void {
    if (this.retired && this.inFlight.size === 0 && this.waiting.length === 0) this.close();
  }

  /** TCP says nothing of a node that hangs: with answers owed, silence is met with a PING, and then with an end. */
  private checkQuiet(): void {
    if (this.heard || this.inFlight.size === 0) {
      this.heard = false;
      this.unansweredPings = 0;
    } else if (this.unansweredPings === unansweredPingsMax) {
      this.end(`it has not answered for ${this.options.quietMs * (unansweredPingsMax + 1)} ms`);
    } else {
      this.unansweredPings++;
      const request = encodeRequest({ verb: 'PING' });
      this.socket.write(this.tagged({ request, settle: () => {} }));
    }
  }

  private end(reason: string, { silently = false } = {}): void {
    if (this.ended !== null) return;
    this.ended = { reason };
    clearInterval(this.quietTimer);
    this.socket.destroy();
    const unanswered = [...this.inFlight.values()];
    const unsent = this.waiting;
    this.inFlight.clear();
    this.waiting = [];
    if (!silently) this.options.onLost({ reason, unansweredCount: unanswered.length });
    for (const { settle } of unanswered) settle({ type: 'lost', sent: true, reason });
    for (const { settle } of unsent) settle({ type: 'lost', sent: false, reason });
  }
}

function describeUntagged(reply: ClientReply): string {
  return reply.ok ? 'it sent an answer that nobody asked for' : `${reply.code}: ${reply.message}`;
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name does not resolve';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection broke';
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'no way to reach it';
    default:
      return error.message;
  }
}
